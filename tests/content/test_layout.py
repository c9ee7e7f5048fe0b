"""The document around what a mail says."""

from __future__ import annotations

from flask_smtpadmin.content.dress import dress
from flask_smtpadmin.content.layout import wrap


def test_the_preheader_goes_to_the_top_and_is_hidden() -> None:
    """Lists of mails show it beside the subject; the mail itself does not."""
    document = wrap(dress('<p class="preheader">One hour.</p><h1>Hi</h1>'), title="Hi")
    top, rest = document.split("<body", 1)
    assert "One hour." not in top
    assert rest.index('style="display:none') < rest.index("One hour.") < rest.index("<h1")
    assert rest.count("One hour.") == 1


def test_the_subject_is_the_title_and_its_text_is_escaped_but_not_its_template() -> None:
    """A subject is text; what stands in its tags is code."""
    document = wrap("", title='{{ a | default("b") }} < c')
    assert '<title>{{ a | default("b") }} &lt; c</title>' in document


def test_header_and_footer_take_the_place_of_the_apps_name() -> None:
    """Above and below the mail."""
    document = wrap("MAIL", title="", header="<b>TOP</b>", footer="<i>END</i>")
    assert "app_name" not in document
    assert document.index("<b>TOP</b>") < document.index("MAIL") < document.index("<i>END</i>")


def test_a_language_from_right_to_left_says_so() -> None:
    """``dir`` stands at the root and where web mail keeps it."""
    assert wrap("", title="", language="ar-EG").count('lang="ar-EG" dir="rtl"') == 2
    assert wrap("", title="").count('lang="en" dir="ltr"') == 2

"""The small markup that admins write becomes HTML that mail programs show well."""

from __future__ import annotations

import time

import pytest

from flask_smtpadmin.content.colours import READABLE, contrast, ink_on, readable_on
from flask_smtpadmin.content.dress import dress
from flask_smtpadmin.content.markup import close_up


def test_plain_tags_get_their_styles_where_they_stand() -> None:
    """A bare tag gets a style; what is between tags, and in Jinja's, stays as it is."""
    source = '<h1>Hello {{ name }}</h1>\n<p>{% if a < b %}<b>x</b>{% endif %} &amp; "y"</p>'
    dressed = dress(source)
    assert dressed.startswith('<h1 class="m-ink" style="margin:0 0 20px;')
    assert 'Hello {{ name }}</h1>\n<p style="margin:0 0 16px">{% if a < b %}<b>x</b>' in dressed
    assert '{% endif %} &amp; "y"</p>' in dressed


def test_a_link_of_class_button_becomes_a_button_that_old_outlook_paints() -> None:
    """It is a cell with a ground and Outlook's padding, around the link with its own attributes."""
    dressed = dress('<a class="button" title="Go" href="{{ link }}">Go</a>')
    assert dressed.startswith('<table role="presentation"')
    assert "background-color:#4f46e5;mso-padding-alt:14px 28px" in dressed
    assert 'title="Go" href="{{ link }}">Go</a></td></tr></table>' in dressed


def test_a_paragraph_around_a_button_goes_and_a_button_in_a_sentence_is_no_table() -> None:
    """A table in a paragraph would not be valid HTML."""
    alone = dress('<p>\n  <a class="button" href="x">Go</a>\n</p>')
    assert "<p" not in alone.replace("<p style='margin:0;line-height:16px'>", "")
    within = dress('<p>Now <a class="button" href="x">go</a>!</p>')
    assert "<table" not in within
    assert "padding:14px 28px" in within


def test_a_style_of_its_own_comes_last_and_other_attributes_stay() -> None:
    """Who writes a style means it."""
    dressed = dress('<p id="a" style="color:red" data-x=\'1\'>x</p>')
    assert dressed == '<p style="margin:0 0 16px;color:red" id="a" data-x=\'1\'>x</p>'


def test_tags_look_different_in_lists_of_items_and_tables_of_facts() -> None:
    """And as they always do after their end."""
    dressed = dress('<ul class="items"><li>a</li></ul><ul><li>b</li></ul>')
    assert "padding:12px 0" in dressed.split("b</li>")[0].split("a</li>")[0]
    assert "padding:12px 0" not in dressed.split("a</li>")[1]
    facts = dress('<table class="facts"><tr><th>Size</th><td>1 MB</td></tr></table>')
    assert 'scope="row"' in facts
    assert dress("<td>x</td>") == "<td>x</td>"


def test_every_line_keeps_its_number() -> None:
    """So that an error in a template names the line that was typed."""
    source = (
        '<p\n class="small"\n style="x:y">a</p>\n<p>\n<a class="button"\nhref="x">b</a>\n</p>\n'
        "{% if x %}\nc\n{% endif %}\nlast"
    )
    for made in (dress(source), close_up(source)):
        assert made.split("last")[0].count("\n") == source.count("\n")


def test_languages_from_right_to_left_have_their_margins_on_the_other_side() -> None:
    """Bullets stand to the right of Arabic."""
    assert "padding-right:24px" in dress("<ul><li>x</li></ul>", direction="rtl")


@pytest.mark.parametrize("piece", ["<p ", '<a "', "<!--", "{{", "{%", '<p class="', "<li>", "</p>"])
def test_it_takes_time_that_grows_with_the_length_whatever_is_pasted(piece: str) -> None:
    """30,000 unfinished tags take a second or so of the processor, not minutes."""
    began = time.process_time()
    dress(piece * 30_000)
    assert time.process_time() - began < 5


def test_lines_with_nothing_but_a_tag_leave_no_line() -> None:
    """A loop over lines yields these lines; a tag within a line changes nothing."""
    source = "a\n{% for x in y %}\n- b\n{% endfor %}\nc {% if d %}e{% endif %}\nf"
    closed = close_up(source).replace("\n%}", "%}")
    assert closed == "a\n{% for x in y %}- b\n{% endfor %}c {% if d %}e{% endif %}\nf"


@pytest.mark.parametrize("accent", ["#4f46e5", "#ffd400", "#777777", "#0f6e69", "#000000"])
def test_an_accent_is_moved_until_it_can_be_read(accent: str) -> None:
    """Links on white and on dark, and the words on a button, have a contrast of 4.5:1."""
    for ground in ("#ffffff", "#171b21"):
        assert contrast(readable_on(ground, accent), ground) >= READABLE
    assert contrast(ink_on(accent), accent) >= READABLE

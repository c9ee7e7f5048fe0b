"""Templates, header and footer become one mail."""

from __future__ import annotations

import pytest

from flask_smtpadmin.content.composing import composer
from flask_smtpadmin.content.frame import Frame, framed_html
from flask_smtpadmin.content.text_part import text_of
from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.errors import TemplateError

FRAME = Frame(Texts("", "<i>{{ app_name }}</i>", "{{ app_name }}"), Texts("", "<b>foot</b>", "--"))
VALUES = {"app_name": "Tidepool", "base_url": "", "people": ["Ada", "Bob"]}


def kind(html: str | None, text: str | None = None, **options: object) -> EmailType:
    """Return a type that knows ``people``."""
    texts = Texts("{{ people|length }} people", html, text)
    return EmailType(name="list", texts=texts, sample={"people": ["Ada"]}, **options)


def test_header_and_footer_stand_around_both_parts() -> None:
    """Their own variables are filled in; a type may go without them."""
    one = kind("<p>{{ people|join(', ') }}</p>", "{{ people|join(', ') }}")
    found = composer(one, one.texts, FRAME).render(VALUES)
    assert found.text == "Tidepool\n\nAda, Bob\n\n--\n"
    parts = ("<i>Tidepool</i>", "Ada, Bob", "<b>foot</b>", "</html>")
    places = [found.html.find(part) for part in parts]
    assert places == sorted(places)
    assert places[0] > 0
    alone = kind("<p>x</p>", framed=False)
    assert "foot" not in composer(alone, alone.texts, FRAME).render(VALUES).html


def test_a_whole_document_keeps_its_own_head() -> None:
    """Header and footer go right inside its body, wherever that ends."""
    html = "<!doctype html><HTML lang='de'><body class=a><p>x</p></body ></html>"
    assert framed_html(html, FRAME, title="t") == (
        "<!doctype html><HTML lang='de'><body class=a><i>{{ app_name }}</i><p>x</p>"
        "<b>foot</b></body ></html>"
    )


def test_the_text_is_made_of_the_html() -> None:
    """Tags of the template stay where they were; conditions with < and > do no harm."""
    html = (
        "<h1>List</h1>{% if people|length > 1 and 1 <people|length %}<ul>"
        "{% for one in people %}<li><a href='https://a.example/{{ one|lower }}'>{{ one }}</a></li>"
        "{% endfor %}</ul>{% endif %}"
    )
    one = kind(html)
    text = composer(one, one.texts, Frame()).render(VALUES).text
    assert [line.strip() for line in text.splitlines() if line.strip()] == [
        "List",
        "- Ada: https://a.example/ada",
        "- Bob: https://a.example/bob",
    ]
    assert "{% for one in people %}" in text_of(html)
    assert text_of('<a href="{{ url }}">Reset</a>') == "Reset: {{ url }}"


def test_conditions_on_the_cells_of_a_table_stay_around_them() -> None:
    """A cell that the HTML leaves out is left out of the text."""
    one = kind(
        "<table>{% for one in people %}<tr><td>{{ one }}</td>{% if one == 'Ada' %}<td>first</td>"
        "{% endif %}</tr>{% endfor %}</table>"
    )
    text = composer(one, one.texts, Frame()).render(VALUES).text
    assert "Ada | first" in text
    assert text.count("first") == 1


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p><a href='{{ link }}'>Choose it</a> now</p>", "Choose it ({{ link }}) now"),
        ('<a href = "{{ link }}?a={{ a }}">Choose it</a>', "Choose it: {{ link }}?a={{ a }}"),
        ("<a href={{ link }}>{{ link }}</a>", "{{ link }}"),
        ("<a href='https://{{ link }}/x'>x</a>", "x: https://{{ link }}/x"),
        ("<p>{{ link }}</p><a href='#'>x</a>", "{{ link }}\n\nx"),
    ],
)
def test_links_whose_address_is_a_variable(html: str, text: str) -> None:
    """The address of a link stays in the plain text though it only comes with the values."""
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("texts", "part", "line"),
    [
        (Texts("{{ nobody }}", "<p>x</p>"), "subject", 1),
        (Texts("x", "<p>x</p>\n\n<p>{{ nobody }}</p>"), "html", 3),
        (Texts("x", "<p>x</p>", "x\n{{ nobody }}"), "text", 2),
    ],
)
def test_a_mistake_is_found_in_the_part_and_line_where_it_was_typed(
    texts: Texts, part: str, line: int
) -> None:
    """The frame around it does not shift the lines."""
    with pytest.raises(TemplateError, match="nobody") as caught:
        composer(kind("x"), texts, FRAME)
    assert (caught.value.part, caught.value.line) == (part, line)


def test_what_is_compiled_once_is_not_compiled_again() -> None:
    """A batch after the first finds its templates ready."""
    one = kind("<p>{{ people|first }}</p>")
    assert composer(one, one.texts, FRAME) is composer(one, one.texts, FRAME)

"""Every word that people read goes through the catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

import flask_smtpadmin.web

TEMPLATES = Path(flask_smtpadmin.web.__file__).parent / "templates" / "smtpadmin"
#: Names and units that are the same in every language.
SAME = frozenset({"CSV", "JSON", "LOGIN", "Message-ID", "PLAIN", "Redis", "STARTTLS", "ms"})
#: Examples to type, which are no words.
EXAMPLES = frozenset({"example.com", "name@example.com", "server:default"})
#: Attributes whose text people read or hear.
READ = frozenset({"aria-label", "data-label", "placeholder", "title"})
#: Elements whose text is no prose.
CODE = frozenset({"code", "pre", "script", "style"})
#: Parts of a template that nobody reads: samples of code, and macros that write attributes.
UNREAD = (
    re.compile(r"(?s)\{% set code %\}.*?\{% endset %\}"),
    re.compile(r"(?s)\{% macro (?:attributes|anchor)\(.*?\{%-? endmacro"),
)
#: The functions that take a text to the catalogues.
MARKS = frozenset({"sa_", "sa_n"})
#: Text in an expression: it begins like a sentence or a heading, or has words in a row.
PROSE = re.compile(r"^[A-Z][a-z]|[a-z]{2} [a-z]{2}")
#: Classes of elements stand in strings, too.
CLASSES = re.compile(r"(^| )sa-")


def words_in(text: str) -> list[str]:
    """Return the words of a text that are not the same everywhere."""
    found = re.findall(r"[A-Za-z][\w@.:-]*[A-Za-z]", text)
    return [word for word in found if word not in SAME | EXAMPLES]


class Unmarked(HTMLParser):
    """Collects the words that stand in a template outside of all expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down words in attributes."""
        if tag in CODE:
            self._inside.append(tag)
        for name, value in attrs:
            if name in READ and words_in(value or ""):
                self.found.append((self.getpos()[0], f"{name}={value!r}"))

    def handle_endtag(self, tag: str) -> None:
        """Leave code behind."""
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Take down words between tags."""
        if not self._inside and words_in(data):
            self.found.append((self.getpos()[0], " ".join(data.split())))


def outside(source: str) -> str:
    """Return a template without its expressions, statements, comments and code samples."""
    for part in UNREAD:
        source = part.sub(_blank, source)
    source = re.sub(r"(</?)\{\{.*?\}\}", r"\1div", source)
    return re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", _blank, source)


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n") or " "


def inside(source: str) -> Iterator[tuple[int, str]]:
    """Yield each text in an expression that no mark takes to the catalogues."""
    calls: list[str] = []
    before = ""
    for line, kind, value in Environment(autoescape=True).lex(source):
        if kind == "operator" and value in "([{":
            calls.append(before)
        elif kind == "operator" and value in ")]}":
            calls.pop()
        elif kind == "string" and not MARKS & set(calls):
            text = value[1:-1]
            if PROSE.search(text) and not CLASSES.search(text) and words_in(text):
                yield line, value
        if kind != "whitespace":
            before = value if kind == "name" else ""


def unmarked(source: str) -> list[tuple[int, str]]:
    """Return the line and the text of all that people would read in English only."""
    reader = Unmarked()
    reader.feed(outside(source))
    reader.close()
    return sorted([*reader.found, *inside(source)])


@pytest.mark.parametrize(
    "template",
    sorted(TEMPLATES.rglob("*.html")),
    ids=lambda path: str(path.relative_to(TEMPLATES)),
)
def test_a_template_has_no_text_without_a_mark(template: Path) -> None:
    """What a page says comes from a catalogue, so that it can be said in another language."""
    assert unmarked(template.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Some words</p>",
        "<p>{{ x }} messages</p>",
        '<i aria-label="Copy"></i>',
        '<i title="{{ sa_("Copy") }} it"></i>',
        '{{ ui.link(url, "Go on") }}',
        '{{ "one message" if x else sa_("none") }}',
    ],
)
def test_text_without_a_mark_is_found(source: str) -> None:
    """Text between tags, in attributes that are read, and in expressions needs a mark."""
    assert unmarked(source)


@pytest.mark.parametrize(
    "source",
    [
        '<p>{{ sa_("Some words") }} 5 ms</p>',
        '{{ sa_n("%(count)s message", "%(count)s messages", x) }}',
        '<p class="sa-line">{{ ui.icon("retry") }}<code>flask smtp-worker</code></p>',
        '{{ ui.link(url_for(".messages"), sa_("Go on"), none, "sa-button sa-wide") }}',
        "{# a comment #}{% set code %}def may(right){% endset %}",
    ],
)
def test_marked_text_and_code_are_left_alone(source: str) -> None:
    """Marked text, code, classes, icons and units are nothing to translate."""
    assert not unmarked(source)

"""Every word that people read goes through the catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from werkzeug.test import TestResponse

import flask_smtpadmin.web
from flask_smtpadmin.core.settings.presets import presets
from flask_smtpadmin.web import language

TEMPLATES = Path(flask_smtpadmin.web.__file__).parent / "templates" / "smtpadmin"
#: Names and units that are the same in every language.
SAME = frozenset({"CSV", "JSON", "LOGIN", "Message-ID", "PLAIN", "Redis", "STARTTLS", "ms"})
#: Examples to type, which are no words.
EXAMPLES = frozenset({"example.com", "name@example.com", "server:main"})
#: Attributes whose text people read or hear.
READ = frozenset({"aria-label", "data-label", "placeholder", "title"})
#: Elements whose text is no prose.
CODE = frozenset({"code", "pre", "script", "style"})
#: What the site of the test, its servers and messages are called.
DATA = frozenset({"Ada", "Hello", "Lovelace", "Main", "default", "mx2", "nothing", "site", "spare"})
#: Other names: of engines of mail, versions, and a server on this machine.
DATA |= {"TLSv", "UTC", "aiosmtplib", "console", "file", "localhost", "memory", "smtplib", "worker"}
#: Addresses, hosts and the names of settings and causes.
NAME = re.compile(r"\w[._@]\w")
#: Parts of a template that nobody reads: samples of code, and macros that write attributes.
UNREAD = (
    re.compile(r"(?s)\{% set code %\}.*?\{% endset %\}"),
    re.compile(r"(?s)\{% macro (?:attributes|anchor)\(.*?\{%-? endmacro"),
)
#: The functions that take a text to the catalogues.
MARKS = frozenset({"sa_", "sa_n"})
#: Text in an expression: it begins like a sentence or a heading, or has words in a row.
PROSE = re.compile(r"^[A-Z][a-z]|[a-z]{2} [a-z]{2}")
#: What tells a selector or a piece of a script from a sentence.
SYNTAX = re.compile(r"[\[\]=;]|sa-|textarea|use strict")
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

    def words(self, text: str) -> list[str]:
        """Return the words of a text that should have come from a catalogue."""
        return words_in(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down words in attributes."""
        if tag in CODE:
            self._inside.append(tag)
        for name, value in attrs:
            if name in READ:
                self._note(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave code behind."""
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Take down words between tags."""
        if not self._inside:
            self._note(data)

    def _note(self, text: str) -> None:
        if words := self.words(text):
            self.found.append((self.getpos()[0], " ".join(words)))


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


def test_a_script_has_no_words_of_its_own() -> None:
    """Scripts show what templates hand them in attributes."""
    texts = re.compile(r"""(["'`])((?:(?!\1).)*)\1""")
    for script in sorted((TEMPLATES.parents[1] / "static").glob("*.js")):
        code = re.sub(r"(?s)/\*.*?\*/", "", script.read_text())
        found = [text for _, text in texts.findall(code)]
        shown = [
            text for text in found if re.search(r"^[A-Z][a-z]+ [a-z]|[a-z]{2}[.,:]? [a-z]{2}", text)
        ]
        assert [text for text in shown if not SYNTAX.search(text)] == [], script.name


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


class Echo(NullTranslations):
    """A catalogue that puts every text it is asked for into brackets."""

    def gettext(self, message: str) -> str:
        """Return the text in brackets."""
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return one of the texts in brackets."""
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


class Unspoken(Unmarked):
    """Collects the words of a page that came from no catalogue."""

    def __init__(self, data: Iterable[str]) -> None:
        super().__init__()
        self._data = frozenset(data)
        self._depth = 0

    def words(self, text: str) -> list[str]:
        """Return the words outside of all brackets; those that stay open go on in the next text."""
        left = []
        for part in re.split("([⟦⟧])", text):
            self._depth += {"⟦": 1, "⟧": -1}.get(part, 0)
            left.append("" if self._depth else part)
        words = words_in(" ".join(left))
        return [word for word in words if word not in self._data and not NAME.search(word)]


def furnish(office: Any) -> int:
    """Fill a site with one of everything and return the number of a message."""
    office.add_worker()
    office.save("default", host="mx.example", name="Main", username="ada", password="x")
    office.save("spare", host="mx2.example", limits="10/hour")
    for state in ("sent", "dead", "uncertain", "scheduled", "caught"):
        office.add(state)
    number = int(office.add("dead", error="550", cause="recipient_unknown", failures=1))
    office.add_attempt(number)
    return number


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/messages",
        "/messages?state=dead",
        "/messages?q=nothing",
        "/messages/{number}",
        "/messages/{number}?tab=source",
        "/messages/{number}?tab=attachments",
        "/settings",
        "/servers",
        "/servers/default",
        "/servers/new",
        "/servers/new?preset=custom",
        "/servers/find",
        "/test",
        "/deliverability",
        "/activity",
        "/audit?action=none",
        "/failures/recipient_unknown",
    ],
)
def test_a_page_says_nothing_by_itself(
    office: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another language, all that people read or hear came from its catalogue, but for data."""
    number = furnish(office)
    monkeypatch.setattr(language, "_catalogue", lambda _code: Echo())
    response = office.get(path.format(number=number), headers={"Accept-Language": "de"})
    assert response.status_code == 200
    assert unspoken(response) == []


def test_what_asks_before_a_deed_says_nothing_by_itself(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question, what will happen and the buttons come from the catalogue, too."""
    furnish(office)
    monkeypatch.setattr(language, "_catalogue", lambda _code: Echo())
    form = {"all": "1", "action": "retry"}
    for path in ("/messages/bulk", "/messages/bulk?state=dead"):
        response = office.post(path, form, headers={"Accept-Language": "de"})
        assert response.status_code == 200
        assert unspoken(response) == []


def unspoken(response: TestResponse) -> list[str]:
    """Return the words of a page that neither came from a catalogue nor are data."""
    providers = " ".join(preset.name for preset in presets().values())
    reader = Unspoken({*DATA, *words_in(providers)})
    reader.feed(response.text)
    reader.close()
    return [text for _, text in reader.found]

"""What stands in Python comes out in the language of the page: one of each kind."""

from __future__ import annotations

from gettext import NullTranslations
from html import unescape
from typing import Any, Final

import pytest

from flask_smtpadmin.core.advice import causes
from flask_smtpadmin.core.deliverability.findings import Finding, Report
from flask_smtpadmin.core.words import said
from flask_smtpadmin.web import language

_WORDS: Final = {
    "No worker is running, so nothing is sent.": "Kein Worker arbeitet.",
    "%(count)s messages wait.": "%(count)s Nachrichten warten.",
    "Since %(when)s": "Seit %(when)s",
    "All sending is paused. Messages are kept in the queue.": "Der Versand ruht.",
    "Sending is paused. Messages are kept in the queue.": "Versand angehalten.",
    "Queue limit": "Grenze der Warteschlange",
    "The value cannot be used: %(error)s.": "Das geht nicht: %(error)s.",
    "%(value)s is not a whole number": "%(value)s ist keine ganze Zahl",
    "There is nothing after %(name)s:. Write the value without a space.": "Nach %(name)s: nichts.",
    "%(count)s message": "%(count)s Nachricht",
    "%(count)s messages": "%(count)s Nachrichten",
    "Delete %(what)s?": "%(what)s loeschen?",
    "%(domain)s is odd": "%(domain)s ist seltsam",
    "paused all sending": "hielt den Versand an",
    "There is no message %(key)s.": "Es gibt keine Nachricht %(key)s.",
    "Resolve name": "Namen aufloesen",
    "Dead letter": "Toter Brief",
    "Verify a sending domain.": "Bestaetigen Sie eine Domain.",
    "%(day)s %(month)s": "%(day)s. %(month)s",
}


class _German(NullTranslations):
    """A small catalogue."""

    def gettext(self, message: str) -> str:
        return _WORDS.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        text = msgid1 if n == 1 else msgid2
        return _WORDS.get(text, text)


@pytest.fixture
def german(office: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the office of somebody whose browser asks for German."""
    monkeypatch.setattr(language, "_catalogue", lambda _code: _German())
    office.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    return office


def test_a_banner(german: Any) -> None:
    """Its sentences, plural and since when."""
    for _ in range(2):
        german.add()
    page = german.page("/")
    assert "Kein Worker arbeitet. 2 Nachrichten warten." in page
    german.post("/pause")
    assert "Der Versand ruht." in german.page("/")


def test_a_notice(german: Any) -> None:
    """What a button did is said in the language it was pressed in."""
    assert "Versand angehalten." in german.post("/pause", follow_redirects=True).text


def test_a_form_error(german: Any) -> None:
    """Both the sentence and the reason within it, which the settings made."""
    page = unescape(german.post("/settings", {"max_queue": "many"}).text)
    assert "Das geht nicht: 'many' ist keine ganze Zahl." in page
    assert "Grenze der Warteschlange" in page


def test_a_search_error(german: Any) -> None:
    """The search is taken apart far from the pages, and still speaks their language."""
    assert "Nach to: nichts." in german.get("/messages?q=to:").text


def test_a_question_on_many(german: Any) -> None:
    """The question counts as the language does."""
    numbers = [german.add("dead") for _ in range(2)]
    form = {"action": "delete", "ids": numbers}
    assert "2 Nachrichten loeschen?" in german.post("/messages/bulk", form).text


def test_a_cause(german: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened, and what to do, come from the data file of causes."""
    cause = next(iter(causes().values()))
    monkeypatch.setitem(_WORDS, cause.what, "Das ist geschehen.")
    monkeypatch.setitem(_WORDS, cause.steps[0], "Das hilft.")
    number = german.add("dead", cause=cause.cause)
    page = german.page(f"/messages/{number}")
    assert "Das ist geschehen." in page
    assert "Das hilft." in page


def test_a_step_and_a_state(german: Any) -> None:
    """Names of steps and of states."""
    assert "Namen aufloesen" in german.page("/test")
    german.add("dead")
    assert "Toter Brief" in german.page("/messages")


def test_what_is_not_there(german: Any) -> None:
    """An error of the package is explained in the language of the page."""
    assert "Es gibt keine Nachricht 999." in german.get("/messages/999").text


def test_a_step_of_a_provider(german: Any) -> None:
    """What a provider asks for comes from its data file."""
    page = german.page("/servers/new?preset=aliyun_directmail")
    assert "Bestaetigen Sie eine Domain." in page


def test_an_act_in_the_trail(german: Any) -> None:
    """Who did what, a sentence made when it is shown."""
    german.post("/pause")
    assert "hielt den Versand an" in german.page("/audit")


def test_a_kept_finding(german: Any) -> None:
    """A finding that lay in the database speaks the language of whoever reads it."""
    text = said("%(domain)s is odd", domain="example.com")
    report = Report(
        domain="example.com", server="default", findings=(Finding("spf", "wrong", text),)
    )
    german.state.findings.save([report])
    assert "example.com ist seltsam" in german.page("/deliverability")

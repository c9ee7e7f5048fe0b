"""Kinds of mail: registered once, sent by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.apps import Site

from flask_smtpadmin import ConfigurationError, InvalidMessage, Message, NotFound, Texts

WELCOME = "<h1>Welcome</h1><p>Hello {{ name }}, this is {{ app_name }}.</p>"


@pytest.fixture
def site(make_app: Callable[..., Site]) -> Site:
    """Build an app that calls itself Tidepool and records what it sends."""
    return make_app(SMTPADMIN_APP_NAME="Tidepool", SMTPADMIN_MODE="record")


def test_each_recipient_gets_a_message_of_their_own(site: Site) -> None:
    """Own values go into subject, HTML and text; nobody is told of the others."""
    site.mail.email_type(
        "welcome", subject="Hello {{ name }}", html=WELCOME, sample={"name": "Ada"}
    )
    people = {"ada@example.com": {"name": "Ada"}, ("Bob", "bob@example.com"): {"name": "<Bob>"}}
    with site.app.app_context(), site.mail.record_messages() as sent:
        queued = site.mail.send_type("welcome", people)
    assert [one.created for one in queued] == [True, True]
    assert [message.subject for message in sent] == ["Hello Ada", "Hello <Bob>"]
    assert [message.recipients for message in sent] == [[one] for one in people]
    assert "Hello &lt;Bob&gt;, this is Tidepool." in sent[1].html
    assert "Hello <Bob>, this is Tidepool." in sent[1].body


def test_the_function_of_a_type_makes_plain_values_of_models(site: Site) -> None:
    """What is handed over may be anything; the templates see what the function returns."""

    @site.mail.email_type("hi", subject="Hi {{ name }}", text="{{ name }}", sample={"name": "Ada"})
    def hi(user: SimpleNamespace) -> dict[str, str]:
        return {"name": user.name}

    with site.app.app_context(), site.mail.record_messages() as sent:
        site.mail.send_type("hi", "ada@example.com", {"user": SimpleNamespace(name="Ada")})
    assert (sent[0].subject, sent[0].body, sent[0].html) == ("Hi Ada", "Ada\n", None)


def test_a_locale_takes_the_closest_texts(site: Site) -> None:
    """de-AT is served with de; what is not there with the type's own words."""
    site.mail.email_type(
        "bye", subject="Bye", text="Bye", locales={"de": Texts("Tschüss", None, "Tschüss")}
    )
    with site.app.app_context(), site.mail.record_messages() as sent:
        for locale in ("de_AT", "DE", "fr", None):
            site.mail.send_type("bye", "ada@example.com", locale=locale)
    assert [message.subject for message in sent] == ["Tschüss", "Tschüss", "Bye", "Bye"]


def test_what_a_type_says_counts_where_the_caller_asks_nothing(site: Site) -> None:
    """Priority, expiry and secrecy come from the type, with ``send(type=)`` too."""
    site.mail.email_type(
        "reset",
        subject="Reset",
        text="...",
        priority="urgent",
        expires_in=timedelta(hours=1),
        secret=True,
    )
    message = Message("Reset", ["ada@example.com"], body="...")
    with site.app.app_context():
        (typed,) = site.mail.send_type("reset", "ada@example.com")
        plain = site.mail.send(message, type="reset")
        asked = site.mail.send(message, type="reset", priority="normal")
        rows = [site.mail.queue.get(one.id) for one in (typed, plain, asked)]
    assert [row["type"] for row in rows] == ["reset"] * 3
    assert [row["priority"] for row in rows] == ["urgent", "urgent", "normal"]
    assert all(row["secret"] and row["expires_at"] for row in rows)


def test_several_recipients_go_out_after_single_mail(site: Site) -> None:
    """One mail is normal, many at once are bulk, unless type or caller say otherwise."""
    site.mail.email_type("news", subject="News", text="...")
    with site.app.app_context():
        one = site.mail.send_type("news", "ada@example.com")
        two = site.mail.send_type("news", ["ada@example.com", ("Bob", "bob@example.com")])
        found = [site.mail.queue.get(row.id)["priority"] for row in [*one, *two]]
    assert found == ["normal", "bulk", "bulk"]


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"name": "Reset!"}, "name", "lower-case"),
        ({"text": None}, "html", "needs html or text"),
        ({"priority": "soon"}, "priority", "urgent, normal, bulk"),
        ({"sample": {"a b": 1}}, "sample", "'a b'"),
        ({"retention": -1}, "retention", "0 or more"),
        ({"text": "Hi {{ nmae }}", "sample": {"name": "Ada"}}, "text", "nmae"),
        ({"subject": "Hi {{ name"}, "subject", "subject"),
        ({"text": Path("nowhere.txt")}, "html", "nowhere.txt"),
        ({"locales": {"de": Texts("Hallo", "<p>{{ wer }}</p>")}}, "html", "locale 'de'"),
    ],
)
def test_a_type_that_cannot_be_used_is_refused_at_once(
    site: Site, options: dict[str, object], field: str, words: str
) -> None:
    """The error names the argument and what is wrong with it, when the app starts."""
    values = {"name": "hi", "subject": "Hi", "text": "Hi", **options}
    with pytest.raises(ConfigurationError, match=words) as caught:
        site.mail.email_type(values.pop("name"), **values)
    assert caught.value.field == field


def test_a_name_is_taken_once(site: Site) -> None:
    """A second type of the same name is refused."""
    site.mail.email_type("hi", subject="Hi", text="Hi")
    with pytest.raises(ConfigurationError, match="registered already"):
        site.mail.email_type("hi", subject="Hi", text="Hi")


def test_a_missing_or_unusable_value_fails_in_the_caller(site: Site) -> None:
    """Nothing is queued; the error names the variable, and of many the recipient."""
    site.mail.email_type("hi", subject="Hi", text="Hi {{ name }}", sample={"name": "Ada"})
    with site.app.app_context():
        with pytest.raises(InvalidMessage, match="name") as caught:
            site.mail.send_type("hi", "ada@example.com")
        assert caught.value.field == "context"
        with pytest.raises(InvalidMessage, match="name") as caught:
            site.mail.send_type("hi", {"a@example.com": {"name": "A"}, "b@example.com": {}})
        assert caught.value.index == 1
        with pytest.raises(NotFound, match="e-mail type 'bye'"):
            site.mail.send_type("bye", "ada@example.com")
        with pytest.raises(InvalidMessage, match="recipients"):
            site.mail.send_type("hi", 7, {"name": "Ada"})
        assert site.mail.queue.list()["messages"] == []


def test_a_bulk_type_lets_its_readers_unsubscribe(site: Site) -> None:
    """The address is a template like the words, with the reader's own values (RFC 8058)."""
    site.mail.email_type(
        "news",
        subject="News",
        html="<p>News</p>",
        sample={"token": "t"},
        bulk=True,
        unsubscribe="https://tidepool.example/off/{{ token|urlencode }}",
    )
    with site.app.app_context():
        (row,) = site.mail.send_type("news", {"ada@example.com": {"token": "a b"}})
        source = site.mail.queue.source(row.id)
        assert site.mail.queue.get(row.id)["priority"] == "bulk"
    assert b"List-Unsubscribe: <https://tidepool.example/off/a%20b>" in source
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in source


def test_mail_to_many_is_written_as_it_is_built(site: Site) -> None:
    """A recipient that cannot be used is found whatever its place, and nothing is kept."""
    site.mail.email_type("hi", subject="Hi", text="Hi {{ name }}", sample={"name": "Ada"})
    people = {f"a{number}@example.com": {"name": "A"} for number in range(200)}
    with site.app.app_context():
        with pytest.raises(InvalidMessage) as caught:
            site.mail.send_type("hi", {**people, "nobody": {"name": "N"}})
        assert (caught.value.index, caught.value.field) == (200, "recipients")
        assert site.mail.queue.list()["messages"] == []
        assert len(site.mail.send_type("hi", people)) == 200
        assert site.mail.send_type("hi", []) == []

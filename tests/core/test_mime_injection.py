"""Nothing that a caller passes on from a stranger adds a header, a recipient or a line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from support.mail import assert_sendable, built, parsed

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.mime import sender_block, sender_email

PAYLOADS = [
    "\r\nBcc: eve@evil.example",
    "\nBcc: eve@evil.example",
    "\rBcc: eve@evil.example",
    "\r\n Bcc: eve@evil.example",
    "\r\n\r\n<h1>body</h1>",
    "\0",
    "\x85Bcc: eve@evil.example",
    "\u2028Bcc: eve@evil.example",
    "\x0bBcc: eve@evil.example",
    "\ud800",
]
HEADERS = {"Subject", "To", "Date", "Message-ID", "MIME-Version", "From", "Content-Type"} | {
    "Content-Transfer-Encoding"
}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("subject", lambda payload: {"subject": f"Hi{payload}"}),
        ("recipients", lambda payload: {"recipients": [f"a@b.example{payload}"]}),
        ("recipients", lambda payload: {"recipients": [f"A{payload} <a@b.example>"]}),
        ("recipients", lambda payload: {"recipients": [(f"A{payload}", "a@b.example")]}),
        ("recipients", lambda payload: {"recipients": [("A", f"a@b.example{payload}")]}),
        ("cc", lambda payload: {"cc": [f"a@b.example{payload}"]}),
        ("bcc", lambda payload: {"bcc": [("A", f"a@b.example{payload}")]}),
        ("sender", lambda payload: {"sender": (f"A{payload}", "a@b.example")}),
        ("reply_to", lambda payload: {"reply_to": f"a@b.example{payload}"}),
        ("extra_headers", lambda payload: {"extra_headers": {"X-A": f"1{payload}"}}),
        ("extra_headers", lambda payload: {"extra_headers": {f"X-A{payload}": "1"}}),
        ("extra_headers", lambda payload: {"extra_headers": {"Message-ID": f"<a@b{payload}>"}}),
        ("charset", lambda payload: {"charset": f"utf-8{payload}"}),
        ("alts", lambda payload: {"alts": {f"html{payload}": "x"}}),
    ],
)
def test_a_line_break_is_refused_by_the_name_of_its_field(field, place, payload):
    """The caller learns which argument was attacked; nothing is repaired in silence."""
    message = Message(**({"recipients": ["a@b.example"], "body": "x"} | place(payload)))
    with pytest.raises(InvalidMessage) as caught:
        built(message)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "sender",
        "To",
        "CC",
        "bcc",
        "Reply-To",
        "Subject",
        "Date",
        "MIME-Version",
        "Content-Type",
        "content-transfer-encoding",
        "Resent-Bcc",
        "Return-Path",
        "Received",
        "DKIM-Signature",
        "X-SMTPAdmin-Attempt",
    ],
)
def test_a_protected_header_is_refused_with_the_reason(name):
    """What has an argument, or is written later, cannot be smuggled in beside it."""
    message = Message("S", ["a@b"], "x", extra_headers={name: "eve@evil.example"})
    with pytest.raises(InvalidMessage, match=f"extra_headers: {name} cannot be set here: [a-z]"):
        built(message)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"subject": 5}, "subject"),
        ({"subject": b"x"}, "subject"),
        ({"body": b"x"}, "body"),
        ({"body": 5}, "body"),
        ({"html": b"<p>"}, "html"),
        ({"alts": {"calendar": None}}, "alts"),
        ({"alts": {1: "x"}}, "alts"),
        ({"recipients": [None]}, "recipients"),
        ({"recipients": [["a@b", "c@d"]]}, "recipients"),
        ({"sender": 5}, "sender"),
        ({"sender": ["a@b"]}, "sender"),
        ({"reply_to": 5}, "reply_to"),
        ({"date": "today"}, "date"),
        ({"date": True}, "date"),
        ({"date": float("nan")}, "date"),
        ({"date": 1e30}, "date"),
        ({"charset": "no-such"}, "charset"),
        ({"charset": "utf-16"}, "charset"),
        ({"charset": "rot13"}, "charset"),
        ({"charset": 5}, "charset"),
        ({"extra_headers": {"X-A": 1}}, "extra_headers"),
        ({"extra_headers": {"X-A": None}}, "extra_headers"),
        ({"mail_options": ["SIZE=1 AUTH=<>"]}, "mail_options"),
        ({"rcpt_options": ["NOTIFY=NEVER"]}, "rcpt_options"),
        ({"body": "\ud800"}, "body"),
        ({"html": "\ud800"}, "html"),
    ],
)
def test_a_wrong_type_is_refused_in_words(arguments, field):
    """Nothing is turned into text, or left out, behind the caller's back."""
    with pytest.raises(InvalidMessage) as caught:
        built(Message(**({"recipients": ["a@b"], "body": "x"} | arguments)))
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_a_naive_date_is_refused():
    """A time without a zone is a different moment on every machine."""
    from datetime import datetime

    with pytest.raises(InvalidMessage, match="date: a datetime needs a time zone"):
        built(Message("S", ["a@b"], "x", date=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


def test_a_list_that_became_a_string_later_is_refused():
    """Attributes can be set after construction, so build() looks again."""
    message = Message("S", ["a@b"], "x")
    message.recipients = "a@b,eve@evil.example"
    with pytest.raises(InvalidMessage, match="recipients: expected a list, got a string"):
        built(message)


def test_what_is_no_message_is_refused():
    """A dict or a string is not a message."""
    with pytest.raises(InvalidMessage, match="message: expected a Message or an EmailMessage"):
        built({"subject": "S"})


def test_lazy_translations_and_markup_are_text():
    """Flask's translations are evaluated at send(), not refused."""

    class Lazy:
        """Behaves like flask_babel's LazyString."""

        def __str__(self) -> str:
            return "später"

        def __getattr__(self, name: str) -> object:
            return getattr(str(self), name)

    message = Message(Lazy(), ["a@b"], Lazy(), Markup("<b>a & b</b>"))
    received = parsed(built(message))
    assert received["Subject"] == "später"
    [body, html] = received.iter_parts()
    assert (body.get_content(), html.get_content()) == ("später\r\n", "<b>a & b</b>\r\n")


ANYTHING = st.text(max_size=30) | st.sampled_from(PAYLOADS).map(lambda payload: f"x{payload}y")


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING)
@settings(max_examples=200)
def test_no_text_adds_a_header_or_a_recipient(subject, name, value, body, html):
    """Either the message is refused, or it has the headers and recipients that were asked for."""
    message = Message(subject, [(name, "a@b.example")], body, html, extra_headers={"X-Note": value})
    try:
        rendered = built(message)
    except InvalidMessage:
        return
    received = parsed(rendered)
    assert set(received.keys()) <= HEADERS | {"X-Note"}
    assert len(received.keys()) == len(set(received.keys()))
    assert [recipient.address for recipient in rendered.recipients] == ["a@b.example"]
    assert_sendable(rendered.content)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_sender_block_cannot_be_broken_out_of(payload):
    """Settings and stored rows are checked again when they become a header."""
    with pytest.raises(InvalidMessage, match="sender"):
        sender_block(f"A{payload} <a@b>", trace={})
    with pytest.raises(InvalidMessage, match="reply_to"):
        sender_block("a@b", reply_to=f"a@b{payload}", trace={})
    with pytest.raises(InvalidMessage, match="trace"):
        sender_block("a@b", trace={"X-SMTPAdmin-Attempt": f"1{payload}"})
    with pytest.raises(InvalidMessage, match="trace"):
        sender_block("a@b", trace={f"X-A{payload}": "1"})
    with pytest.raises(InvalidMessage, match="sender"):
        sender_email(f"a@b{payload}")

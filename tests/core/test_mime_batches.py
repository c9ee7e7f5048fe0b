"""Messages of a batch are what they would be alone, and what they share is encoded once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mail import NOW, TOKEN, built

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Attachment, Message
from flask_smtpadmin.core.mail.mime import Renderer

TEXTS = st.sampled_from(["Hi", "Hi\n", "Zoë\n", "", "x" * 1200])
FILES = st.builds(
    Attachment,
    st.sampled_from(["a.txt", "b.pdf", None]),
    st.sampled_from([None, "image/png", "message/rfc822"]),
    st.sampled_from([b"Subject: a\r\n\r\nb\r\n", b"\0\1", "Zoë"]),
)
MESSAGES = st.builds(
    Message,
    recipients=st.just(["a@b.example"]),
    body=TEXTS,
    html=st.none() | TEXTS,
    attachments=st.lists(FILES, max_size=2),
    charset=st.sampled_from([None, "latin-1", "utf-8"]),
)


def renderer() -> Renderer:
    """Return a new renderer with what ``built`` takes too."""
    return Renderer(now=NOW, domain="app.example")


def seconds(messages: list[Message]) -> float:
    """Return the CPU time of rendering a batch."""
    began = time.thread_time()
    batch = renderer()
    for message in messages:
        batch.render(message, TOKEN)
    return time.thread_time() - began


@given(st.lists(MESSAGES, min_size=2, max_size=6))
def test_a_batch_changes_no_message(messages):
    """Texts and files that come again, with another charset or type, are not mixed up."""
    batch = renderer()
    together = [batch.render(message, TOKEN) for message in messages]
    assert together == [built(message) for message in messages]


def test_a_file_for_everybody_is_encoded_once():
    """Ten messages with one file take far less time than ten with ten files."""

    def batch(files: list[bytes]) -> list[Message]:
        return [
            Message("S", ["a@b.example"], "Hi", attachments=[Attachment("f.bin", None, data)])
            for data in files
        ]

    one, ten = [bytes(2**20)] * 10, [bytes([n]) * 2**20 for n in range(10)]
    assert min(seconds(batch(one)) for _ in range(3)) < seconds(batch(ten)) / 2


PLAIN = st.fixed_dictionaries(
    {
        "subject": st.text(max_size=80) | st.none(),
        "body": TEXTS.filter(bool) | st.just(7),
        "recipients": st.sampled_from(
            [["a@b.example"], ["Zoë <zoë@b.example>", "c@d.example"], []]
        ),
    },
    optional={
        "sender": st.sampled_from(["Me <me@b.example>", "nobody"]),
        "reply_to": st.sampled_from(["r@b.example", ["r@b.example", "s@b.example"]]),
        "date": st.sampled_from([NOW, 1_700_000_000, "yesterday"]),
        "charset": st.sampled_from(["latin-1", "rot13"]),
    },
)


@given(PLAIN)
def test_a_text_alone_is_written_as_if_it_had_more(values: dict[str, Any]) -> None:
    """The short way for a text and the way for all messages end the same, in errors, too."""
    short, long = Message(**values), Message(**values, cc=[])
    assert short.plain
    assert not long.plain
    assert outcome(short) == outcome(long)


def outcome(message: Message) -> object:
    """Return what a message becomes, or why it cannot."""
    try:
        return renderer().render(message, TOKEN)
    except InvalidMessage as error:
        return str(error), error.field


@pytest.mark.parametrize(
    "more",
    [
        {"cc": ["a@b.example"]},
        {"bcc": ["a@b.example"]},
        {"html": "<p>"},
        {"attachments": [Attachment("a", data=b"x")]},
        {"extra_headers": {"X-A": "b"}},
        {"mail_options": ["SMTPUTF8"]},
        {"unsubscribe": "https://b.example/out"},
        {"body": ""},
    ],
)
def test_what_has_more_is_not_plain(more: dict[str, Any]) -> None:
    """Nothing that a message brings is passed over, given at once or later."""
    values = {"body": "Hi", "recipients": ["a@b.example"], **more}
    assert not Message(**values).plain
    late = Message("S", ["a@b.example"], "Hi")
    for name, value in more.items():
        setattr(late, name, value)
    assert not late.plain


def test_a_message_id_that_somebody_set_is_kept() -> None:
    """As of Flask-Mail's messages."""
    message = Message("S", ["a@b.example"], "Hi")
    message.msgId = "<mine@b.example>"  # type: ignore[attr-defined]  # Flask-Mail's name for it
    assert renderer().render(message, TOKEN).message_id == "<mine@b.example>"

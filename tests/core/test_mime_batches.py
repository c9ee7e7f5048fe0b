"""Messages of a batch are what they would be alone, and what they share is encoded once."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from support.mail import NOW, TOKEN, built

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

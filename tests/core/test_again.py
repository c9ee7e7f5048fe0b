"""A message once more: what changes, and what stays to the byte."""

from __future__ import annotations

from datetime import UTC, datetime

from support.mail import assert_sendable, built

from flask_smtpadmin.core.mail.address import Address
from flask_smtpadmin.core.mail.again import once_more
from flask_smtpadmin.core.mail.message import Message

_LATER = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def _first():
    people = [f"Reader Number {n} <reader{n}@example.com>" for n in range(12)]
    message = Message("Héllo", people, "Date: in the body\r\nTo: nobody", cc=["c@example.com"])
    message.bcc = ["hidden@example.com"]
    return built(message)


def test_the_same_recipients_get_the_same_mail_with_another_id_and_date():
    """Everything else is as it was: folded headers, Bcc in the envelope alone, the body."""
    first = _first()
    second = once_more(first, message_id="<new@example.com>", now=_LATER)
    assert_sendable(second.content)
    assert second.recipients == first.recipients
    assert b"\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\nMessage-ID: <new@example.com>" in (
        second.content
    )
    old, new = (one.content.partition(b"\r\n\r\n") for one in (first, second))
    assert old[2] == new[2]
    kept = [line for line in old[0].split(b"\r\n") if not line.startswith((b"Date", b"Message-ID"))]
    assert all(line in new[0].split(b"\r\n") for line in kept)
    assert new[0].count(b"Date:") == new[0].count(b"Message-ID:") == 1


def test_another_recipient_stands_alone():
    """To is the new address, Cc is gone, and nobody else is in the envelope."""
    to = Address("Grace", "grace@example.org")
    second = once_more(_first(), message_id="<new@example.com>", now=_LATER, to=to)
    assert_sendable(second.content)
    assert [one.address for one in second.recipients] == ["grace@example.org"]
    head = second.content.partition(b"\r\n\r\n")[0]
    assert b"To: Grace <grace@example.org>" in head
    assert b"reader" not in head
    assert b"Cc:" not in head


def test_the_button_to_unsubscribe_is_for_the_first_reader_alone():
    """The same readers keep it, another one would take the first off the list."""
    message = Message("S", ["a@b.example"], "x", unsubscribe="https://a.example/u?who=1")
    first = built(message)
    for to, kept in ((None, True), (Address("", "c@d.example"), False)):
        again = once_more(first, message_id="<n@example.com>", now=_LATER, to=to)
        assert (b"List-Unsubscribe" in again.content) == kept


def test_an_address_in_other_letters_needs_smtputf8():
    """The server is asked for it (RFC 6531)."""
    to = Address("", "grüße@example.org")
    assert once_more(_first(), message_id="<n@example.com>", now=_LATER, to=to).smtputf8

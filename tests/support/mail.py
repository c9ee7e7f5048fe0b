"""Renders messages the way ``send()`` does, and reads them back with the standard library."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

from flask_smtpadmin.core.mail.headers import unfold
from flask_smtpadmin.core.mail.mime import Built, build, sender_block

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
TOKEN = "0123456789abcdef0123456789abcdef"


def built(message: Any, *, subject_prefix: str = "") -> Built:
    """Build ``message`` at a fixed time with a fixed token."""
    return build(message, now=NOW, domain="app.example", token=TOKEN, subject_prefix=subject_prefix)


def parsed(rendered: Built, *, sender: str = "app@app.example") -> EmailMessage:
    """Read the message as its receiver does, sender block in front."""
    block = sender_block(rendered.sender or sender, trace={})
    return read(block + rendered.content)


def read(content: bytes) -> EmailMessage:
    """Parse ``content`` with the modern policy."""
    message = message_from_bytes(content, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def mailboxes(content: bytes, name: str) -> list[tuple[str, str]]:
    """Return the mailboxes of an address header as (name, email).

    Read with the older parser: that of Python 3.11 puts blanks between the encoded words of a
    name, which RFC 2047 6.2 forbids.
    """
    header = unfold(str(message_from_bytes(content, policy=policy.compat32)[name] or ""))
    return [
        (str(make_header(decode_header(phrase))), email) for phrase, email in getaddresses([header])
    ]


def text(part: Any) -> str:
    """Return the text of a part with LF line ends."""
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def assert_sendable(content: bytes) -> None:
    """Fail unless every line ends with CRLF and has at most 998 bytes, none of them NUL."""
    assert b"\0" not in content
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)

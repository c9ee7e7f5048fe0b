"""The same message once more: another Message-ID and date, and perhaps another recipient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from flask_smtpadmin.core.mail.address import Address, format_mailbox
from flask_smtpadmin.core.mail.headers import folded
from flask_smtpadmin.core.mail.mime import Built, Recipient
from flask_smtpadmin.core.mail.unsubscribe import ONE_CLICK, UNSUBSCRIBE

_END: Final = b"\r\n\r\n"
_FIELD: Final = re.compile(rb"[^\r\n:]+:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")
#: Headers that are about the recipients.
_PERSONAL: Final = {b"to", b"cc", UNSUBSCRIBE.lower().encode(), ONE_CLICK.lower().encode()}


def once_more(built: Built, *, message_id: str, now: datetime, to: Address | None = None) -> Built:
    """Return ``built`` as a message of its own.

    A mailbox that has the first one would else take it for the same and drop it. For somebody else
    the button to unsubscribe is left out: it would take the first reader off the list.

    Args:
        built: as it was stored.
        message_id: with its angle brackets.
        now: aware; the Date.
        to: gets it instead of all recipients, and stands alone in the header.
    """
    head, _, body = built.content.partition(_END)
    lines = list(_kept(head + b"\r\n", drop_recipients=to is not None))
    if to is not None:
        lines.append(folded("To", format_mailbox(to)).encode())
    lines.append(f"Date: {format_datetime(now)}\r\nMessage-ID: {message_id}\r\n".encode())
    content = b"".join([*lines, b"\r\n", body])
    recipients = built.recipients if to is None else (Recipient(to.email, "to"),)
    return replace(
        built,
        message_id=message_id,
        content=content,
        recipients=recipients,
        smtputf8=built.smtputf8 or any(not one.address.isascii() for one in recipients),
        eight_bit=not content.isascii(),
    )


def _kept(head: bytes, *, drop_recipients: bool) -> Iterator[bytes]:
    dropped = {b"date", b"message-id"} | (_PERSONAL if drop_recipients else set())
    for field in _FIELD.findall(head):
        if field.partition(b":")[0].strip().lower() not in dropped:
            yield field

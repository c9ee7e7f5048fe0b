"""Everything a message says, read and checked, before it is written.

:func:`of_message` reads our own ``Message`` and anything with its attributes (Flask-Mail's);
:mod:`flask_smtpadmin.core.mail.foreign` reads the standard library's messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import Address, listed, parse_address, parse_addresses
from flask_smtpadmin.core.mail.headers import check_name, line_of, text_of
from flask_smtpadmin.core.mail.message import Attachment, Message, pairs
from flask_smtpadmin.core.mail.parts import (
    Encoder,
    Part,
    alternative_subtype,
    content_id,
    multipart,
)
from flask_smtpadmin.core.mail.unsubscribe import unsubscribe_headers
from flask_smtpadmin.core.records import record

#: RFC 5322 3.6.4, with any printable ASCII for the two sides.
_MESSAGE_ID: Final = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_MAX_MESSAGE_ID: Final = 255

#: Headers that a message cannot bring in ``extra_headers``, and why.
PROTECTED: Final = {
    "from": "give it as sender=",
    "sender": "give the address as sender=",
    "to": "give it as recipients=",
    "cc": "give it as cc=",
    "bcc": "give it as bcc=: a header would show it to everyone",
    "reply-to": "give it as reply_to=",
    "subject": "give it as subject=",
    "date": "give it as date=",
    "mime-version": "it is written with the content",
    "return-path": "the receiving server writes it; set ENVELOPE_FROM for bounces",
    "received": "the servers on the way write it",
    "dkim-signature": "the message is signed when it is handed over",
}
#: Beginnings of header names that are protected as a whole.
PROTECTED_PREFIXES: Final = {
    "content-": "it is written with the content",
    "resent-": "a message is sent once, to its recipients",
    "x-smtpadmin-": "it is written when the message is handed over",
}
_FLASK_MAIL_SENDER: Final = re.compile(r'(?P<name>[^"<>@]*) <(?P<email>[^<>]*)>')
#: What Flask-Mail's users ask for in ``mail_options`` and get anyway where it is needed.
_KNOWN_OPTIONS: Final = frozenset({"SMTPUTF8", "BODY=8BITMIME", "BODY=7BIT"})


@record(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checked message: addresses parsed, texts in one line, content as a MIME part.

    ``date`` and ``message_id`` are None unless the message brought its own.
    """

    subject: str
    sender: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    date: datetime | None
    message_id: str | None
    headers: tuple[tuple[str, str], ...]
    content: Part


def of_message(message: Any, *, token: str, encoder: Encoder) -> Draft:
    """Read a message with Flask-Mail's attributes.

    ``token`` makes the boundaries of the parts, so it must be unguessable; ``encoder`` is shared
    by messages that may have parts in common.

    Raises:
        InvalidMessage: names the argument that cannot be used.
    """
    if type(message) is Message and message.plain:
        return _plain(message, encoder)
    _check_options(message)
    headers = _extra_headers(message.extra_headers)
    message_id = headers.pop("Message-ID", None) or _flask_mail_id(message)
    if (unsubscribe := getattr(message, "unsubscribe", None)) is not None:
        _add_unsubscribe(headers, unsubscribe)
    return Draft(
        subject=_subject(message),
        sender=_sender(message),
        to=parse_addresses(message.recipients, field="recipients"),
        cc=parse_addresses(message.cc, field="cc"),
        bcc=parse_addresses(message.bcc, field="bcc"),
        reply_to=_reply_to(message.reply_to),
        date=_date(message.date),
        message_id=message_id,
        headers=tuple(headers.items()),
        content=_content(message, token, encoder),
    )


def _plain(message: Message, encoder: Encoder) -> Draft:
    """Read a message of our own that is no more than a text, in half the time."""
    return Draft(
        subject=_subject(message),
        sender=_sender(message),
        to=parse_addresses(message.recipients, field="recipients"),
        cc=(),
        bcc=(),
        reply_to=_reply_to(message.reply_to),
        date=_date(message.date),
        message_id=_flask_mail_id(message),
        headers=(),
        content=encoder.text(message.body, charset=message.charset, field="body"),
    )


def is_message_id(value: str) -> bool:
    """Say whether ``value`` is ``<left@right>`` as RFC 5322 3.6.4 has it, at most 255 long."""
    return len(value) <= _MAX_MESSAGE_ID and _MESSAGE_ID.fullmatch(value) is not None


def protected(name: str) -> str | None:
    """Return why the header ``name`` cannot be set directly; None when it can."""
    lower = name.lower()
    for prefix, reason in PROTECTED_PREFIXES.items():
        if lower.startswith(prefix):
            return reason
    return PROTECTED.get(lower)


def _check_options(message: Any) -> None:
    if not message.mail_options and not message.rcpt_options:
        return
    for option in listed(message.mail_options, "mail_options"):
        if text_of(option, "mail_options").upper() not in _KNOWN_OPTIONS:
            raise InvalidMessage(f"{option!r} cannot be asked for", field="mail_options")
    if listed(message.rcpt_options, "rcpt_options"):
        raise InvalidMessage("options of RCPT cannot be asked for", field="rcpt_options")


def _extra_headers(value: object) -> dict[str, str]:
    headers: dict[str, str] = {}
    if not value:
        return headers
    for key, text in pairs(value, "extra_headers").items():
        name = check_name(key, "extra_headers")
        if reason := protected(name):
            raise InvalidMessage(f"{name} cannot be set here: {reason}", field="extra_headers")
        line = line_of(text, "extra_headers").strip(" \t")
        if name.lower() == "message-id":
            name = "Message-ID"
            if not is_message_id(line):
                raise InvalidMessage(f"{line[:80]!r} is not a Message-ID", field="extra_headers")
        headers[name] = line
    return headers


def _add_unsubscribe(headers: dict[str, str], value: object) -> None:
    given = {name.lower() for name in headers}
    for name, text in unsubscribe_headers(value).items():
        if name.lower() in given:
            raise InvalidMessage(
                f"{name} stands in extra_headers as well: give it once", field="unsubscribe"
            )
        headers[name] = text


def _flask_mail_id(message: Any) -> str | None:
    """Return the Message-ID that Flask-Mail gave its message, for the caller may know it."""
    value = getattr(message, "msgId", None)
    return value if isinstance(value, str) and is_message_id(value) else None


def _sender(message: Any) -> Address | None:
    value = message.sender
    if value is None or value == "":
        return None
    if isinstance(value, str) and not isinstance(message, Message):
        # Flask-Mail makes "name <email>" of a tuple and quotes nothing
        plain = _FLASK_MAIL_SENDER.fullmatch(value)
        value = (plain["name"], plain["email"]) if plain else value
    return _known_sender(value) if type(value) is str else parse_address(value, field="sender")


@lru_cache(maxsize=256)  # the same few in all messages
def _known_sender(value: str) -> Address:
    return parse_address(value, field="sender")


def _reply_to(value: object) -> tuple[Address, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, list):
        return parse_addresses(value, field="reply_to")
    return (parse_address(value, field="reply_to"),)


def _subject(message: Any) -> str:
    return "" if message.subject is None else line_of(message.subject, "subject").strip(" \t")


def _date(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidMessage("a datetime needs a time zone", field="date")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMessage(
            f"expected seconds since 1970 or an aware datetime, got {type(value).__name__}",
            field="date",
        )
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as exc:
        raise InvalidMessage(f"{value!r} is not a time", field="date") from exc


def _content(message: Any, token: str, encoder: Encoder) -> Part:
    """Return ``mixed(alternative(text, related(html, images)), files)``, as far as needed."""
    if message.body and not message.alts and not message.attachments:  # most are a text alone
        return encoder.text(message.body, charset=message.charset, field="body")
    alternatives = pairs(message.alts, "alts")
    images: list[Part] = []
    files: list[Part] = []
    for attachment in listed(message.attachments, "attachments"):
        _check_attachment(attachment)
        inline = attachment.disposition == "inline" and content_id(attachment) is not None
        (images if inline and alternatives.get("html") else files).append(
            encoder.attachment(attachment)
        )
    texts = _texts(message, alternatives, encoder)
    if images:
        texts = _related(texts, images, f"=_1_{token}")
    parts = [part for _subtype, part in texts]
    if len(parts) > 1:
        parts = [multipart("alternative", parts, f"=_2_{token}")]
    if files:
        return multipart("mixed", [*parts, *files], f"=_3_{token}")
    return parts[0] if parts else encoder.text("", charset=None, field="body")


def _texts(
    message: Any, alternatives: dict[str, Any], encoder: Encoder
) -> Iterator[tuple[str, Part]]:
    """Yield subtype and part of the text's alternatives, the plain one first (RFC 2046 5.1.4)."""
    if message.body is not None and (message.body != "" or not alternatives):
        yield "plain", encoder.text(message.body, charset=message.charset, field="body")
    for key, text in alternatives.items():
        subtype = alternative_subtype(key)
        field = "html" if subtype == "html" else "alts"
        # RFC 6047 2.4: a calendar is UTF-8
        charset = None if subtype.lower().startswith("calendar") else message.charset
        yield subtype, encoder.text(text, subtype, charset=charset, field=field)


def _related(
    texts: Iterator[tuple[str, Part]], images: list[Part], boundary: str
) -> Iterator[tuple[str, Part]]:
    """Put the images beside the HTML that shows them (RFC 2387)."""
    for subtype, part in texts:
        if subtype == "html":
            yield subtype, multipart('related; type="text/html"', [part, *images], boundary)
        else:
            yield subtype, part


def _check_attachment(value: object) -> None:
    if not all(hasattr(value, name) for name in Attachment.__slots__[:-1]):
        raise InvalidMessage(
            f"expected Attachment objects, got {type(value).__name__}", field="attachments"
        )

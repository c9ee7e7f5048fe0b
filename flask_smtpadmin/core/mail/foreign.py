"""Reads the standard library's messages: ``EmailMessage`` and the older ``email.mime`` classes.

Addresses, subject and the other headers are read and written anew, under the same checks as
everything else; the content is rendered by the library's own generator, its parts encoded anew
where they do not fit 7bit.  The caller's object is not changed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.errors import MessageError
from email.generator import BytesGenerator
from email.message import Message as StandardMessage
from email.policy import SMTPUTF8, EmailPolicy, Policy
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any, Final

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import Address, parse_address
from flask_smtpadmin.core.mail.draft import Draft, is_message_id, protected
from flask_smtpadmin.core.mail.headers import check_name, decode_words, line_of, unfold
from flask_smtpadmin.core.mail.parts import MAX_LINE, Part, base64_lines, transfer

Header = tuple[str, Any]

#: What the standard library's parsers and generators raise over a broken message.
_PARSER_ERRORS: Final = (MessageError, LookupError, TypeError, ValueError, AttributeError)
_UNFOLDED: Final = SMTPUTF8.clone(max_line_length=0)
_BREAK: Final = re.compile("[\r\n\0]")
_BARE_END: Final = re.compile(rb"\r\n|\r|\n")
_ITEM: Final = r'(?:"(?:[^"\\]|\\.)*+"|[^",])++'
_LIST: Final = re.compile(rf"{_ITEM}(?:,{_ITEM})*+")
_ITEMS: Final = re.compile(_ITEM)
_EMPTY_GROUP: Final = re.compile(r'[^:;,<>@"]*:[ \t]*;')


def of_email_message(message: StandardMessage[Any, Any]) -> Draft:
    """Read a message of the standard library.

    From (else Sender) becomes the sender, To, Cc and Bcc the recipients.  Date and Message-ID
    are kept when they are valid.  Return-Path, trace and signature fields are left out: they
    belong to another journey.

    Raises:
        InvalidMessage: names the header, or ``body`` for the content.
    """
    _check_parts(message)
    headers = tuple(_parsed(message))
    message_id = _text(headers, "Message-ID")
    return Draft(
        subject=_text(headers, "Subject"),
        sender=_sender(headers),
        to=tuple(_addresses(headers, "To")),
        cc=tuple(_addresses(headers, "Cc")),
        bcc=tuple(_addresses(headers, "Bcc")),
        reply_to=tuple(_addresses(headers, "Reply-To")),
        date=_date(_text(headers, "Date")),
        message_id=message_id if is_message_id(message_id) else None,
        headers=tuple(_further(headers)),
        content=_content(message),
    )


def _check_parts(message: StandardMessage[Any, Any]) -> None:
    """Refuse header lines that would begin a header of their own, in any part."""
    for part in message.walk():
        for name, value in part.raw_items():
            check_name(name, "headers")
            if _BREAK.search(unfold(str(value))):
                raise InvalidMessage("must be one line of text", field=name)


def _parsed(message: StandardMessage[Any, Any]) -> Iterator[Header]:
    """Yield name and value of each header, read as the message's own policy reads it."""
    for name, raw in message.raw_items():
        try:
            yield name, message.policy.header_fetch_parse(name, raw)
        except _PARSER_ERRORS as exc:
            raise InvalidMessage(f"cannot be read: {exc}", field=name) from exc


def _text(headers: Sequence[Header], name: str) -> str:
    for key, value in headers:
        if key.lower() == name.lower():
            return _line(name, value)
    return ""


def _line(name: str, value: object) -> str:
    text = unfold(str(value))
    if not hasattr(value, "defects"):  # an older class: as it stands on the wire
        text = decode_words(text)
    return line_of(text, name).strip(" \t")


def _sender(headers: Sequence[Header]) -> Address | None:
    for name in ("From", "Sender"):
        mailboxes = tuple(_addresses(headers, name))
        if len(mailboxes) > 1:
            raise InvalidMessage("a message has one sender, not several", field=name)
        if mailboxes:
            return mailboxes[0]
    return None


def _addresses(headers: Sequence[Header], name: str) -> Iterator[Address]:
    for key, value in headers:
        if key.lower() != name.lower():
            continue
        if hasattr(value, "groups") and not value.defects:
            if any(group.display_name is not None and group.addresses for group in value.groups):
                raise InvalidMessage("groups are not supported: name the addresses", field=name)
            for item in value.addresses:
                yield parse_address((item.display_name, item.addr_spec), field=name)
        else:
            for text in _split(_source(value), name):
                yield parse_address(text, field=name)


def _source(value: Any) -> str:
    """Return the list as it was written: ``str()`` hides what its parser could not read."""
    if hasattr(value, "defects"):
        return str(value.fold(policy=_UNFOLDED)).partition(":")[2].strip()
    return unfold(str(value)).strip(" \t")


def _split(text: str, name: str) -> list[str]:
    """Split an address list at its commas, none of them in a quoted string."""
    if not text or _EMPTY_GROUP.fullmatch(text):
        return []
    if not _LIST.fullmatch(text):
        raise InvalidMessage("is not a list of addresses", field=name)
    return [item.strip(" \t") for item in _ITEMS.findall(text)]


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _further(headers: Sequence[Header]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if name.lower().startswith("resent-"):
            raise InvalidMessage("a message cannot be sent again: make it a new one", field=name)
        if name.lower() != "message-id" and protected(name) is None:
            yield name, _line(name, value)


def _content(message: StandardMessage[Any, Any]) -> Part:
    buffer = BytesIO()
    try:
        bare = _sendable(message)
        for name in {name for name in bare if not name.lower().startswith("content-")}:
            del bare[name]  # makes a new list of headers: the caller's message keeps its own
        BytesGenerator(buffer, mangle_from_=False, policy=_policy(message.policy)).flatten(bare)
    except _PARSER_ERRORS as exc:
        raise InvalidMessage(f"the content cannot be rendered: {exc}", field="body") from exc
    head, _, body = b"".join([b"\r\n", buffer.getvalue()]).partition(b"\r\n\r\n")
    _check_lines(head, body)
    return Part(f"{head[2:].decode()}\r\n" if head else "", (body.removesuffix(b"\r\n"), b"\r\n"))


def _sendable(message: StandardMessage[Any, Any]) -> StandardMessage[Any, Any]:
    """Return a copy whose parts all fit a 7bit line.

    The library can do that itself, but not in a process where Flask-Mail has changed how it
    encodes UTF-8.
    """
    if all(_fits(leaf) for leaf in _leaves(message)):
        return copy.copy(message)
    clone = copy.deepcopy(message)
    for leaf in _leaves(clone):
        if not _fits(leaf):
            _encode(leaf)
    return clone


def _leaves(part: Any) -> Iterator[Any]:
    """Yield the parts that hold content and that no signature covers (RFC 1847 2.1)."""
    if part.get_content_type() == "multipart/signed":
        return
    if part.is_multipart():
        for child in part.get_payload():
            yield from _leaves(child)
    else:
        yield part


def _fits(leaf: Any) -> bool:
    payload = leaf.get_payload()
    if not isinstance(payload, str):
        return True
    longest = max(map(len, payload.replace("\r", "\n").split("\n")))
    return payload.isascii() and longest <= MAX_LINE and "\0" not in payload


def _encode(leaf: Any) -> None:
    data = leaf.get_payload(decode=True)
    if leaf.get_content_maintype() == "text" and b"\0" not in data:
        encoding, body = transfer(_BARE_END.sub(b"\r\n", data))
    else:
        encoding, body = "base64", base64_lines(data)
    leaf.set_payload(body.decode("ascii"))
    del leaf["Content-Transfer-Encoding"]
    leaf["Content-Transfer-Encoding"] = encoding


def _policy(policy: Policy[Any]) -> Policy[Any]:
    changes: dict[str, Any] = {"linesep": "\r\n", "cte_type": "8bit", "max_line_length": 78}
    if isinstance(policy, EmailPolicy):
        changes["utf8"] = False
    return policy.clone(**changes)


def _check_lines(head: bytes, body: bytes) -> None:
    longest = max(map(len, (head + b"\r\n" + body).split(b"\r\n")))
    if longest > MAX_LINE:
        raise InvalidMessage(
            f"a line of {longest} bytes is longer than the {MAX_LINE} of RFC 5322",
            field="body",
        )
    if b"\0" in body:
        raise InvalidMessage("holds a NUL outside of a transfer encoding", field="body")

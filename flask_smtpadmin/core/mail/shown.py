"""A stored message as a person may look at it: text, HTML, attachments. Hostile until shown safe.

Whatever a message says stays data here. HTML is given out for a sandboxed frame alone, in which a
policy of its own allows styles and the pictures that the message brings along.
"""

from __future__ import annotations

import base64
import email
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, MIMEPart
from typing import Final
from urllib.parse import unquote

from flask_smtpadmin.core.mail.headers import decode_words
from flask_smtpadmin.core.mail.links import Link, links

#: Pictures that a frame may show; anything else is an attachment only.
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
#: Bytes of pictures that one page is given.
_PICTURE_BYTES: Final = 5_000_000
_CID: Final = re.compile(r"cid:([^\s\"'<>)]{1,998})", re.IGNORECASE)
_REMOTE: Final = re.compile(
    r"(?:src|srcset|background|poster)\s*=\s*[\"']?\s*(?:https?:)?//|url\(\s*[\"']?(?:https?:)?//",
    re.IGNORECASE,
)
#: Separators, what systems keep for themselves, controls, turns of direction, half characters.
_UNSAFE_IN_NAME: Final = re.compile(
    r"[\x00-\x1f\x7f/\\:*?\"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_LONGEST_NAME: Final = 120
#: A line break within a field (RFC 5322 2.2.3).
_FOLD: Final = re.compile(r"\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Attached:
    """One part that is no body: ``n`` counts from 1; ``inline``: the HTML may refer to it."""

    n: int
    name: str
    type: str
    data: bytes
    inline: bool

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a message says; ``text`` and ``html`` are None where it has no such part."""

    text: str | None
    html: str | None
    attachments: tuple[Attached, ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """Where it leads."""
        return links(self.html, self.text)

    @property
    def remote(self) -> bool:
        """Whether its HTML would load something from elsewhere."""
        return bool(self.html and _REMOTE.search(self.html))


def read(content: bytes) -> Shown:
    """Take a message apart. Never raises: what cannot be read is left out or replaced."""
    message = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - narrows the type only
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    attached: list[Attached] = []
    pictures: dict[str, str] = {}
    for part in message.walk():
        if part.is_multipart() or part in (text, html):
            continue
        item = _attached(part, len(attached) + 1)
        attached.append(item)
        cid = str(part.get("Content-ID", "")).strip().strip("<>")
        if cid and item.type in _PICTURES:
            pictures[cid] = f"data:{item.type};base64,{base64.b64encode(item.data).decode()}"
    words = None if html is None else _with_pictures(_text(html), pictures)
    return Shown(None if text is None else _text(text), words, tuple(attached))


def split(content: bytes) -> tuple[bytes, bytes]:
    """Return the header section with its empty line, and the rest."""
    found = re.search(rb"\r?\n\r?\n", content)
    at = found.end() if found else len(content)
    return content[:at], content[at:]


def headers(head: str) -> list[tuple[str, str]]:
    """Return the header fields in order: names, and values unfolded and decoded (RFC 2047)."""
    lines = _FOLD.sub(" ", head.replace("\r\n", "\n")).split("\n")
    named = (line.partition(":") for line in lines if line)
    return [(name, decode_words(value.strip())) for name, colon, value in named if colon]


def file_name(name: str) -> str:
    """Return a name that is safe to save a file under on any system."""
    clean = _UNSAFE_IN_NAME.sub("_", name).strip(" .")
    return clean[-_LONGEST_NAME:] or "attachment"


def _attached(part: MIMEPart, n: int) -> Attached:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):  # odd parameters
        name = ""
    kind = part.get_content_type()
    inline = part.get_content_disposition() == "inline" or "Content-ID" in part
    return Attached(n, file_name(str(name) or f"part-{n}"), kind, _data(part), inline)


def _with_pictures(html: str, pictures: Mapping[str, str]) -> str:
    left = _PICTURE_BYTES

    def picture(found: re.Match[str]) -> str:
        nonlocal left
        data = pictures.get(unquote(found[1]), "")
        left -= len(data)
        return data if data and left >= 0 else found[0]

    return _CID.sub(picture, html)


def _data(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else part.as_bytes()


def _text(part: MIMEPart) -> str:
    data = _data(part)
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a charset that Python does not know
        return data.decode("utf-8", "replace")

"""The parts of a message (RFC 2045, 2046): texts, attachments, and what holds them together.

Written straight into bytes with the standard library's C codecs: rendering through
``EmailMessage`` or the older ``email.mime`` classes takes five to twenty times as long.  A
differential test holds the result against theirs.
"""

from __future__ import annotations

import mimetypes
import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import quote

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.headers import (
    check_name,
    has_encoded_word,
    header,
    line_of,
    text_of,
)
from flask_smtpadmin.core.mail.message import pairs
from flask_smtpadmin.core.records import record

#: Characters of a line without its CRLF (RFC 5322 2.1.1).
MAX_LINE: Final = 998
#: Bytes of a file name in UTF-8: what file systems take.
MAX_FILENAME: Final = 255
_BASE64_LINE: Final = 76
_LONGEST_TYPE: Final = 200

_WORD: Final = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"
_DISPOSITION: Final = re.compile(_WORD)
_PARAMETERS: Final = rf'(?:; ?{_WORD}=(?:{_WORD}|"[ !#-\[\]-~]*"))*'
_SUBTYPE: Final = re.compile(rf"(?:text/)?(?P<subtype>{_WORD}{_PARAMETERS})")
_CONTENT_TYPE: Final = re.compile(rf"(?P<main>{_WORD})/{_WORD}{_PARAMETERS}")
_CHARSET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")
_CONTENT_ID: Final = re.compile(r"<?([!-;=?-~]{1,200})>?")
_PLAIN_FILENAME: Final = re.compile(r"[ !#-\[\]-~]{1,60}")
_ASCII: Final = bytes(range(128))
#: The built-in table alone, so that a type does not depend on the machine.
_TYPES: Final = mimetypes.MimeTypes()

#: Attachments of a batch that are kept in case the next message brings them again.
_KEPT: Final = 8

#: Headers of an attachment that have an argument of their own.
_OWN: Final = {
    "content-type": "content_type",
    "content-disposition": "disposition and filename",
    "content-transfer-encoding": "data, which is always sent in base64",
    "mime-version": "nothing: it is not a header of a part",
}


@record(frozen=True, slots=True)
class Part:
    """One MIME entity: its header lines as text, its body in pieces that end with CRLF."""

    head: str
    body: tuple[bytes, ...]


class Encoder:
    """Encodes the texts and attachments of one batch, the same one once.

    It is not kept longer: what people write to each other has no business in a cache.
    """

    def __init__(self) -> None:
        #: by subtype and charset, the last text and its part: to hash all would take longer
        self._last: dict[tuple[str, str | None], tuple[str, Part]] = {}

    @cached_property
    def _attached(self) -> Callable[[str, bytes], tuple[str, str, bytes]]:
        return lru_cache(_KEPT)(_attached)

    def text(self, text: object, subtype: str = "plain", *, charset: object, field: str) -> Part:
        """Return a text part: 7bit when it can be, else quoted-printable or base64.

        Line ends become CRLF and the last line gets one, as with ``EmailMessage.set_content``.

        Raises:
            InvalidMessage: ``text`` is no text, or ``charset`` cannot carry one.
        """
        kind = subtype, None if charset is None else line_of(charset, "charset")
        words = text_of(text, field)
        last = self._last.get(kind)
        if last is not None and last[0] == words:
            return last[1]
        part = _text(words, *kind, field)
        self._last[kind] = words, part
        return part

    def attachment(self, attachment: Any) -> Part:
        """Return the part of an :class:`~flask_smtpadmin.core.mail.message.Attachment` (or alike).

        Its bytes are kept exactly, in base64; only an attached message of ASCII goes as it is.

        Raises:
            InvalidMessage: a value of it cannot be used.
        """
        filename = None if attachment.filename is None else _filename(attachment.filename)
        kind = _content_type(attachment, filename)
        kind, encoding, body = self._attached(kind, _data(attachment.data))
        head = [
            f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n",
            _disposition(attachment.disposition, filename),
        ]
        if (cid := content_id(attachment)) is not None:
            head.append(f"Content-ID: <{cid}>\r\n")
        head.extend(_further(attachment))
        return Part("".join(head), (body,))


def _text(text: str, subtype: str, charset: str | None, field: str) -> Part:
    lines = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if not lines.endswith("\n"):
        lines += "\n"
    name, data = _encode(lines.replace("\n", "\r\n"), charset, field)
    encoding, body = transfer(data)
    return Part(
        f'Content-Type: text/{subtype}; charset="{name}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n",
        (body,),
    )


def alternative_subtype(value: object) -> str:
    """Return the subtype of an alternative: ``"html"``, ``"calendar; method=REQUEST"``.

    Raises:
        InvalidMessage: it is not the subtype of ``text/``.
    """
    match = _SUBTYPE.fullmatch(line_of(value, "alts"))
    if match is None or len(match[0]) > _LONGEST_TYPE:
        raise InvalidMessage(f"{str(value)[:60]!r} is not a subtype of text/", field="alts")
    return match["subtype"]


def multipart(kind: str, parts: Sequence[Part], boundary: str) -> Part:
    """Return ``parts`` as one part ``multipart/<kind>`` (RFC 2046 5.1).

    ``boundary`` must not stand in any of them: it is made of the message's unguessable token.
    """
    body: list[bytes] = []
    for part in parts:
        body.append(f"--{boundary}\r\n{part.head}\r\n".encode())
        body.extend(part.body)
        body.append(b"\r\n")
    body.append(f"--{boundary}--\r\n".encode())
    return Part(f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n', tuple(body))


def content_id(attachment: Any) -> str | None:
    """Return the Content-ID of an attachment without its angle brackets, None for none.

    Flask-Mail's users write it into ``headers``.

    Raises:
        InvalidMessage: it holds spaces or angle brackets.
    """
    value = getattr(attachment, "content_id", None)
    for name, text in pairs(attachment.headers, "attachments").items():
        if str(name).lower() == "content-id":
            value = text
    if value is None:
        return None
    match = _CONTENT_ID.fullmatch(line_of(value, "attachments"))
    if match is None:
        raise InvalidMessage(f"{str(value)[:60]!r} is not a Content-ID", field="attachments")
    return match[1]


def transfer(data: bytes) -> tuple[str, bytes]:
    """Return the transfer encoding for a text (RFC 2045 6) and the text in it.

    ``data`` and the result end every line with CRLF.  8bit is never taken: whether the server
    speaks it is known only at hand-over.
    """
    if data.isascii() and _sendable(data):
        return "7bit", data
    # quoted-printable triples what is not ASCII, base64 adds a third to everything
    if len(data.translate(None, _ASCII)) * 6 <= len(data):
        return "quoted-printable", b2a_qp(data)
    return "base64", base64_lines(data)


def base64_lines(data: bytes) -> bytes:
    """Return ``data`` in base64, in lines of 76 characters that end with CRLF."""
    code = b2a_base64(data, newline=False)
    lines = [code[at : at + _BASE64_LINE] for at in range(0, len(code), _BASE64_LINE)]
    return b"\r\n".join([*lines, b""]) or b"\r\n"


def _encode(text: str, charset: str | None, field: str) -> tuple[str, bytes]:
    """Return the charset that was taken and the encoded text."""
    if charset is not None:
        name = _checked_charset(charset)
        try:
            return name, text.encode(name)
        except UnicodeEncodeError:
            pass  # it does not fit: UTF-8 carries everything
    try:
        return "utf-8", text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidMessage(
            f"holds a lone surrogate at position {exc.start}, which UTF-8 lacks", field=field
        ) from exc


def _checked_charset(name: str) -> str:
    try:
        usable = _CHARSET.fullmatch(name) and "a\r\n".encode(name) == b"a\r\n"
    except (LookupError, UnicodeError):
        usable = False
    if not usable:
        raise InvalidMessage(f"{name[:40]!r} is not a charset for text in mail", field="charset")
    return name.lower()


def _sendable(data: bytes) -> bool:
    """Whether no line is too long and there is no NUL (RFC 2045 2.7)."""
    start = 0
    while len(data) - start > MAX_LINE:  # from the last line end that may be to the next
        end = data.rfind(b"\r\n", start, start + MAX_LINE + 2)
        if end < 0:
            return False
        start = end + 2
    return b"\0" not in data


def _attached(kind: str, data: bytes) -> tuple[str, str, bytes]:
    """Return content type, transfer encoding and body; RFC 2046 5.2.1 has no base64 message."""
    if not kind.lower().startswith("message/"):
        return kind, "base64", base64_lines(data)
    lines = b"\r\n".join([*data.splitlines(), b""]) if data.isascii() else b""
    if lines and _sendable(lines):
        return kind, "7bit", lines
    return "application/octet-stream", "base64", base64_lines(data)


def _data(data: object) -> bytes:
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    if not isinstance(data, str):
        raise InvalidMessage(
            f"data must be bytes or str, got {type(data).__name__}", field="attachments"
        )
    return _encode(data, None, "attachments")[1]


def _filename(value: object) -> str:
    name = line_of(value, "attachments")
    if len(name.encode()) > MAX_FILENAME:
        raise InvalidMessage(
            f"the file name {name[:40]!r}... is longer than {MAX_FILENAME} bytes",
            field="attachments",
        )
    return name


def _content_type(attachment: Any, filename: str | None) -> str:
    is_text = isinstance(attachment.data, str)
    if attachment.content_type is None:
        value = _guess(filename, "text/plain" if is_text else "application/octet-stream")
    else:
        value = line_of(attachment.content_type, "attachments")
    match = _CONTENT_TYPE.fullmatch(value)
    if match is None or len(value) > _LONGEST_TYPE:
        raise InvalidMessage(f"{value[:60]!r} is not a content type", field="attachments")
    main = match["main"].lower()
    if main == "multipart":
        raise InvalidMessage(
            f"{value[:60]!r} cannot be attached: send an EmailMessage", field="attachments"
        )
    if is_text and main == "text" and "charset=" not in value.lower():
        value += '; charset="utf-8"'
    return value


def _guess(filename: str | None, default: str) -> str:
    kind, packed = _TYPES.guess_type(filename) if filename else (None, None)
    if packed:
        return "application/gzip" if packed == "gzip" else "application/octet-stream"
    return default if kind is None or kind.startswith(("message/", "multipart/")) else kind


def _disposition(value: object, filename: str | None) -> str:
    """Return the Content-Disposition header (RFC 2183), the file name as in RFC 2231."""
    disposition = "attachment" if value is None else line_of(value, "attachments")
    if not _DISPOSITION.fullmatch(disposition):
        raise InvalidMessage(
            f'the disposition is "attachment" or "inline", got {disposition[:40]!r}',
            field="attachments",
        )
    if not filename:
        return f"Content-Disposition: {disposition}\r\n"
    if _PLAIN_FILENAME.fullmatch(filename) and not has_encoded_word(filename):
        parameter = f'filename="{filename}"'
    else:
        parameter = f"filename*=utf-8''{quote(filename, safe='')}"
    return f"Content-Disposition: {disposition};\r\n {parameter}\r\n"


def _further(attachment: Any) -> list[str]:
    lines: list[str] = []
    for key, value in pairs(attachment.headers, "attachments").items():
        name = check_name(key, "attachments")
        if name.lower() == "content-id":
            continue
        if own := _OWN.get(name.lower()):
            raise InvalidMessage(f"the header {name} comes from {own}", field="attachments")
        lines.append(header(name, line_of(value, "attachments")))
    return lines

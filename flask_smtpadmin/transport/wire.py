"""SMTP on the wire, without I/O: replies parsed, content stuffed, commands written."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.transaction import Reply

#: A line of a reply may be longer than the 512 bytes of RFC 5321 4.5.3.1.5, not endless.
MAX_LINE: Final = 8192
MAX_REPLY: Final = 32768
#: The code of a reply that is none.
MALFORMED: Final = -1

#: Lines up to so many bytes are remembered with what they mean.
_SHORT: Final = 128
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_BARE: Final = re.compile(rb"\r\n|\r|\n")


class ReplyParser:
    """Turns bytes into replies (RFC 5321 4.2), however they are split.

    A line without a code, a code outside 200-599, a continuation with another code, and a line or
    reply without end give one reply with code -1; ``broken`` is then set for good, because nobody
    can say where the next reply begins. ``hide`` takes secrets out of each text.
    """

    __slots__ = ("_buffer", "_code", "_lines", "_size", "broken", "hide")

    def __init__(self) -> None:
        self.hide: Callable[[str], str] = str
        self._buffer = b""
        self._code = b""
        self._lines: list[bytes] = []
        self._size = 0
        self.broken = False

    @property
    def partial(self) -> bool:
        """Whether the beginning of a reply has come and its end has not."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that ``data`` completes."""
        replies: list[Reply] = []
        if self.broken:
            return replies
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        for line in lines:
            if self._lines or len(line) > _SHORT or (reply := _whole(line)) is None:
                reply = self._line(line.removesuffix(b"\r"))
            if reply is not None:
                replies.append(self._hidden(reply))
            if self.broken:
                return replies
        if len(self._buffer) > MAX_LINE:
            replies.append(self._hidden(self._break(self._buffer)))
        return replies

    def _hidden(self, reply: Reply) -> Reply:
        text = self.hide(reply.text)
        return reply if text == reply.text else Reply(reply.code, reply.enhanced, text)

    def _line(self, line: bytes) -> Reply | None:
        self._size += len(line)
        match = _LINE.fullmatch(line)
        if match is None or len(line) > MAX_LINE or self._size > MAX_REPLY:
            return self._break(line)
        code, separator, text = match.groups()
        if self._lines and code != self._code:
            return self._break(line)
        self._code = code
        self._lines.append(text or b"")
        if separator == b"-":
            return None
        text = b"\n".join(self._lines)
        self._lines, self._size = [], 0
        return make_reply(int(code), text)

    def _break(self, line: bytes) -> Reply:
        self.broken = True
        self._buffer = b""
        return Reply(MALFORMED, "", clean(line, limit=256))


@lru_cache(maxsize=256)  # most replies are the same few
def _whole(line: bytes) -> Reply | None:
    """Return the reply that is one line with its line end; None for any other line."""
    match = _LINE.fullmatch(line.removesuffix(b"\r"))
    if match is None or match[2] == b"-":
        return None
    return make_reply(int(match[1]), match[3] or b"")


def make_reply(code: int, text: str | bytes) -> Reply:
    """Return a reply with the enhanced code (RFC 3463) taken from its text and the text clean."""
    shown = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    match = _ENHANCED.match(shown)
    if match is None:
        return Reply(code, "", clean(shown))
    rest = "\n".join(_without(line, match[1]) for line in shown.split("\n"))
    return Reply(code, match[1], clean(rest))


def _without(line: str, enhanced: str) -> str:
    return line.removeprefix(enhanced).lstrip(" ") if line.startswith(enhanced) else line


def crlf(content: bytes) -> bytes:
    """Return ``content`` with CRLF as the only line end, and one at its end.

    A bare CR or LF is what SMTP smuggling is made of (CVE-2023-51764 and its kin).
    """
    pairs = content.count(b"\r\n")
    if content.count(b"\n") != pairs or content.count(b"\r") != pairs:
        content = _BARE.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def stuff(content: bytes) -> bytes:
    """Return CRLF ``content`` dot-stuffed and with its final dot (RFC 5321 4.5.2)."""
    if content.startswith(b"."):
        content = b"." + content
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return content + b".\r\n"


def rcpt_command(address: str) -> bytes:
    """Return ``RCPT TO``."""
    return f"RCPT TO:<{address}>\r\n".encode()

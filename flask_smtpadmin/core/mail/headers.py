"""How text becomes a header: what may stand in one line, RFC 2047 words, folding.

Every header of a message passes through :func:`header`, so nothing that a caller gives can start
a line of its own.  Text means text: what is given is what the reader sees, also when it looks
like an encoded word.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final

from flask_smtpadmin.core.errors import InvalidMessage

#: A line that holds an encoded word has at most this many characters (RFC 2047 2).
LINE: Final = 76
#: Characters of an encoded word beside its text: ``=?utf-8?q?`` and ``?=``.
_FRAME: Final = 12
#: Characters of text in one encoded word of at most 75 (RFC 2047 2).
_ROOM: Final = 75 - _FRAME
#: Room for one character of four bytes as ``=F0=9F=98=80``: a word never gets less.
_LEAST_ROOM: Final = 12
#: A longer word without a space is encoded, so that no line passes 998 (RFC 5322 2.1.1).
_LONGEST_WORD: Final = 900

#: Line ends as any reader may see them (as in ``str.splitlines``), NUL, and what UTF-8 lacks.
_FORBIDDEN: Final = re.compile("[\0\n\v\f\r\x1c-\x1e\x85\u2028\u2029\ud800-\udfff]")
_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_PLAIN: Final = re.compile(r"[!-~]++(?:[ \t]++[!-~]++)*+")
_PLAIN_WORD: Final = re.compile(rf"[!-~]{{1,{_LONGEST_WORD}}}")
_LONG: Final = re.compile(rf"[!-~]{{{_LONGEST_WORD}}}")
_ENCODED_WORD: Final = re.compile(r"=\?[^?]*\?[bBqQ]\?.*?\?=", re.DOTALL)
_CHUNK: Final = re.compile(r"[ \t]+[^ \t]+")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")

#: Bytes that stand for themselves in a Q word anywhere in a header (RFC 2047 5 (3)).
_Q_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ "
_Q: Final = {chr(code): chr(code) for code in _Q_SAFE} | {" ": "_"}


def text_of(value: object, field: str) -> str:
    """Return ``value`` as a plain ``str``.

    Markup and lazy translations (anything that can ``.encode()``) count as text; bytes, numbers
    and None do not.

    Raises:
        InvalidMessage: names ``field`` and the type that was given.
    """
    if isinstance(value, str) or hasattr(value, "encode"):
        return str(value)
    raise InvalidMessage(f"expected text (str), got {type(value).__name__}", field=field)


def line_of(value: object, field: str) -> str:
    """Return ``value`` as text that fits into one header line.

    Raises:
        InvalidMessage: it is no text, or holds a line break, a NUL or a lone surrogate.
    """
    text = text_of(value, field)
    if text.isascii() and text.isprintable():
        return text
    if found := _FORBIDDEN.search(text):
        raise InvalidMessage(
            f"must be one line of text, but holds U+{ord(found[0]):04X} at position "
            f"{found.start()}",
            field=field,
        )
    return text


def check_name(name: object, field: str) -> str:
    """Return a header's name (RFC 5322 3.6.8: printable ASCII but the colon, at most 76).

    Raises:
        InvalidMessage: anything else; a line break in a name would be a header of its own.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidMessage(
            f"{str(name)[:40]!r} cannot be a header's name: use printable ASCII without spaces "
            "and colons, at most 76 characters",
            field=field,
        )
    return name


def unfold(value: str) -> str:
    """Join the lines of a folded header value (RFC 5322 2.2.3); other line ends stay."""
    return _FOLD.sub("", value)


def has_encoded_word(text: str) -> bool:
    """Say whether a reader would take a part of ``text`` for an encoded word."""
    return "=?" in text and _ENCODED_WORD.search(text) is not None


def encoded_words(text: str, *, taken: int = 0) -> list[str]:
    """Return ``text`` as RFC 2047 words of at most 75 characters, to be joined by spaces.

    Q or B is taken, whichever is shorter; a character is never split between words.  ``taken``
    is how much of its line the first word finds occupied.
    """
    data = text.encode()
    room = max(min(_ROOM, LINE - _FRAME - taken), _LEAST_ROOM)
    q_length = len(data) + 2 * len(data.translate(None, _Q_SAFE))
    return _q_words(text, room) if q_length * 3 <= len(data) * 4 else _b_words(data, room)


def decode_words(text: str) -> str:
    """Return ``text`` with its RFC 2047 words decoded; words nobody can read stay as they are."""
    if not has_encoded_word(text):
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError):
        return text


def header(name: str, text: str) -> str:
    """Return the header ``name`` with ``text``, encoded and folded, CRLF at the end.

    Both must have been checked (:func:`check_name`, :func:`line_of`).  Spaces around ``text``
    are dropped.  Printable ASCII is only folded, and only where it has spaces, so structured
    values stay what they are; of other text, the words from the first that needs it to the last
    are encoded.
    """
    text = text.strip(" \t")
    if not text:
        return f"{name}:\r\n"
    if _PLAIN.fullmatch(text) and not has_encoded_word(text):
        if len(name) + len(text) <= LINE - 2:
            return f"{name}: {text}\r\n"
        if len(text) < _LONGEST_WORD or not _LONG.search(text):
            return folded(name, text)
    words = text.split(" ")
    odd = [at for at, word in enumerate(words) if not _PLAIN_WORD.fullmatch(word)]
    if "=?" in text or not odd:  # what looks like an encoded word may span several
        return folded(name, " ".join(encoded_words(text, taken=len(name) + 2)))
    first, last = odd[0], odd[-1] + 1
    middle = encoded_words(" ".join(words[first:last]), taken=0 if first else len(name) + 2)
    return folded(name, " ".join([*words[:first], *middle, *words[last:]]))


def folded(name: str, value: str) -> str:
    """Return the header ``name`` with a finished ``value``, broken at spaces, CRLF at the end."""
    if value and " " not in value and "\t" not in value:
        return f"{name}: {value}\r\n"
    lines: list[str] = []
    line = f"{name}:"
    for chunk in _CHUNK.findall(f" {value}"):
        if len(line) + len(chunk) > LINE and (lines or len(line) > len(name) + 1):
            lines.append(line)
            line = chunk
        else:
            line += chunk
    return "\r\n".join([*lines, line]) + "\r\n"


def _q_words(text: str, room: int) -> list[str]:
    words: list[str] = []
    word = ""
    for char in text:
        code = _Q.get(char) or "".join(f"={byte:02X}" for byte in char.encode())
        if len(word) + len(code) > room:
            words.append(f"=?utf-8?q?{word}?=")
            word, room = "", _ROOM
        word += code
    return [*words, f"=?utf-8?q?{word}?="]


def _b_words(data: bytes, room: int) -> list[str]:
    words: list[str] = []
    start = 0
    while start < len(data):
        end = min(start + room // 4 * 3, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - inside a character
            end -= 1
        word = b2a_base64(data[start:end], newline=False).decode("ascii")
        words.append(f"=?utf-8?b?{word}?=")
        start, room = end, _ROOM
    return words

"""Make text from servers safe to store and show, and keep secrets out of it.

A reply is hostile input: it may hold any bytes. Databases refuse surrogates and NUL, terminals
obey control characters, and bidirectional marks make a line read as what it is not.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

#: How much of a reply is kept, in bytes of UTF-8.
LIMIT: Final = 2048
SECRET: Final = "[secret removed]"  # noqa: S105 - what stands where a secret stood
_SHORTEST: Final = 4

_LINE_BREAKS: Final = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t]*")
#: C0 and C1 controls, surrogates, bidirectional and invisible marks, odd line ends, non-characters.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ufffe\uffff]"
)


def clean(text: str | bytes, *, limit: int = LIMIT) -> str:
    """Return ``text`` as one line of valid UTF-8 with at most ``limit`` bytes.

    Line breaks become spaces, whatever could harm a database, terminal or reader U+FFFD.
    """
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "replace")
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text.strip()
    line = _LINE_BREAKS.sub(" ", text[: 4 * limit]).replace("\t", " ")
    return cut(_UNSAFE.sub("\ufffd", line).strip(), limit)


def cut(text: str, limit: int) -> str:
    """Return ``text`` with at most ``limit`` bytes of UTF-8, an ellipsis where it was cut."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode("utf-8", "ignore") + "…"


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without the ``secrets`` in any form in which a server may quote them.

    Covers the secret itself, percent-encoded, in hex and in base64 at each of the three
    alignments (so inside ``AUTH PLAIN`` too). Shorter than four characters: not looked for.
    """
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len)[::-1]:
        text = text.replace(form, SECRET)
    return text


def _forms(secret: str) -> set[str]:
    if len(secret) < _SHORTEST:
        return set()
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {secret, quote(secret, safe="", errors="replace"), raw.hex(), raw.hex().upper()}
    forms.update(_aligned(raw, offset) for offset in range(3))
    return {form for form in forms if len(form) >= _SHORTEST}


def _aligned(raw: bytes, offset: int) -> str:
    """Return the base64 digits that depend on ``raw`` alone, ``offset`` bytes after a boundary."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
    skip = (0, 2, 3)[offset]
    spare = (offset + len(raw)) % 3
    return encoded[skip : len(encoded) - (1 if spare else 0)]

"""Make text from servers safe to store and show, and keep secrets out of it.

A reply is hostile input: it may hold any bytes. Databases refuse surrogates and NUL, terminals
obey control characters, and bidirectional marks make a line read as what it is not.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, quote_plus

#: How much of a reply is kept, in bytes of UTF-8.
LIMIT: Final = 2048
SECRET: Final = "[secret removed]"  # noqa: S105 - what stands where a secret stood
_SHORTEST: Final = 4
#: What is looked for with signs in between is longer: shorter ones are in innocent words.
_SHORTEST_PRESSED: Final = 8
_BETWEEN: Final = re.compile(r"[\W_]+")
_CUT: Final = "…"
#: From the alphabet of base64 to the one for URLs (RFC 4648 5).
_URL_SAFE: Final = str.maketrans("+/", "-_")

#: What is looked for with its separators removed is longer: short forms are in innocent words.
_SHORTEST_SPREAD: Final = 8
_SEPARATORS: Final = re.compile(r"[^0-9A-Za-z]+")

#: What stands in front of each line of a reply.
_CODES: Final = re.compile(r"(?:^|\n)\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3} )?")
_CODES_IN_BYTES: Final = re.compile(_CODES.pattern.encode())
_SEPARATING: Final = bytes(
    byte for byte in range(256) if not (chr(byte).isalnum() and chr(byte).isascii())
)

_LINK: Final = re.compile(r"(?:\w+://|www\.)[^\s<>\"']+", re.IGNORECASE)
_LINK_IN_BYTES: Final = re.compile(_LINK.pattern.encode(), re.IGNORECASE)
_LINE_BREAKS: Final = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t]*")
#: C0 and C1 controls, surrogates, bidirectional and invisible marks, odd line ends, non-characters.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ufffe\uffff]"
)


def without_links(text: str) -> str:
    """Return ``text`` without links: a filter may quote the one of a message that it refuses."""
    return _LINK.sub(SECRET, text)


def bytes_without_links(text: bytes) -> bytes:
    """Return the same for what is not decoded yet."""
    return _LINK_IN_BYTES.sub(SECRET.encode(), text) if b"." in text else text


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
    return encoded[: limit - 3].decode("utf-8", "ignore") + _CUT


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without the ``secrets`` in any form in which a server may quote them.

    Covers the secret itself, percent-encoded, in hex and in base64 at each of the three
    alignments (so inside ``AUTH PLAIN`` too), in upper and lower case. Shorter than four
    characters: not looked for.
    """
    return hider(secrets)(text)


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return :func:`hide` for the same secrets and many texts, most of them the same few.

    It also sees a form spread over lines or with signs in between, and takes away what
    :func:`clean` has left of one at the end of a text.
    """
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    if not forms:
        return str
    folded = tuple({form.lower() for form in forms})
    pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE)
    pressed = {_BETWEEN.sub("", form) for form in folded}
    dense = tuple(form for form in pressed if len(form) >= _SHORTEST_PRESSED)

    @functools.lru_cache(maxsize=64)
    def hidden(text: str) -> str:
        lower = text.lower()
        if any(form in lower for form in folded):
            found, count = pattern.subn(SECRET, text)
            text = found if count else SECRET
            lower = text.lower()
        joined = _BETWEEN.sub("", lower)
        if any(form in joined for form in dense):
            return SECRET
        return _without_rest(text, folded) if text.endswith(_CUT) else text

    return hidden


def _without_rest(text: str, folded: Iterable[str]) -> str:
    """Return a text that was cut without the beginning of a form at its end."""
    lower = text.removesuffix(_CUT).lower()
    rests = (
        length
        for form in folded
        for length in range(len(form) - 1, _SHORTEST - 1, -1)
        if lower.endswith(form[:length])
    )
    longest = max(rests, default=0)
    return f"{text[: -longest - len(_CUT)]}{SECRET}{_CUT}" if longest else text


class Redactor:
    """Keeps the same secrets out of many texts; their forms are worked out once, when needed.

    It knows more tricks than :func:`hide`: a form with separators in between (spread over the
    lines of a reply, hex with colons, percent signs), and one that was cut off with its text.
    """

    __slots__ = ("_forms", "_known", "_marks", "_spread", "_spread_marks", "_telling")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known = list(secrets)
        self._forms: tuple[str, ...] | None = None
        self._spread: tuple[str, ...] = ()
        self._telling: tuple[str, ...] = ()  # no form is in a text in which none of these is
        self._marks: tuple[bytes, ...] = ()
        self._spread_marks: tuple[bytes, ...] = ()

    def add(self, secret: str) -> None:
        """Keep this one out too."""
        if secret not in self._known:
            self._known.append(secret)
            self._forms = None

    def __call__(self, text: str) -> str:
        """Return what a server said without the secrets."""
        forms = self._prepared()
        text = self.sweep(text)
        dense = _SEPARATORS.sub("", _CODES.sub("", text))
        lower = dense.lower()
        if any(form in dense or form in lower for form in self._spread):
            return SECRET
        return _without_stump(text, forms) if text.endswith("…") else text

    def sweep(self, text: str) -> str:
        """Return a text of any length without the forms that stand in it as they are."""
        forms = self._prepared()
        if any(form in text for form in self._telling):
            for form in forms:
                text = text.replace(form, SECRET)
        return text

    def finds(self, data: bytes) -> bool:
        """Say whether there may be a secret in ``data``, as :meth:`sweep` would see it."""
        self._prepared()
        return any(form in data for form in self._marks)

    def finds_spread(self, data: bytes) -> bool:
        """Say whether there may be one in replies, spread out, as :meth:`__call__` would see it."""
        self._prepared()
        if b"-" in data:  # or there is no reply of several lines
            data = _CODES_IN_BYTES.sub(b"", data)
        dense = data.translate(None, _SEPARATING)
        lower = dense.lower()
        return any(form in dense or form in lower for form in self._spread_marks)

    def _prepared(self) -> tuple[str, ...]:
        forms = self._forms
        if forms is None:
            found = {form for secret in tuple(self._known) for form in _forms(secret)}
            forms = tuple(sorted(found, key=len, reverse=True))
            self._telling = tuple(f for f in forms if not any(o in f for o in forms if o != f))
            dense = {_SEPARATORS.sub("", form) for form in found}
            self._spread = tuple(form for form in dense if len(form) >= _SHORTEST_SPREAD)
            self._marks = tuple(form.encode("utf-8", "surrogatepass") for form in self._telling)
            self._spread_marks = tuple(form.encode() for form in self._spread)
            self._forms = forms
        return forms


def _without_stump(text: str, forms: Iterable[str]) -> str:
    """Return a text that was cut without the beginning of a secret at its end."""
    kept = text[:-1]
    for form in forms:
        for length in range(len(form) - 1, _SHORTEST - 1, -1):
            if kept.endswith(form[:length]):
                return f"{kept[:-length]}{SECRET}…"
    return text


def _forms(secret: str) -> set[str]:
    if len(secret) < _SHORTEST:
        return set()
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {secret, raw.hex(), "".join(f"%{byte:02x}" for byte in raw)}
    for safe in ("", "/"):
        forms.add(quote(secret, safe=safe, errors="replace"))
        forms.add(quote_plus(secret, safe=safe, errors="replace"))
    aligned = {_aligned(raw, offset) for offset in range(3)}
    forms |= aligned | {form.translate(_URL_SAFE) for form in aligned}
    return {form for form in forms if len(form) >= _SHORTEST}


def _aligned(raw: bytes, offset: int) -> str:
    """Return the base64 digits that depend on ``raw`` alone, ``offset`` bytes after a boundary."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
    skip = (0, 2, 3)[offset]
    spare = (offset + len(raw)) % 3
    return encoded[skip : len(encoded) - (1 if spare else 0)]

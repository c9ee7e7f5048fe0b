"""HTML taken apart into tags and texts, as browsers read it, in time that grows with its length.

``html.parser`` is not used: until the releases of 2025 it takes quadratic time over what is never
closed (CVE-2025-6069), and each of its releases reads broken HTML differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from html.entities import html5
from typing import Final, NamedTuple

#: They have no content and no end tag.
VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source"}
    | {"track", "wbr"}
)
#: Their content is text up to their own end tag (HTML 13.1.2, and what browsers keep for old mail).
RAW: Final = frozenset(
    {"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"}
)

#: Each alternative but the first matches wherever it may begin, if need be up to the end of the
#: text, so nothing is read twice.
_MARK: Final = re.compile(
    r"</?(?P<name>[A-Za-z][^\s/>]*+)"
    r"|<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<(?:[!?]|/(?=[^A-Za-z]))[^>]*+(?:>|\Z)",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(
    r"[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)(?:\"|\Z)|'(?P<single>[^']*+)(?:'|\Z)|(?P<bare>[^\s>]*+)))?+"
)
_END: Final = re.compile(r"[\s/]*+>?")
_RAW_END: Final = {name: re.compile(rf"</{name}(?=[\s/>])|\Z", re.IGNORECASE) for name in RAW}
#: ``int()`` refuses 4,301 digits, and no character has so high a number.
_ENDLESS: Final = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
#: In a value ``&copy=1`` is no reference (HTML 13.2.5.73): it stands in the query of an address.
_IN_VALUE: Final = re.compile(
    r"&(?:#[0-9]{1,7}+|#[xX][0-9a-fA-F]{1,6}+|[A-Za-z][A-Za-z0-9]*+);?(?!=)"
)


class Tag(NamedTuple):
    """A start tag, or with ``end`` an end tag; ``raw`` is the text of an element in :data:`RAW`."""

    name: str
    attributes: Mapping[str, str]
    end: bool = False
    raw: str = ""


def pieces(html: str) -> Iterator[Tag | str]:
    """Yield tags and the texts between them, references resolved; comments are left out.

    Names are in lower case; of an attribute given twice the first counts. A :data:`RAW` element is
    one tag with its text. Nothing is balanced or completed.
    """
    at = 0
    while found := _MARK.search(html, at):
        if found.start() > at:
            yield text_of(html[at : found.start()])
        at = found.end()
        if found["name"] is None:
            continue
        tag, at = _tag(html, found)
        yield tag
    if at < len(html):
        yield text_of(html[at:])


def text_of(source: str) -> str:
    """Return ``source`` with its character references resolved."""
    return unescape(_ENDLESS.sub("\ufffd", source)) if "&" in source else source


def _tag(html: str, found: re.Match[str]) -> tuple[Tag, int]:
    """Return the tag that begins with ``found``, and where it ends."""
    at = found.end()
    attributes: dict[str, str] = {}
    while one := _ATTRIBUTE.match(html, at):
        at = one.end()
        value = one["double"] or one["single"] or one["bare"] or ""
        attributes.setdefault(one["name"].lower(), _value(value))
    end = _END.match(html, at)
    at = end.end() if end else at
    name = found["name"].lower()
    if found[0][1] == "/":
        return Tag(name, {}, end=True), at
    if name not in RAW:
        return Tag(name, attributes), at
    stop = _RAW_END[name].search(html, at)
    assert stop is not None  # noqa: S101 - it matches the end at least
    return Tag(name, attributes, raw=html[at : stop.start()]), stop.start()


def _value(source: str) -> str:
    return _IN_VALUE.sub(_resolved, source) if "&" in source else source


def _resolved(found: re.Match[str]) -> str:
    whole = found[0]
    named = whole[1] != "#" and whole[1:] not in html5
    return whole if named else unescape(whole)

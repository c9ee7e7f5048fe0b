"""The links of a message, for somebody who checks where they lead before anybody presses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

#: Links that are listed at most.
MOST: Final = 200
#: Characters of HTML, and of text, that are looked through.
_LONGEST: Final = 1_000_000
#: Characters between the tags of a link that are looked at, and those that are kept.
_LONGEST_WORDS: Final = 10_000
_WORDS: Final = 200
#: A tag ends before the next "<" outside of quotes: else many that never end take for ever.
_INSIDE: Final = r"((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)"
_TAG: Final = re.compile(rf"<(/?)(area|a)\b{_INSIDE}>", re.IGNORECASE)
_IMAGE: Final = re.compile(rf"<img\b{_INSIDE}>", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"<[^<>]*+>")
_ATTRIBUTE: Final = re.compile(
    r"(?:^|(?<=[\s\"'/]))([^\s\"'<>/=]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>]++))"
)
_IN_TEXT: Final = re.compile(r"\bhttps?://[^\s<>\"'\x00-\x1f]{1,4000}", re.IGNORECASE)
#: What ends a sentence and no address.
_TAIL: Final = ".,;:!?*_"
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Link:
    """One address and how the message shows it.

    Attributes:
        address: as it stands in the message.
        words: what is pressed; "" in plain text, where the address itself stands.
        part: where it was found first.
    """

    address: str
    words: str
    part: Literal["html", "text"]

    @property
    def scheme(self) -> str:
        """``https``, ``mailto`` ..., "" where there is none: it leads nowhere in a mail."""
        return _split(self.address).scheme.lower()

    @property
    def host(self) -> str:
        """The host in the form in which it is asked for (RFC 5890 A-labels), "" without one."""
        try:
            name = _split(self.address).hostname or ""
            return name if name.isascii() else name.encode("idna").decode()
        except ValueError:
            return ""

    @property
    def opens(self) -> bool:
        """Whether a browser may be sent there: web addresses with a host alone."""
        return self.scheme in {"http", "https"} and bool(self.host)


def links(html: str | None, text: str | None) -> tuple[Link, ...]:
    """Return each address once, in order, those of the HTML first; one more than ``MOST`` ends it.

    Takes time in proportion to the length of both, whatever they are; the standard library's
    parser of HTML does not.
    """
    found: dict[str, Link] = {}
    for link in (*_in_html(html or ""), *_in_text(text or "")):
        found.setdefault(link.address, link)
        if len(found) > MOST:
            break
    return tuple(found.values())


def _in_html(html: str) -> Iterator[Link]:
    html = _without_comments(html[:_LONGEST])
    address, words_from = "", 0
    for tag in _TAG.finditer(html):
        closes, name = tag[1] == "/", tag[2].lower()
        if address and name == "a":
            yield Link(address, _words(html[words_from : tag.start()]), "html")
            address = ""
        if closes:
            continue
        given = _attributes(tag[3])
        if name == "area" and given.get("href"):
            yield Link(given["href"], given.get("alt", "")[:_WORDS], "html")
        elif name == "a":
            address, words_from = given.get("href", ""), tag.end()
    if address:
        yield Link(address, _words(html[words_from:]), "html")


def _in_text(text: str) -> Iterator[Link]:
    for match in _IN_TEXT.finditer(text[:_LONGEST]):
        yield Link(_without_tail(match[0]), "", "text")


def _without_comments(html: str) -> str:
    kept, at = [], 0
    while (begin := html.find("<!--", at)) >= 0:
        kept.append(html[at:begin])
        end = html.find("-->", begin)
        if end < 0:
            return "".join(kept)
        at = end + 3
    return "".join([*kept, html[at:]])


def _attributes(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        value = next((group for group in match.groups()[1:] if group is not None), "")
        given.setdefault(match[1].lower(), unescape(value).strip())
    return given


def _words(html: str) -> str:
    """Return what is read where a link is pressed: text, and what stands for pictures."""
    html = html[:_LONGEST_WORDS]
    shown = _IMAGE.sub(lambda tag: f" {_attributes(tag[1]).get('alt', '')} ", html)
    return _SPACES.sub(" ", unescape(_ANY_TAG.sub(" ", shown))).strip()[:_WORDS]


def _without_tail(address: str) -> str:
    """Cut off what belongs to the sentence around an address."""
    while address[-1:] in _TAIL or (address.endswith((")", "]")) and not _is_paired(address)):
        address = address[:-1]
    return address


def _is_paired(address: str) -> bool:
    opening = {")": "(", "]": "["}[address[-1]]
    return address.count(opening) >= address.count(address[-1])


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # brackets that hold no address of a host
        return SplitResult("", "", "", "", "")

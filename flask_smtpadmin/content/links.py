"""Keeps links that run something out of a mail: ``javascript:`` and its like.

A template says ``href="{{ link }}"`` and a value decides where it leads. Escaping keeps the value
within its quotes; what scheme it has is looked at here, in the finished HTML.
"""

from __future__ import annotations

import html
import re
from typing import Final

from flask_smtpadmin.content.markup import NOTHING, Tag, cut

#: Attributes whose value is an address that a reader's program would follow or load.
_ADDRESSES: Final = ("href", "src", "action", "formaction", "background", "poster", "xlink:href")
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "sms", "cid"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);", re.IGNORECASE)
# What browsers skip when they look for the scheme (URL standard), and then some.
_SKIPPED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\ufeff]")


def is_safe_link(address: str) -> bool:
    """Say whether an address leads to a page, a mailbox, a telephone or a part of the mail."""
    bare = _SKIPPED.sub("", address)
    scheme = _SCHEME.match(bare)
    return scheme is None or scheme[1].lower() in _SCHEMES


def without_unsafe_links(document: str) -> str:
    """Return rendered HTML in which no link has a scheme that could run something.

    Such an attribute is taken away: what it stood at remains, as text that leads nowhere.
    """
    return "".join(one if isinstance(one, str) else _safe(one) for one in cut(document, NOTHING))


def _safe(tag: Tag) -> str:
    unsafe = {
        name: ""
        for name in _ADDRESSES
        if (value := html.unescape(tag.get(name))) and not _is_safe_at(name, value)
    }
    return tag.with_attributes(**unsafe) if unsafe else tag.text


def _is_safe_at(name: str, value: str) -> bool:
    picture = name in {"src", "background"} and _PICTURE.match(value)
    return bool(picture) or is_safe_link(value)

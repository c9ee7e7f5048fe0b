"""Keeps links that run something out of a mail: ``javascript:`` and its like.

A template says ``href="{{ link }}"``, and a value decides where it leads. Escaping keeps the value
within its quotes; what scheme it has is asked by the filter ``link``, which every such place gets
when the template is read. Nothing is left to look at in the finished HTML.
"""

from __future__ import annotations

import html
import re
from typing import Any, Final

from flask_smtpadmin.content import operations
from flask_smtpadmin.content.fuel import Meter
from flask_smtpadmin.content.markup import NOTHING, TEMPLATE_TAG, Tag, cut
from flask_smtpadmin.core.errors import TemplateError
from flask_smtpadmin.core.words import said

#: Attributes whose value is an address that a reader's program would follow or load.
_ADDRESSES: Final = ("href", "src", "action", "formaction", "background", "poster", "xlink:href")
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "sms", "cid"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);", re.IGNORECASE)
#: An address that begins so has no scheme, or has told it.
_TOLD: Final = re.compile(r"[/?#]|[^:]*[/?#]")
# What browsers skip when they look for the scheme (URL standard), and then some.
_SKIPPED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\ufeff]")
#: Where an address leads that may not be followed.
_NOWHERE: Final = "#"
_VALUE: Final = re.compile(r"\{\{[-+]?(.*?)[-+]?\}\}", re.DOTALL)
#: Stand for a tag of the template (Unicode: private use).
_MARK: Final = re.compile("\ue010([0-9]+)\ue011")


def is_safe_link(address: str) -> bool:
    """Say whether an address leads to a page, a mailbox, a telephone or a part of the mail."""
    bare = _SKIPPED.sub("", address)
    scheme = _SCHEME.match(bare)
    return scheme is None or scheme[1].lower() in _SCHEMES


def link(value: Any, meter: Meter) -> str:
    """Return an address that may be followed; ``#`` in the place of any other."""
    address = operations.text(value, "link")
    meter.spend(len(address))
    return address if is_safe_link(address) else _NOWHERE


def guarded(source: str, part: str = "html") -> str:
    """Return a template of HTML in which no link can run something, whatever the values are.

    Raises:
        TemplateError: an address is written so that nobody can tell where it leads; with its line.
    """
    tags: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        tags.append(found[0])
        return f"\ue010{len(tags) - 1}\ue011"

    def put_back(text: str) -> str:
        return _MARK.sub(lambda found: tags[int(found[1])], text)

    pieces: list[str] = []
    for piece in cut(TEMPLATE_TAG.sub(put_aside, source), NOTHING):
        text = piece
        if isinstance(piece, Tag):
            try:
                text = _guarded(piece, tags)
            except ValueError as error:
                before = put_back("".join(pieces))
                line = before.count("\n") + 1
                raise TemplateError(str(error), part=part, line=line) from None
        pieces.append(str(text))
    return put_back("".join(pieces))


def _guarded(tag: Tag, tags: list[str]) -> str:
    changed = {}
    for name in _ADDRESSES:
        value = tag.get(name)
        if value and (new := _settled(name, value, tags)) != value:
            changed[name] = new
    return tag.with_attributes(**changed) if changed else tag.text


def _settled(name: str, value: str, tags: list[str]) -> str:
    """Return an address of which it is sure, once it is rendered, that it has a scheme of ours."""
    first = _MARK.search(value)
    known = _SKIPPED.sub("", html.unescape(value if first is None else value[: first.start()]))
    if first is None or known:
        picture = name in {"src", "background"} and _PICTURE.match(known)
        scheme = _SCHEME.match(known)
        told = first is None or scheme or _TOLD.match(known)
        if picture or (told and is_safe_link(known)):
            return value
        raise ValueError(_no_address(known))
    given = _VALUE.fullmatch(tags[int(first[1])])
    rest = value[first.end() :]
    if given is None or (rest and rest[0] not in "/?#&"):
        raise ValueError(
            said(
                "The address in `%(name)s` begins with something that cannot be checked. Let it "
                "be one variable, or begin it with https://.",
                name=name,
            )
        )
    tags.append(f"{{{{ ({given[1].strip()})|link }}}}")
    return f"\ue010{len(tags) - 1}\ue011{rest}"


def _no_address(known: str) -> str:
    return said(
        "`%(address)s` cannot be the address of a link; https://, mailto: and tel: can.",
        address=known[:40],
    )

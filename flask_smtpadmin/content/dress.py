"""Turns the small markup that admins write into HTML that mail programs show well.

A template says ``<p>``, ``<h1>``, ``<a class="button">``; mail programs want each style at its tag,
and a button made of a table. This is done once for a template's source, before any value is put
in, and leaves each line where it was, so that an error still names the right one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from flask_smtpadmin.content.markup import Tag, cut
from flask_smtpadmin.content.palette import ACCENT, Scheme, palette

Direction = Literal["ltr", "rtl"]

SANS: Final = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
MONO: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
_SMALL: Final = "font-size:14px;line-height:22px;color:{muted}"
_BOLD: Final = "font-size:{}px;line-height:{}px;font-weight:{};color:{{ink}}"
_SUNKEN: Final = "background-color:{sunken};color:{body}"
_CELL: Final = "padding:11px 0;border-bottom:1px solid {line};vertical-align:top"
#: tag, or tag.class, -> its class in the layout's own style sheet, and its style
_STYLES: Final = {
    "p": ("", "margin:0 0 16px"),
    "p.small": ("m-muted", f"margin:0 0 16px;{_SMALL}"),
    "p.small a": ("m-muted", "color:{muted};text-decoration:underline;word-break:break-word"),
    "h1": ("m-ink", f"margin:0 0 20px;{_BOLD.format(24, 32, 700)};letter-spacing:-.2px"),
    "h2": ("m-ink", f"margin:28px 0 8px;{_BOLD.format(18, 26, 600)}"),
    "h3": ("m-ink", f"margin:24px 0 4px;{_BOLD.format(16, 24, 600)}"),
    "a": ("m-link", "color:{link};text-decoration:underline"),
    "ul": ("", "margin:0 0 16px;padding:0;padding-{start}:24px"),
    "ol": ("", "margin:0 0 16px;padding:0;padding-{start}:24px"),
    "li": ("", "margin:0 0 6px"),
    "ul.items": ("", "margin:0 0 16px;padding:0;list-style:none"),
    "items li": ("m-line", "margin:0;padding:12px 0;border-top:1px solid {line}"),
    "items a": ("m-link", "color:{link};text-decoration:none;font-weight:600"),
    "small": ("m-muted", _SMALL),
    "strong": ("m-ink", "font-weight:600;color:{ink}"),
    "hr": ("m-line", "margin:28px 0 24px;border:0;border-top:1px solid {line}"),
    "blockquote": ("m-quote", "margin:0 0 20px;padding:16px 20px;border-radius:8px;" + _SUNKEN),
    "code": ("m-code", f"padding:2px 6px;border-radius:4px;font:14px {MONO};{_SUNKEN}"),
    "img": ("", "max-width:100%;height:auto;border:0"),
    "table.facts": ("", "width:100%;margin:0 0 24px;border-collapse:collapse;border-spacing:0"),
    "facts th": (
        "m-muted m-line",
        f"{_CELL};padding-{{end}}:20px;{_SMALL};font-weight:400;text-align:{{start}};white-space:nowrap",
    ),
    "facts td": (
        "m-ink m-line",
        f"{_CELL};font-size:15px;line-height:22px;color:{{ink}};text-align:{{end}}",
    ),
}
#: what opens a part in which other tags look differently
_PARTS: Final = ("ul", "ol", "table", "p")
_BUTTON: Final = (
    "display:inline-block;padding:14px 28px;font-size:16px;line-height:20px;font-weight:600;"
    "color:{button_ink};text-decoration:none;border-radius:8px"
)
# The cell is what old Outlook paints and pads; the link is what everybody else does.
_BUTTON_BEFORE: Final = (
    '<table role="presentation" class="m-wide" style="margin:12px 0 24px;border-collapse:separate;'
    'border-spacing:0"><tr><td class="m-button" style="padding:0;border-radius:8px;'
    'text-align:center;background-color:{button};mso-padding-alt:14px 28px">'
)
_BUTTON_AFTER: Final = (
    "</td></tr></table><!--[if mso]><p style='margin:0;line-height:16px'>&nbsp;</p><![endif]-->"
)
# Shown beside the subject in lists of mails; the layout takes it to the top of the mail.
# It ends at the next paragraph at the latest: a search from each to the end would take minutes.
_HIDDEN: Final = re.compile(
    r'<p class="preheader">[^<]*+(?:<(?!/?p\b)[^<]*+)*+</p>\s*', re.IGNORECASE
)
#: Parts that stand deeper in each other look like what they stand in.
_DEEPEST: Final = 50
PREHEADER: Final = '<div class="m-preheader">'


def dress(source: str, *, accent: str = ACCENT, direction: Direction = "ltr") -> str:
    """Return a fragment's source with styles at its tags and its buttons built.

    ``<a class="button">``, ``<p class="small">``, ``<p class="preheader">``, ``<ul class="items">``
    and ``<table class="facts">`` have a look of their own. A tag's own ``style`` comes after ours
    and wins.
    """
    return "".join(_Dresser(palette(accent).light, direction).dress(list(cut(source))))


def without_preheader(source: str) -> str:
    """Return a fragment's source without what only lists of mails show."""
    return _HIDDEN.sub(lambda found: "\n" * found[0].count("\n"), source)


class _Dresser:
    """Goes through the tags and remembers in which part it is."""

    def __init__(self, scheme: Scheme, direction: Direction) -> None:
        start, end = ("left", "right") if direction == "ltr" else ("right", "left")
        self._words = {name: getattr(scheme, name) for name in Scheme.__slots__}
        self._words |= {"start": start, "end": end}
        self._parts: list[tuple[str, str]] = []
        self._ends: dict[str, str] = {}

    def dress(self, pieces: Sequence[str | Tag]) -> Iterator[str]:
        bare = _paragraphs_of_buttons(pieces)
        for at, piece in enumerate(pieces):
            if isinstance(piece, str):
                yield piece
            elif at not in bare:
                yield self._closing(piece) if piece.closes else self._opening(piece)

    def _opening(self, tag: Tag) -> str:
        if tag.name == "a" and "button" in tag.classes:
            return self._button(tag)
        if tag.name == "p" and "preheader" in tag.classes:
            self._ends["p"] = "</div>"
            return PREHEADER
        look = self._look(tag)
        if tag.name in _PARTS:
            self._enter(tag)
        return self._styled(tag, *look) if look else tag.text

    def _closing(self, tag: Tag) -> str:
        names = [name for name, _ in self._parts]
        if tag.name in names:
            del self._parts[len(names) - 1 - names[::-1].index(tag.name) :]
        return self._ends.pop(tag.name, tag.text)

    def _enter(self, tag: Tag) -> None:
        if tag.name == "p":  # one paragraph ends where the next begins
            self._parts = [part for part in self._parts if part[0] != "p"]
        if len(self._parts) < _DEEPEST:
            self._parts.append((tag.name, next(iter(tag.classes), "")))

    def _look(self, tag: Tag) -> tuple[str, str] | None:
        for kind in tag.classes:
            if f"{tag.name}.{kind}" in _STYLES:
                return _STYLES[f"{tag.name}.{kind}"]
        for name, kind in reversed(self._parts):
            for within in (kind, f"{name}.{kind}"):
                if f"{within} {tag.name}" in _STYLES:
                    return _STYLES[f"{within} {tag.name}"]
        return _STYLES.get(tag.name)

    def _styled(self, tag: Tag, kind: str, style: str) -> str:
        mine = style.format(**self._words)
        own = tag.get("style")
        classes = " ".join([*tag.classes, *kind.split()])
        values = {"class": classes, "style": f"{mine};{own}" if own else mine}
        if tag.name == "th":
            values["scope"] = tag.get("scope") or "row"
        return tag.with_attributes(**values)

    def _button(self, tag: Tag) -> str:
        inside = any(name == "p" for name, _ in self._parts)
        style = _BUTTON + (";background-color:{button}" if inside else "")
        link = self._styled(tag, "m-button m-on" if inside else "m-on m-press", style)
        if inside:  # a table may not stand in a paragraph
            return link
        self._ends["a"] = "</a>" + _BUTTON_AFTER
        return _BUTTON_BEFORE.format(**self._words) + link


def _paragraphs_of_buttons(pieces: Sequence[str | Tag]) -> set[int]:
    """Return where ``<p>`` and ``</p>`` stand around nothing but a button."""
    shown = [at for at, piece in enumerate(pieces) if isinstance(piece, Tag) or piece.strip()]
    found: set[int] = set()
    for run in zip(*(shown[skip:] for skip in range(5)), strict=False):
        opening, link, _label, end, closing = (pieces[at] for at in run)
        if (
            _is(opening, "p")
            and _is(link, "a")
            and "button" in _classes(link)
            and _is(end, "/a")
            and _is(closing, "/p")
        ):
            found |= {run[0], run[4]}
    return found


def _is(piece: str | Tag, name: str) -> bool:
    return isinstance(piece, Tag) and ("/" * piece.closes + piece.name) == name


def _classes(piece: str | Tag) -> list[str]:
    return piece.classes if isinstance(piece, Tag) else []

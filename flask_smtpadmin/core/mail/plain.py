"""The plain text of a mail that was written as HTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from flask_smtpadmin.core.mail.boxes import Box, Link, Row, plain
from flask_smtpadmin.core.mail.markup import RAW, VOID, Tag, pieces


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS: Final = _names(
    "address article aside body blockquote caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup html legend main menu nav ol p "
    "pre search section summary table tbody td tfoot th thead tr ul xmp"
)
#: Blocks that follow each other without a blank line.
_CLOSE: Final = _names("body dd dt html legend li summary tbody td tfoot th thead tr")
_UNSEEN: Final = _names("audio canvas datalist head map math object select svg template video")
_HEAD: Final = _names("base link meta noscript script style template title")
_LISTS: Final = frozenset({"dir", "menu", "ol", "ul"})
_CELLS: Final = frozenset({"td", "th"})
_BODIES: Final = frozenset({"tbody", "tfoot", "thead"})
#: What ends when this begins, if it is the innermost that is open (HTML 13.1.2.4).
_ENDS: Final[Mapping[str, frozenset[str]]] = {
    "body": frozenset({"head"}),
    "li": frozenset({"li", "p"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
    "tr": _CELLS | {"caption", "tr", "p"},
    **dict.fromkeys(_CELLS, _CELLS | {"p"}),
    **dict.fromkeys(_BODIES, _CELLS | _BODIES | {"caption", "tr", "p"}),
}
_PARAGRAPH: Final = frozenset({"p"})
#: An end tag reaches no further out than to these.
_WALLS: Final = _CELLS | {"table", "caption"}
#: Boxes within boxes: each copies its lines, so that deeper ones are no boxes.
_DEEPEST: Final = 32
_RULE: Final = "-" * 20
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_STYLE: Final = re.compile(r"(?P<before>[^{}]*+)(?P<mark>[{}]|\Z)")
_CLASS: Final = re.compile(r"[A-Za-z0-9]*\.(?P<name>[\w-]+)")
_HIDDEN: Final = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|max-height\s*:\s*0(?:px)?\s*(?:[;!]|$))",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]{1,9}")
_SCHEME: Final = re.compile(r"(?:https?://|mailto:|tel:)[^/]", re.IGNORECASE)


def plain_text(html: str) -> str:
    """Return what a reader of ``html`` sees, as plain text with a line feed between its lines.

    Links stand as ``text (https://...)``, alone in a line as ``text: https://...``; pictures as
    their ``alt``; quotations behind ``> ``. What is hidden is left out. Lines are as long as their
    paragraphs, and at most one of two is blank. Never raises, whatever ``html`` is.
    """
    writer = _Writer()
    for piece in pieces(html):
        if isinstance(piece, str):
            writer.text(piece)
        elif piece.end:
            writer.end(piece.name)
        else:
            writer.start(piece)
    return "\n".join(writer.finish())


class _Open(NamedTuple):
    """An element that is open, and what its end has to know."""

    name: str
    hidden: bool = False
    box: Box | None = None
    url: str = ""
    #: where a link began: finished lines, ended ones, pieces of the one that was being written
    began: tuple[int, int, int] = (0, 0, 0)


class _Table(Box):
    """A table writes its rows; ``row`` is the one that is open."""

    def __init__(self, *, figures: bool) -> None:
        super().__init__()
        self.figures = figures
        self.row: Row | None = None

    def write(self, text: str) -> None:
        if self.row is None:
            super().write(text)
        else:
            self.row.write(text)

    def end_row(self) -> None:
        if self.row is not None:
            self.end_line()
            self.row.lay_out(self, figures=self.figures)
            self.row = None

    def finished(self) -> list[str]:
        self.end_row()
        return super().finished()


class _Writer:
    """Writes one text while the pieces of its HTML come in."""

    def __init__(self) -> None:
        self._boxes: list[Box] = [Box()]
        self._open: list[_Open] = []
        #: how many of each name are open, up to the nearest wall, and beyond
        self._near: list[Counter[str]] = [Counter()]
        self._everywhere: Counter[str] = Counter()
        #: number of the next item of each list that is open; None without numbers
        self._lists: list[int | None] = []
        self._hidden_classes: set[str] = set()

    @property
    def _box(self) -> Box:
        return self._boxes[-1]

    @property
    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1].hidden

    def text(self, text: str) -> None:
        if self._open and self._open[-1].name == "head" and text.strip():
            self._close()
        if not self._hidden:
            self._box.write(text)

    def start(self, tag: Tag) -> None:
        name = tag.name
        if name in RAW:
            self._raw(tag)
            return
        self._end_what_must(name)
        if self._hidden:
            if name not in VOID:
                self._push(_Open(name, hidden=True))
        elif name in VOID:
            self._void(tag)
        elif name in _UNSEEN or self._is_hidden(tag.attributes):
            self._break(name)
            self._push(_Open(name, hidden=True))
        else:
            self._visible(tag)

    def end(self, name: str) -> None:
        if name == "br":  # the one end tag that browsers take for a start tag
            self.start(Tag(name, {}))
        elif self._near[-1][name] or (name in _WALLS and self._everywhere[name]):
            while self._close() != name:
                pass
        elif (name in _BODIES or name == "tr") and self._everywhere[name]:
            while self._open[-1].name not in {"table", name}:
                self._close()
            if self._open[-1].name == name:
                self._close()

    def finish(self) -> list[str]:
        while self._open:
            self._close()
        return self._box.finished()

    def _end_what_must(self, name: str) -> None:
        if name == "a" and self._near[-1]["a"]:
            self.end("a")
        ends = _ENDS.get(name) or (_PARAGRAPH if name in _BLOCKS or name == "hr" else None)
        if self._open and self._open[-1].name == "head" and name not in _HEAD:
            self._close()
        while ends and self._open and self._open[-1].name in ends:
            self._close()

    def _raw(self, tag: Tag) -> None:
        if tag.name == "style":
            self._hidden_classes |= _classes_hidden_by(tag.raw)
        elif tag.name == "xmp" and not self._hidden:
            box = self._box
            box.end_block()
            box.kept += 1
            box.write(tag.raw)
            box.end_line()
            box.kept -= 1
            box.end_block()

    def _void(self, tag: Tag) -> None:
        if tag.name == "br":
            self._box.end_line(blank=True)
        elif tag.name == "hr":
            self._break("hr")
            if self._box.lines or len(self._boxes) > 1:
                self._box.add([_RULE])
            self._box.end_block()
        elif tag.name == "img" and not self._is_hidden(tag.attributes):
            self._box.write(plain(tag.attributes.get("alt", "")))

    def _visible(self, tag: Tag) -> None:
        name = tag.name
        if name not in _LISTS:
            self._break(name)
        if name == "a":
            box = self._box
            url = _url(tag.attributes.get("href", ""))
            began = (len(box.lines), box.ended, len(box.pieces))
            self._push(_Open(name, url=url, began=began))
            return
        if name in _LISTS:
            first = _number(tag.attributes.get("start"), 1)
            self._lists.append(first if name == "ol" else None)
            self._break(name)
        elif name == "li" and self._lists and self._lists[-1] is not None:
            self._lists[-1] = _number(tag.attributes.get("value"), self._lists[-1])
        elif name == "q":
            self._box.write('"')
        self._push(_Open(name, box=self._new_box(tag)))
        if name == "pre":
            self._box.kept += 1

    def _new_box(self, tag: Tag) -> Box | None:
        """Return the box that ``tag`` opens, if it does."""
        box, name = self._box, tag.name
        made: Box | None = None
        if isinstance(box, _Table) and name == "tr":
            box.end_row()
            box.row = Row()
        elif isinstance(box, _Table) and name in _CELLS:
            box.row = box.row or Row()
            made = Box()
        elif len(self._boxes) > _DEEPEST:
            if name == "li":
                box.write(self._marker())
        elif name == "table":
            role = tag.attributes.get("role", "").strip().lower()
            made = _Table(figures=role not in {"presentation", "none"})
        elif name in {"li", "blockquote", "dd"}:
            made = Box()
        if made is not None:
            made.kept = box.kept
            self._boxes.append(made)
        return made

    def _push(self, element: _Open) -> None:
        self._open.append(element)
        self._everywhere[element.name] += 1
        if element.name in _WALLS:
            self._near.append(Counter())
        self._near[-1][element.name] += 1

    def _close(self) -> str:
        """Close the innermost element and return its name."""
        element = self._open.pop()
        name = element.name
        self._everywhere[name] -= 1
        self._near[-1][name] -= 1
        if name in _WALLS:
            self._near.pop()
        if not element.hidden:
            self._closed(element)
        return name

    def _closed(self, element: _Open) -> None:
        name = element.name
        if name == "a":
            self._end_link(element)
        elif name == "q":
            self._box.write('"')
        elif name == "pre":
            self._box.end_line()
            self._box.kept -= 1
        elif name == "tr" and isinstance(self._box, _Table):
            self._box.end_row()
        if element.box is not None:
            lines = self._boxes.pop().finished()
            self._place(name, lines)
        self._break(name)
        if name in _LISTS:
            self._lists.pop()

    def _place(self, name: str, lines: list[str]) -> None:
        """Put the lines of a box where they belong in the one around it."""
        box = self._box
        if name in _CELLS and isinstance(box, _Table) and box.row is not None:
            box.row.add(lines, head=name == "th")
        elif name == "blockquote":
            box.add([f"> {line}".rstrip() for line in lines])
        elif name == "dd":
            box.add([f"  {line}".rstrip() for line in lines])
        elif name == "li" and lines:
            mark = self._marker()
            blank = " " * len(mark)
            box.add([f"{blank if at else mark}{line}".rstrip() for at, line in enumerate(lines)])
        elif name == "table":
            box.add(lines)

    def _marker(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "- "
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{number}. "

    def _break(self, name: str) -> None:
        """End the line, and the paragraph, where ``name`` begins or ends."""
        if name in _CLOSE or (name in _LISTS and len(self._lists) > 1):
            self._box.end_line()
        elif name in _BLOCKS or name == "hr":
            self._box.end_block()

    def _end_link(self, link: _Open) -> None:
        box = self._box
        lines, ended, at = link.began
        if not link.url:
            return
        if box.ended == ended:
            text = "".join(map(str, box.pieces[at:]))
            before, after = (" " if end.isspace() else "" for end in (text[:1], text[-1:]))
            box.pieces[at:] = [before, Link(plain(text), link.url), after]
        elif text := plain("".join(map(str, box.pieces))):
            box.pieces = [Link(text, link.url)]
        elif sum(map(bool, box.lines[lines:])) == 1:
            box.lines[-1] = Link(box.lines[-1], link.url).alone
        else:
            box.add([link.url])

    def _is_hidden(self, attributes: Mapping[str, str]) -> bool:
        if not attributes:
            return False
        return (
            "hidden" in attributes
            or _HIDDEN.search(attributes.get("style", "")) is not None
            or not self._hidden_classes.isdisjoint(attributes.get("class", "").split())
        )


def _classes_hidden_by(css: str) -> set[str]:
    """Return the classes that a style sheet hides on every screen: not within a media query."""
    depth, selector, hidden = 0, "", set[str]()
    for found in _STYLE.finditer(_COMMENT.sub("", css)):
        if found["mark"] == "{":
            depth += 1
            selector = found["before"] if depth == 1 else ""
        elif found["mark"] == "}":
            if depth == 1 and _HIDDEN.search(found["before"]):
                names = (_CLASS.fullmatch(name.strip()) for name in selector.split(","))
                hidden |= {name["name"] for name in names if name}
            depth = max(0, depth - 1)
    return hidden


def _number(text: str | None, default: int) -> int:
    found = _NUMBER.match(text or "")
    return int(found[0]) if found else default


def _url(href: str) -> str:
    """Return an address that works outside of the page; "" for any other."""
    url = re.sub(r"[\t\r\n]", "", href).strip()
    if url.startswith("//"):
        url = f"https:{url}"
    if not _SCHEME.match(url):
        return ""
    if url.lower().startswith(("mailto:", "tel:")):
        return plain(unquote(url.partition(":")[2].partition("?")[0]))
    return re.sub(r"\s", "%20", plain(url))

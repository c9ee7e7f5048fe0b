"""Lines of plain text as they are laid out: a box for each quotation, item of a list and cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

#: What browsers show as one space, control characters and spaces of other widths included; the
#: ideographic space stays what it is.
_BLANK: Final = re.compile("[\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f]+")
_LINE_END: Final = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL: Final = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f]")
#: Fills up the preview of a mail, or says where a word may break.
_NOTHING: Final = re.compile("[\xad\u200b\u2060\ufeff]+")
#: These join letters and emoji; beside a space they are fillers, too.
_JOINERS: Final = re.compile(
    "(?<![^ \u034f\u200c\u200d])[\u034f\u200c\u200d]+|[\u034f\u200c\u200d]+(?= |\\Z)"
)
_SEEN: Final = re.compile("[^ \u034f\u200c-\u200f\u202a-\u202e\u2066-\u2069\ufe00-\ufe0f]")
_ENDS: Final = (".", "!", "?", ":", "…", "。", "！", "？", "：")  # noqa: RUF001 - of full width
#: Characters of a row that stands in one line.
_ROW: Final = 200


class Link(NamedTuple):
    """A link in a line; ``url`` is absolute."""

    text: str
    url: str

    def __str__(self) -> str:
        """Return it as it stands within a sentence."""
        return self.url if self._bare else f"{self.text} ({self.url})"

    @property
    def alone(self) -> str:
        """Return it as it stands in a line of its own: a button."""
        if self._bare:
            return self.url
        return (
            f"{self.text} {self.url}" if self.text.endswith(_ENDS) else f"{self.text}: {self.url}"
        )

    @property
    def _bare(self) -> bool:
        return not self.text or _spelled(self.text) == _spelled(self.url)


class Box:
    """Finished lines, and the pieces of the one that is being written.

    A blank line stands between two lines where :meth:`end_block` was called, or a line was ended
    that had nothing in it; never two.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pieces: list[str | Link] = []
        #: how deep in ``<pre>``, where spaces count
        self.kept = 0
        #: how often a line was ended
        self.ended = 0
        self._apart = False

    def write(self, text: str) -> None:
        """Add ``text`` to the line."""
        if not self.kept:
            self.pieces.append(_BLANK.sub(" ", text))
            return
        first, *others = _CONTROL.sub("", _LINE_END.sub("\n", text)).split("\n")
        self.pieces.append(first)
        for line in others:
            self.end_line(blank=True)
            self.pieces.append(line)

    def end_line(self, *, blank: bool = False) -> None:
        """End the line; one without a text leaves none, or with ``blank`` a blank one."""
        self.ended += 1
        if not self.pieces:
            self._apart |= blank
            return
        text = _line(self.pieces, kept=self.kept > 0)
        self.pieces = []
        if text:
            self.add([text])
        else:
            self._apart |= blank

    def end_block(self) -> None:
        """End the line, and let a blank one follow if anything does."""
        self.end_line()
        self._apart = True

    def add(self, lines: Sequence[str]) -> None:
        """Add finished lines."""
        if not lines:
            return
        if self._apart and self.lines:
            self.lines.append("")
        self._apart = False
        self.lines.extend(lines)

    def finished(self) -> list[str]:
        """Return all lines."""
        self.end_line()
        return self.lines


class Row:
    """The cells of one row of a table."""

    def __init__(self) -> None:
        self._cells: list[list[str]] = []
        self._heads: list[bool] = []
        self._beside: list[str] = []

    def write(self, text: str) -> None:
        """Take a text that stands in no cell: in templates, what the next one depends on."""
        if text := text.strip():
            self._beside.append(plain(text))

    def add(self, lines: list[str], *, head: bool) -> None:
        """Add a cell; ``head``: it names the row or the column."""
        self._heads.append(head)
        if self._beside:
            first, *others = lines or [""]
            lines = ["".join([*self._beside, first]), *others]
            self._beside.clear()
        if lines:
            self._cells.append(lines)

    def lay_out(self, box: Box, *, figures: bool) -> None:
        """Write the row into ``box``: in one line where that can be read.

        Args:
            box: of the table.
            figures: the table holds data; otherwise it is there to put things side by side.
        """
        if self._beside and self._cells:
            self._cells[-1][-1] += "".join(self._beside)
        elif self._beside:
            self._cells.append(["".join(self._beside)])
        texts = [lines[0] for lines in self._cells]
        if len(self._heads) > 1 and all(len(lines) == 1 for lines in self._cells):
            buttons = not figures and any("://" in text for text in texts)
            short = sum(map(len, texts)) <= _ROW and not buttons
            box.add([self._joined(texts, figures=figures)] if short and texts else texts)
            return
        for lines in self._cells:
            box.end_block()
            box.add(lines)
            box.end_block()

    def _joined(self, texts: list[str], *, figures: bool) -> str:
        if len(texts) == 2 and self._heads == [True, False]:  # noqa: PLR2004 - name, value
            return f"{texts[0].rstrip(':')}: {texts[1]}"
        return (" | " if figures else "  ").join(texts)


def _line(pieces: list[str | Link], *, kept: bool) -> str:
    """Return the text of a line; "" when nothing in it would be seen."""
    links = [piece for piece in pieces if isinstance(piece, Link)]
    if len(links) == 1 and not any(_SEEN.search(text) for text in pieces if isinstance(text, str)):
        return links[0].alone
    text = "".join(map(str, pieces))
    return text.rstrip() if kept else plain(text)


def plain(text: str) -> str:
    """Return ``text`` in one line without what nobody sees."""
    clean = _JOINERS.sub("", _NOTHING.sub("", _BLANK.sub(" ", text)))
    clean = _BLANK.sub(" ", clean).strip()
    return clean if _SEEN.search(clean) else ""


def _spelled(text: str) -> str:
    """Return an address without what people leave out when they spell it."""
    return re.sub(r"^(?:https?://|mailto:|tel:)(?:www\.)?", "", text.strip().lower()).rstrip("/")

"""What differs between two texts, line by line, for a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

#: Lines that are compared; how long it takes grows with their square.
MOST: Final = 1_000
_AROUND: Final = 2

Op = Literal["same", "added", "removed", "gap"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line; ``gap`` stands for lines that are the same and left out."""

    op: Op
    text: str = ""


def difference(before: str, after: str) -> tuple[Line, ...] | None:
    """Return what to show of the change from one text to the other; None: they are too long."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST:
        return None
    return tuple(_lines(old, new))


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, old, new)
    for number, group in enumerate(matcher.get_grouped_opcodes(_AROUND)):
        if number:
            yield Line("gap")
        for op, start, end, new_start, new_end in group:
            if op == "equal":
                yield from (Line("same", text) for text in old[start:end])
                continue
            yield from (Line("removed", text) for text in old[start:end])
            yield from (Line("added", text) for text in new[new_start:new_end])

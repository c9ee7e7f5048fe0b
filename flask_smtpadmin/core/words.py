"""Sentences for people that a page can put into another language; everywhere else they are English.

``mark`` names a text that stands by itself. A sentence with values in it is ``said``: it is the
English sentence, and keeps the text it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class Said(str):
    """An English sentence that remembers how it was made.

    Attributes:
        text: the sentence with ``%(name)s`` in the place of each value.
        values: what stands in their places, by name; ``Said`` where it is a text itself.
        many: the sentence for a ``number`` other than one; "" where nothing is counted.
        number: how many it is about, ``%(count)s``.
    """

    __slots__ = ("many", "number", "text", "values")
    text: str
    values: Mapping[str, object]
    many: str
    number: int

    def __new__(
        cls, text: str, values: Mapping[str, object], many: str = "", count: int = 1
    ) -> Self:
        """Fill ``values`` into ``text``, and ``count``."""
        chosen = text if count == 1 or not many else many
        filled = {"count": f"{count:,}", **values} if many else values
        made = super().__new__(cls, chosen % filled if filled else chosen)
        made.text, made.values, made.many, made.number = text, values, many, count
        return made

    def __getnewargs__(self) -> Any:
        """Let copies be made like the original."""
        return self.text, self.values, self.many, self.number


def said(text: str, /, **values: object) -> Said:
    """Return ``text`` with its ``%(name)s`` filled in."""
    return Said(text, values)


def said_n(one: str, many: str, count: int, /, **values: object) -> Said:
    """Return ``one`` or ``many``, as ``count`` wants it, with it and ``values`` filled in."""
    return Said(one, values, many, count)


def mark(text: str) -> str:
    """Mark a text for the catalogues that is translated where it is shown."""
    return text


def mark_n(one: str, many: str) -> tuple[str, str]:
    """Mark a text that depends on a number, ``%(count)s``."""
    return one, many

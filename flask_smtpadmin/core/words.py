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
    """

    __slots__ = ("text", "values")
    text: str
    values: Mapping[str, object]

    def __new__(cls, text: str, values: Mapping[str, object]) -> Self:
        """Fill ``values`` into ``text``."""
        made = super().__new__(cls, text % values if values else text)
        made.text = text
        made.values = values
        return made

    def __getnewargs__(self) -> Any:
        """Let copies be made like the original."""
        return self.text, self.values


def said(text: str, /, **values: object) -> Said:
    """Return ``text`` with its ``%(name)s`` filled in."""
    return Said(text, values)


def mark(text: str) -> str:
    """Mark a text for the catalogues that is translated where it is shown."""
    return text


def mark_n(one: str, many: str) -> tuple[str, str]:
    """Mark a text that depends on a number, ``%(count)s``."""
    return one, many

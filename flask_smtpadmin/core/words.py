"""Sentences for people that a page can put into another language; everywhere else they are English.

``mark`` names a text that stands by itself. A sentence with values in it is ``said``: it is the
English sentence, and keeps the text it was made from.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
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


def kept(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document for the database, with how its sentences were made under ``said``."""
    return {**document, "said": [[path, _parts(it)] for path, it in _sentences(document)]}


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Put the sentences back into a document that :func:`kept` made; others stay as they are.

    Raises:
        ValueError: they do not belong to it.
    """
    try:
        for path, parts in document.pop("said", ()):
            *way, last = path
            place = functools.reduce(lambda at, step: at[step], way, document)
            place[last] = _made(parts)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError("these are no sentences of this document") from error
    return document


def _sentences(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Said]]:
    if isinstance(value, Said):
        yield path, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _sentences(item, (*path, name))
    elif isinstance(value, (list, tuple)):
        for at, item in enumerate(value):
            yield from _sentences(item, (*path, at))


def _parts(sentence: Said) -> list[Any]:
    values = {
        name: {"said": _parts(it)} if isinstance(it, Said) else str(it)
        for name, it in sentence.values.items()
    }
    return [sentence.text, values, sentence.many, sentence.number]


def _made(parts: list[Any]) -> Said:
    text, values, many, number = parts
    back = {
        name: _made(it["said"]) if isinstance(it, Mapping) else it for name, it in values.items()
    }
    return Said(text, back, many, number)

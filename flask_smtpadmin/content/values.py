"""What a template may hold: plain values, and the names that stand for nothing.

Values are copied into plain ``list`` and ``dict``, so that a template never touches an object of
the app, and no ``__getattr__``, property or lazy load runs while it is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from functools import partial
from typing import Any, Final

from jinja2 import StrictUndefined
from jinja2.runtime import Undefined
from jinja2.utils import missing
from markupsafe import Markup

from flask_smtpadmin.content.fuel import DIGITS, ITEMS, VALUE_DEPTH, Refused
from flask_smtpadmin.core.words import said

_LARGEST: Final = 10**DIGITS
_SAFE: Final = frozenset({str, bool, type(None)})
_NUMBERS: Final = frozenset({int, float, bool, Decimal})


def variable_of(name: str) -> str | None:
    """Return the variable of ``order.total`` or ``rows[0]``; None for what has no name."""
    return re.split(r"[.\[]", name, maxsplit=1)[0] or None


class Missing(StrictUndefined):
    """A name that was handed no value: it can be asked for and replaced, not used."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        _exc: object = None,
    ) -> None:
        text = hint or said(
            "`%(name)s` has no value here. Write `%(name)s|default(...)` for one that may be "
            "missing, or ask with `if %(name)s is defined`.",
            name=name,
        )
        refused: Any = partial(Refused, variable=variable_of(name or ""))
        super().__init__(text, obj, name, refused)


class Plain:
    """The values of one mail, a copy of each for all of its templates: none of these changes it."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._copies: dict[str, Any] = {}

    def of(self, names: Iterable[str], *, html: bool) -> dict[str, Any]:
        """Return the value of each of ``names``; ``Missing`` for one without.

        Raises:
            Refused: one is not plain, too large or too deep; it is named.
        """
        found: dict[str, Any] = {}
        copies = self._copies
        copier: _Copier | None = None
        for name in names:
            value = self._values.get(name, missing)
            if type(value) in _SAFE:
                found[name] = value
            elif name in copies:
                found[name] = copies[name]
            elif value is missing:
                found[name] = Missing(name=name)
            else:
                copier = copier or _Copier(html=html)
                found[name] = copier.copy(value, name)
                if not copier.marked:
                    copies[name] = found[name]
        return found


def is_number(value: object) -> bool:
    """Return whether one can reckon with it."""
    return type(value) in _NUMBERS


def check_number(value: Any) -> Any:
    """Return a number that was read or reckoned.

    Raises:
        Refused: it has too many digits.
    """
    kind = type(value)
    if kind is int:
        fits = -_LARGEST < value < _LARGEST
    elif kind is Decimal:
        fits = _fits(value)
    else:
        fits = True
    if not fits:
        raise Refused(
            said("A number has too many digits: at most %(limit)s can be shown.", limit=DIGITS)
        )
    return value


def kind_of(value: object) -> str:
    """Return in words what a value is."""
    if isinstance(value, bool) or value is None:
        return said("yes, no or nothing")
    if is_number(value):
        return said("a number")
    if isinstance(value, Markup):
        return said("ready-made HTML")
    if isinstance(value, str):
        return said("text")
    if isinstance(value, (date, time)):
        return said("a date or a time")
    return said("a group of values") if isinstance(value, dict) else said("a list")


def unsuitable(value: object, wanted: str, who: str) -> Refused:
    """Return what to say when ``who`` (a filter, an operator) got something else.

    Raises:
        Refused: it is a name without a value.
    """
    if isinstance(value, Undefined):
        str(value)  # says that itself
    return Refused(
        said(
            "`%(who)s` takes %(wanted)s, and this is %(kind)s.",
            who=who,
            wanted=wanted,
            kind=kind_of(value),
        )
    )


def out_of_reach(key: str, name: str) -> Refused:
    """Return what to say when a part of a value is asked for that begins with ``_``."""
    return Refused(
        said(
            "`%(name)s` is out of reach: no part of a value that a template may read begins with "
            "`_`.",
            name=key[:64],
        ),
        variable_of(name),
    )


def _fits(value: Decimal) -> bool:
    if not value.is_finite():
        return False
    _sign, digits, exponent = value.as_tuple()
    return len(digits) <= DIGITS and isinstance(exponent, int) and abs(exponent) <= DIGITS


class _Copier:
    """Copies values, counting their items.

    ``marked``: there was ready-made HTML among them, which is something else in a text.
    """

    def __init__(self, *, html: bool) -> None:
        self.marked = False
        self._left = ITEMS
        self._html = html
        self._name = ""

    def copy(self, value: Any, name: str) -> Any:
        """Return a copy of the value that is called ``name``."""
        self._name = name
        return self._copy(value, 0)

    def _copy(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, (bool, date, time)):
            return value
        if isinstance(value, (int, float, Decimal)):
            return self._number(value)
        if isinstance(value, (list, tuple, dict)):
            return self._many(value, depth)
        raise self._refused(
            said(
                "`%(name)s` is or holds a value of type %(kind)s, and templates take plain values "
                "only: text, numbers, dates, lists and dicts of them. Let the `prepare` function "
                "of the e-mail type hand over what is needed of it.",
                name=self._name,
                kind=type(value).__name__,
            )
        )

    def _text(self, value: str) -> str:
        text = str.__str__(value)  # an exact str, whatever a subclass overrides
        if not isinstance(value, Markup):
            return text
        self.marked = True
        return Markup(text) if self._html else text  # noqa: S704 - it was Markup

    def _number(self, value: Any) -> Any:
        if isinstance(value, int):
            value = int.__int__(value)  # of an IntEnum, too
        elif isinstance(value, float):
            value = float.__float__(value)
        try:
            return check_number(value)
        except Refused as error:
            raise Refused(error.message, self._name) from None

    def _many(self, value: Any, depth: int) -> Any:
        self._left -= len(value)
        if self._left < 0:
            raise self._refused(
                said(
                    "`%(name)s` is too long: a mail takes lists and dicts of %(limit)s items in "
                    "all.",
                    name=self._name,
                    limit=f"{ITEMS:,}",
                )
            )
        if depth >= VALUE_DEPTH:
            raise self._refused(
                said(
                    "`%(name)s` is nested too deeply: lists and dicts may stand in each other "
                    "%(limit)s deep.",
                    name=self._name,
                    limit=VALUE_DEPTH,
                )
            )
        copy, depth = self._copy, depth + 1
        if isinstance(value, dict):
            return {
                key if type(key) is str else self._key(key): (
                    item if type(item) in _SAFE else copy(item, depth)
                )
                for key, item in dict.items(value)
            }
        sequence = list if isinstance(value, list) else tuple
        return [
            item if type(item) in _SAFE else copy(item, depth) for item in sequence.__iter__(value)
        ]

    def _key(self, key: object) -> str | int:
        if isinstance(key, str):
            return str.__str__(key)
        if isinstance(key, int):
            return int.__int__(key)
        raise self._refused(
            said(
                "`%(name)s` has a key that is of type %(kind)s: use text.",
                name=self._name,
                kind=type(key).__name__,
            )
        )

    def _refused(self, message: str) -> Refused:
        return Refused(message, self._name)

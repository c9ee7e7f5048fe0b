"""What a template's syntax does: showing, looking up, repeating, comparing, reckoning.

The grammar puts a call of one of these in the place of every expression that could cost something
or reach into an object.  Each takes the value, then the meter.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, time
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any, Final

from jinja2.runtime import Undefined
from markupsafe import Markup, escape

from flask_smtpadmin.content.fuel import PLACE, SHORT, Meter, Refused
from flask_smtpadmin.content.values import (
    Missing,
    check_number,
    is_number,
    out_of_reach,
    unsuitable,
    variable_of,
)
from flask_smtpadmin.core.words import said

Operation = Callable[..., Any]

#: Reckons with Decimals whatever the app has set for its own.
EXACT: Final = Context(
    prec=28,
    rounding=ROUND_HALF_UP,
    Emax=60,
    Emin=-60,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
_DECIMAL: Final = {
    "+": EXACT.add,
    "-": EXACT.subtract,
    "*": EXACT.multiply,
    "/": EXACT.divide,
    "//": EXACT.divide_int,
    "%": EXACT.remainder,
}
_RECKONING: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_COMPARING: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def text(value: Any, who: str) -> str:
    """Return a value as ``who`` reads it; None is no text, so ""."""
    kind = type(value)
    if kind is str or kind is Markup:
        return str(value) if kind is str else value
    if kind is Decimal:
        return format(value, "f")
    if is_number(value) or isinstance(value, (date, time)):
        return str(value)
    if value is None:
        return ""
    raise unsuitable(value, said("text"), who)


def escaped_length(value: str) -> int:
    """Return how long a text is once it is escaped for HTML."""
    if isinstance(value, Markup):
        return len(value)
    count = value.count
    return len(value) + 4 * (count("&") + count('"') + count("'")) + 3 * (count("<") + count(">"))


def show(value: Any, meter: Meter, /, name: str) -> str:
    """Return a value as it stands in the mail; Jinja escapes it."""
    shown = value if type(value) is str else _shown(value, name)
    if len(shown) > SHORT:
        meter.owe(escaped_length(shown) if meter.html else len(shown))
    return shown


def _shown(value: Any, name: str) -> str:
    if isinstance(value, (list, dict)):
        raise Refused(
            said(
                "`%(name)s` is a list or a group of values: show its items in a loop, `for item "
                "in %(name)s`, or joined, `%(name)s|join(...)`.",
                name=name or "...",
            ),
            variable_of(name),
        )
    return text(value, "{{ }}")


def each(value: Any, meter: Meter, /, cost: int, width: int, name: str) -> list[Any]:
    """Return what a loop goes through, and pay for its rounds at ``cost`` steps.

    ``width`` is how many names take an item, 1 for the item itself.
    """
    if not isinstance(value, (list, dict)):
        raise unsuitable(value, said("a list"), f"for ... in {name}" if name else "for")
    meter.walk((len(value) + 1) * cost)
    items: list[Any] = list(value) if isinstance(value, dict) else value
    if width > 1 and any(type(item) is not list or len(item) != width for item in items):
        raise Refused(
            said(
                "This loop has %(count)s names, and not every item has as many parts. For the "
                "keys and values of a group, write `for key, value in group|items`.",
                count=width,
            ),
            variable_of(name),
        )
    return items


def part(value: Any, _meter: Meter, /, key: Any, name: str) -> Any:
    """Return what a group has under a key, or a list at a place; never an attribute."""
    kind = type(value)
    if kind is dict:
        if type(key) is int or (type(key) is str and not key.startswith("_")):
            return value[key] if key in value else Missing(name=name)
        if type(key) is str:
            raise out_of_reach(key, name)
        raise unsuitable(key, said("text or a number as a key"), "[...]")
    if kind is list or kind is str:
        if type(key) is int:
            return value[key] if -len(value) <= key < len(value) else Missing(name=name)
        if isinstance(key, Undefined):
            str(key)
    elif isinstance(value, Undefined):
        str(value)
    raise Refused(
        said(
            "`%(name)s` cannot be read: what stands before the last point is not a group of "
            "values, and values have nothing else that a template may reach.",
            name=name,
        ),
        variable_of(name),
    )


def cut(value: Any, meter: Meter, /, start: Any, stop: Any) -> Any:
    """Return the items of a list, or the characters of a text, from one place to another."""
    if type(value) is not list and type(value) is not str:
        raise unsuitable(value, said("a list or text"), "[:]")
    for place in (start, stop):
        if place is not None and type(place) is not int:
            raise unsuitable(place, said("whole numbers"), "[:]")
    size = len(range(*slice(start, stop).indices(len(value))))
    meter.spend(size * PLACE)
    return value[start:stop]


def concat(value: Any, meter: Meter, /, *others: Any) -> str:
    """Return texts one after the other; escaped where one of them is HTML."""
    return joined([value, *others], meter, "", "~")


def joined(values: list[Any], meter: Meter, between: Any, who: str) -> str:
    """Return the texts of values with ``between`` them, paid for before they are joined."""
    texts = [text(value, who) for value in values]
    glue = text(between, who)
    html = meter.html and (type(glue) is Markup or any(type(it) is Markup for it in texts))
    size = escaped_length if html else len
    meter.spend(sum(map(size, texts)) + size(glue) * len(texts))
    return escape(glue).join(texts) if html else glue.join(texts)


def _reckon(sign: str) -> Operation:
    plainly, exactly = _RECKONING[sign], _DECIMAL[sign]

    def reckon(left: Any, meter: Meter, /, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            if sign == "+" and isinstance(left, str) and isinstance(right, str):
                return concat(left, meter, right)
            raise unsuitable(right if is_number(left) else left, said("numbers"), sign)
        try:
            if type(left) is Decimal or type(right) is Decimal:
                return check_number(exactly(_decimal(left), _decimal(right)))
            return check_number(plainly(left, right))
        except ArithmeticError:
            raise Refused(
                said(
                    "`%(sign)s` has no result for these numbers: is one of them zero, or very "
                    "large?",
                    sign=sign,
                )
            ) from None

    return reckon


def _decimal(value: Any) -> Decimal:
    return Decimal(repr(value)) if type(value) is float else Decimal(value)


def negative(value: Any, _meter: Meter, /) -> Any:
    """Return a number with the other sign."""
    if not is_number(value):
        raise unsuitable(value, said("a number"), "-")
    return EXACT.minus(value) if type(value) is Decimal else -value


def positive(value: Any, _meter: Meter, /) -> Any:
    """Return a number."""
    if not is_number(value):
        raise unsuitable(value, said("a number"), "+")
    return value


def _scalar(value: Any, who: str) -> Any:
    # Lists that hold each other could be compared without end.
    if isinstance(value, (list, dict, Undefined)):
        raise unsuitable(value, said("text, numbers or dates"), who)
    return value


def _compare(sign: str) -> Operation:
    comparing = _COMPARING[sign]

    def compare(left: Any, meter: Meter, /, right: Any) -> bool:
        if isinstance(_scalar(left, sign), str) and isinstance(_scalar(right, sign), str):
            meter.spend(min(len(left), len(right)))
        try:
            return bool(comparing(left, right))
        except (TypeError, ArithmeticError):
            raise Refused(
                said(
                    "`%(sign)s` cannot compare these: both should be numbers, both text or both "
                    "dates.",
                    sign=sign,
                )
            ) from None

    return compare


def within(value: Any, meter: Meter, /, container: Any) -> bool:
    """Return whether a list or a text holds a value, or a group has a key."""
    _scalar(value, "in")
    if type(container) is dict:
        return value in container
    length = len(value) if isinstance(value, str) else 0
    if type(container) is list:
        meter.walk(len(container) * (1 + length // 100))
        return value in container
    if isinstance(container, str) and isinstance(value, str):
        meter.spend(len(container) + length)
        return value in container
    raise unsuitable(container, said("a list, or text in a text"), "in")


def without(value: Any, meter: Meter, /, container: Any) -> bool:
    """Return the opposite of :func:`within`."""
    return not within(value, meter, container)


#: What the grammar puts in, by a name that no filter of a template can have.
OPERATIONS: Final[dict[str, Operation]] = {
    "{}": show,
    "for": each,
    ".": part,
    "[:]": cut,
    "~": concat,
    "neg -": negative,
    "pos +": positive,
    "in ": within,
    "not in": without,
    **{sign: _reckon(sign) for sign in _RECKONING},
    **{sign: _compare(sign) for sign in _COMPARING},
}

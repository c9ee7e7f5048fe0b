"""The filters and tests of the template language: a short list, each with bounded arguments.

Each takes the value and the meter, then what the template gives in brackets.  What a filter reads
and makes is paid for before it is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final
from urllib.parse import quote

from jinja2.runtime import Undefined
from markupsafe import Markup, escape

from flask_smtpadmin.content import operations
from flask_smtpadmin.content.fuel import CHARACTERS, DIGITS, PAIR, PLACE, Meter, Refused
from flask_smtpadmin.content.links import link
from flask_smtpadmin.content.values import Missing, check_number, is_number, unsuitable
from flask_smtpadmin.core.words import said

_PLACES: Final = 10
_FORMAT: Final = 100
_TITLE: Final = 1_000
_LARGEST_POWER: Final = 25
_ROUNDING: Final = Context(prec=DIGITS, rounding=ROUND_HALF_UP)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DIRECTIVE: Final = re.compile(r"%(-?)(.?)", re.DOTALL)
_WORD_START: Final = re.compile(r"(?:^|(?<=[-\s({\[<]))[^-\s({\[<]")
_WORD: Final = re.compile(r"\w+")


def _text(value: Any, meter: Meter, who: str, most: int = CHARACTERS) -> str:
    """Return text that a filter may work on, paid for."""
    found = operations.text(value, who)
    if len(found) > most:
        raise _too_long(who, most)
    if type(found) is Markup:
        raise unsuitable(value, said("text"), who)
    meter.spend(len(found))
    return found


def _paid(made: str, meter: Meter) -> str:
    meter.spend(len(made))
    return made


def _whole(value: Any, who: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise Refused(
            said(
                "`%(who)s` takes a whole number from %(least)s to %(most)s.",
                who=who,
                least=least,
                most=most,
            )
        )
    return value


def _short(value: Any, who: str, most: int) -> str:
    if type(value) is not str or len(value) > most:
        raise _too_long(who, most)
    return value


def _too_long(who: str, most: int) -> Refused:
    return Refused(
        said(
            "`%(who)s` takes text of at most %(limit)s characters here.",
            who=who,
            limit=f"{most:,}",
        )
    )


def upper(value: Any, meter: Meter, /) -> str:
    """IN CAPITALS."""
    return _paid(_text(value, meter, "upper").upper(), meter)


def lower(value: Any, meter: Meter, /) -> str:
    """In small letters."""
    return _paid(_text(value, meter, "lower").lower(), meter)


def capitalize(value: Any, meter: Meter, /) -> str:
    """First letter large, the others small."""
    return _paid(_text(value, meter, "capitalize").capitalize(), meter)


def title(value: Any, meter: Meter, /) -> str:
    """First Letter Of Each Word Large, the others small."""
    made = _text(value, meter, "title", _TITLE).lower()
    return _paid(_WORD_START.sub(lambda found: found[0].upper(), made), meter)


def trim(value: Any, meter: Meter, /) -> str:
    """Without spaces and line breaks at both ends."""
    return _paid(_text(value, meter, "trim").strip(), meter)


def truncate(value: Any, meter: Meter, /, length: int = 255, end: str = "…") -> str:
    """At most ``length`` characters, cut between words, with ``end`` where something is cut."""
    found = _text(value, meter, "truncate")
    length, end = _whole(length, "truncate", 1, 10_000), _short(end, "truncate", 20)
    if len(found) <= length:
        return found
    room = max(0, length - len(end))
    kept = found[:room]
    if " " in kept and not found[room].isspace():
        kept = kept.rsplit(" ", 1)[0]
    return _paid(kept + end, meter)


def replace(value: Any, meter: Meter, /, old: str, new: str) -> str:
    """Each ``old`` becomes ``new``."""
    found = _text(value, meter, "replace")
    old, new = _text(old, meter, "replace"), _text(new, meter, "replace")
    if not old:
        raise Refused(said("`%(who)s` needs the text that is to be replaced.", who="replace"))
    meter.spend(len(found) + found.count(old) * (len(new) - len(old)))
    return found.replace(old, new)


def wordcount(value: Any, meter: Meter, /) -> int:
    """How many words it has."""
    return sum(1 for _word in _WORD.finditer(_text(value, meter, "wordcount")))


def urlencode(value: Any, meter: Meter, /) -> str:
    """As it may stand in the address of a page, ``/`` and all."""
    octets = _text(value, meter, "urlencode").encode("utf-8", "replace")
    meter.spend(3 * len(octets))
    return quote(octets, safe="")


def escape_(value: Any, meter: Meter, /) -> str:
    """Escaped for HTML, even in a plain text; what is escaped already stays."""
    found = operations.text(value, "escape")
    meter.spend(operations.escaped_length(found))
    return escape(found) if meter.html else str(escape(found))


def nl2br(value: Any, meter: Meter, /) -> str:
    """With a ``<br>`` for each line break in HTML; a plain text stays as it is."""
    found = operations.text(value, "nl2br")
    meter.spend(operations.escaped_length(found) + 4 * found.count("\n"))
    return escape(found).replace("\n", Markup("<br>\n")) if meter.html else found


def default(value: Any, _meter: Meter, /, fallback: Any = "", boolean: object = None) -> Any:
    """``fallback`` where there is no value, or an empty text; ``true`` as second: nor 0 or no."""
    if isinstance(value, Undefined) or value is None or (type(value) is str and not value):
        return fallback
    return fallback if boolean and not value else value


def join(value: Any, meter: Meter, /, between: str = "") -> str:
    """The items of a list in one text, with ``between`` them."""
    if type(value) is not list:
        raise unsuitable(value, said("a list"), "join")
    meter.walk(len(value))
    return operations.joined(value, meter, between, "join")


def length(value: Any, _meter: Meter, /) -> int:
    """How many items, or characters."""
    if not isinstance(value, (str, list, dict)):
        raise unsuitable(value, said("a list or text"), "length")
    return len(value)


def first(value: Any, _meter: Meter, /) -> Any:
    """The first item, or character."""
    return _end(value, 0, "first")


def last(value: Any, _meter: Meter, /) -> Any:
    """The last item, or character."""
    return _end(value, -1, "last")


def _end(value: Any, at: int, who: str) -> Any:
    if type(value) is not list and type(value) is not str:
        raise unsuitable(value, said("a list or text"), who)
    return value[at] if value else Missing(said("It is empty, so it has no `%(who)s`.", who=who))


def reverse(value: Any, meter: Meter, /) -> Any:
    """The items of a list from the last to the first."""
    if type(value) is not list:
        raise unsuitable(value, said("a list"), "reverse")
    meter.spend(len(value) * PLACE)
    return value[::-1]


def items(value: Any, meter: Meter, /) -> list[Any]:
    """The keys and values of a group, for ``for key, value in group|items``."""
    if type(value) is not dict:
        raise unsuitable(value, said("a group of values"), "items")
    meter.spend(len(value) * PAIR)
    return [[key, item] for key, item in value.items() if not str(key).startswith("_")]


def abs_(value: Any, _meter: Meter, /) -> Any:
    """Without its sign."""
    if not is_number(value):
        raise unsuitable(value, said("a number"), "abs")
    return operations.EXACT.abs(value) if type(value) is Decimal else abs(value)


def round_(value: Any, _meter: Meter, /, places: int = 0) -> Any:
    """Rounded to ``places`` after the point; half goes away from zero."""
    exact = _rounded(value, _whole(places, "round", 0, _PLACES), "round")
    if not places:
        return check_number(int(exact))
    return exact if type(value) is Decimal else float(exact)


def number(value: Any, meter: Meter, /, places: int = 0, point: str = ".", group: str = ",") -> str:
    """With ``places`` after the ``point`` and a sign between groups of three digits: 1,234.50."""
    exact = _rounded(value, _whole(places, "number", 0, _PLACES), "number")
    point, group = _short(point, "number", 3), _short(group, "number", 3)
    signs = {",": group, ".": point}
    made = "".join(signs.get(sign, sign) for sign in format(exact, f",.{places}f"))
    return _paid(made, meter)


def _rounded(value: Any, places: int, who: str) -> Decimal:
    if not is_number(value):
        raise unsuitable(value, said("a number"), who)
    exact = Decimal(repr(value)) if type(value) is float else Decimal(value)
    if not exact.is_finite() or exact.adjusted() > _LARGEST_POWER:
        check_number(Decimal("Infinity"))
    return exact.quantize(Decimal(1).scaleb(-places), context=_ROUNDING)


def plural(value: Any, _meter: Meter, /, one: str, many: str) -> Any:
    """``one`` for the number 1 or a list of one item, else ``many``."""
    count = len(value) if isinstance(value, list) else value
    if not is_number(count):
        raise unsuitable(value, said("a number or a list"), "plural")
    return one if count == 1 else many


def date_(value: Any, meter: Meter, /, format: str = "%Y-%m-%d") -> str:  # noqa: A002 - what a template calls it
    """A date as ``format`` says it: 2026-11-29."""
    return _moment(value, meter, format, "date", (date, datetime))


def time_(value: Any, meter: Meter, /, format: str = "%H:%M") -> str:  # noqa: A002 - the same
    """A time of day as ``format`` says it: 14:05."""
    return _moment(value, meter, format, "time", (time, datetime))


def _moment(value: Any, meter: Meter, wish: Any, who: str, kinds: tuple[type, ...]) -> str:
    if not isinstance(value, kinds):
        raise unsuitable(value, said("a date or a time"), who)
    wish = _short(wish, who, _FORMAT)

    def put(found: re.Match[str]) -> str:
        sign = found[2]
        if sign == "%":
            return "%"
        try:
            made = _SIGNS[sign](value)
        except (KeyError, AttributeError):
            raise Refused(
                said(
                    "`%(who)s` knows no %(sign)s for this value. It knows %(known)s.",
                    who=who,
                    sign=found[0],
                    known=", ".join(f"%{it}" for it in _SIGNS),
                )
            ) from None
        return made.lstrip("0") or "0" if found[1] else made

    meter.walk(len(wish))
    return _paid(_DIRECTIVE.sub(put, wish), meter)


#: What the format of a date or a time may hold; names are English whatever the system's are.
_SIGNS: Final[dict[str, Callable[[Any], str]]] = {
    "Y": lambda at: f"{at.year:04}",
    "m": lambda at: f"{at.month:02}",
    "d": lambda at: f"{at.day:02}",
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "A": lambda at: _DAYS[at.weekday()],
    "a": lambda at: _DAYS[at.weekday()][:3],
    "y": lambda at: f"{at.year % 100:02}",
    "H": lambda at: f"{at.hour:02}",
    "I": lambda at: f"{(at.hour - 1) % 12 + 1:02}",
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "p": lambda at: "AM" if at.hour < 12 else "PM",  # noqa: PLR2004 - noon
}


def _is(holds: Callable[[Any], bool]) -> Callable[..., bool]:
    def test(value: Any, _meter: Meter, /) -> bool:
        if isinstance(value, Undefined):
            str(value)  # says what is missing
        return holds(value)

    return test


def defined(value: Any, _meter: Meter, /) -> bool:
    """Whether it has a value."""
    return not isinstance(value, Undefined)


def undefined(value: Any, _meter: Meter, /) -> bool:
    """Whether it has no value."""
    return isinstance(value, Undefined)


def divisibleby(value: Any, meter: Meter, /, by: Any) -> bool:
    """Whether nothing is left when it is divided."""
    return bool(operations.OPERATIONS["%"](value, meter, by) == 0)


def odd(value: Any, meter: Meter, /) -> bool:
    """Whether it is 1, 3, 5 ..."""
    return not even(value, meter)


def even(value: Any, meter: Meter, /) -> bool:
    """Whether it is 0, 2, 4 ..."""
    return divisibleby(value, meter, 2)


#: The filters of the template language, by name.
FILTERS: Final[dict[str, operations.Operation]] = {
    "abs": abs_,
    "capitalize": capitalize,
    "count": length,
    "d": default,
    "date": date_,
    "default": default,
    "e": escape_,
    "escape": escape_,
    "first": first,
    "items": items,
    "join": join,
    "last": last,
    "length": length,
    "link": link,
    "lower": lower,
    "nl2br": nl2br,
    "number": number,
    "plural": plural,
    "replace": replace,
    "reverse": reverse,
    "round": round_,
    "time": time_,
    "title": title,
    "trim": trim,
    "truncate": truncate,
    "upper": upper,
    "urlencode": urlencode,
    "wordcount": wordcount,
}
#: The tests of the template language (``is ...``), by name.
TESTS: Final[dict[str, operations.Operation]] = {
    "boolean": _is(lambda value: type(value) is bool),
    "defined": defined,
    "divisibleby": divisibleby,
    "eq": operations.OPERATIONS["=="],
    "equalto": operations.OPERATIONS["=="],
    "even": even,
    "false": _is(lambda value: value is False),
    "ge": operations.OPERATIONS[">="],
    "gt": operations.OPERATIONS[">"],
    "in": operations.within,
    "le": operations.OPERATIONS["<="],
    "lt": operations.OPERATIONS["<"],
    "mapping": _is(lambda value: type(value) is dict),
    "ne": operations.OPERATIONS["!="],
    "none": _is(lambda value: value is None),
    "number": _is(is_number),
    "odd": odd,
    "sequence": _is(lambda value: type(value) is list),
    "string": _is(lambda value: isinstance(value, str)),
    "true": _is(lambda value: value is True),
    "undefined": undefined,
}

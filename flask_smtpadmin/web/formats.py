"""Times, numbers and addresses as people read them; registered as Jinja filters ``sa_...``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import date as date_
from typing import Any, Final

from flask_smtpadmin.core.deeds import MOST_COUNTED
from flask_smtpadmin.web.language import format_number, mark
from flask_smtpadmin.web.language import gettext as _

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_RECENT: Final = 10
_MONTH: Final = 30 * _DAY
_MONTHS: Final = (
    mark("Jan"),
    mark("Feb"),
    mark("Mar"),
    mark("Apr"),
    mark("May"),
    mark("Jun"),
    mark("Jul"),
    mark("Aug"),
    mark("Sep"),
    mark("Oct"),
    mark("Nov"),
    mark("Dec"),
)


def iso(moment: datetime) -> str:
    """Return the moment (aware, or naive UTC) as ISO 8601 for ``<time datetime>``."""
    return _aware(moment).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def absolute(moment: datetime) -> str:
    """Return the moment in full: ``2026-11-21 14:05:09 UTC``; the same in every language."""
    return f"{_aware(moment):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime) -> str:
    """Return how far the moment is from now: ``4 min ago``, ``in 2 h``, ``21 Nov 2026``."""
    seconds = (datetime.now(UTC) - _aware(moment)).total_seconds()
    if abs(seconds) >= _MONTH:
        return date(moment)
    if abs(seconds) < _RECENT:
        return _("just now") if seconds >= 0 else _("in a moment")
    if seconds > 0:
        return _("%(span)s ago", span=_span(seconds))
    return _("in %(span)s", span=_span(-seconds))


def date(moment: date_) -> str:
    """Return the day of a moment: ``21 Nov 2026``."""
    month = _(_MONTHS[moment.month - 1])
    return _("%(day)s %(month)s %(year)s", day=moment.day, month=month, year=moment.year)


def day(moment: date_) -> str:
    """Return the day of a moment without its year: ``05 Nov``."""
    return _("%(day)s %(month)s", day=f"{moment:%d}", month=_(_MONTHS[moment.month - 1]))


def clock(moment: datetime) -> str:
    """Return the time of day of a moment: ``14:05``; the same in every language."""
    return f"{moment:%H:%M}"


def number(value: float) -> str:
    """Return a count with thousands marks."""
    return format_number(value)


def at_most(count: int) -> str:
    """Return a count that ends at 10,000, with a plus beyond: ``10,000+``."""
    return number(count) if count <= MOST_COUNTED else f"{number(MOST_COUNTED)}+"


def duration(seconds: float) -> str:
    """Return a span: ``84 ms``, ``4.2 s``, ``3 min``, ``2 h``."""
    if seconds < 1:
        return f"{format_number(seconds * 1000)} ms"
    return f"{format_number(seconds, 1)} s" if seconds < _MINUTE else _span(seconds)


def milliseconds(value: float) -> str:
    """Return a span given in milliseconds."""
    return duration(value / 1000)


def size(octets: int) -> str:
    """Return a number of bytes: ``812 B``, ``14.2 KB``, ``3.1 MB``."""
    if octets < 1000:  # noqa: PLR2004 - a kilobyte
        return f"{octets} B"
    kilobytes = octets / 1000
    if kilobytes < 1000:  # noqa: PLR2004 - a megabyte
        return f"{format_number(kilobytes, 1)} KB"
    return f"{format_number(kilobytes / 1000, 1)} MB"


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _span(seconds: float) -> str:
    if seconds < _MINUTE:
        return _("%(seconds)s s", seconds=f"{seconds:.0f}")
    if seconds < _HOUR:
        return _("%(minutes)s min", minutes=f"{seconds / _MINUTE:.0f}")
    if seconds < _DAY * 2:
        return _("%(hours)s h", hours=f"{seconds / _HOUR:.0f}")
    return _("%(days)s d", days=timedelta(seconds=seconds).days)


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "sa_iso": iso,
    "sa_absolute": absolute,
    "sa_ago": ago,
    "sa_date": date,
    "sa_day": day,
    "sa_number": number,
    "sa_at_most": at_most,
    "sa_duration": duration,
    "sa_milliseconds": milliseconds,
    "sa_size": size,
}

"""Times, numbers and addresses as people read them; registered as Jinja filters ``sa_...``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask_smtpadmin.core.deeds import MOST_COUNTED

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_RECENT: Final = 10
_MONTH: Final = 30 * _DAY


def iso(moment: datetime) -> str:
    """Return the moment (aware, or naive UTC) as ISO 8601 for ``<time datetime>``."""
    return _aware(moment).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def absolute(moment: datetime) -> str:
    """Return the moment in full: ``2026-11-21 14:05:09 UTC``."""
    return f"{_aware(moment):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime) -> str:
    """Return how far the moment is from now: ``4 min ago``, ``in 2 h``, ``21 Nov 2026``."""
    seconds = (datetime.now(UTC) - _aware(moment)).total_seconds()
    if abs(seconds) >= _MONTH:
        return f"{moment.day} {moment:%b %Y}"
    if abs(seconds) < _RECENT:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{_span(seconds)} ago" if seconds > 0 else f"in {_span(-seconds)}"


def number(value: float) -> str:
    """Return a count with thousands marks."""
    return f"{value:,.0f}"


def at_most(count: int) -> str:
    """Return a count that ends at 10,000, with a plus beyond: ``10,000+``."""
    return number(count) if count <= MOST_COUNTED else f"{number(MOST_COUNTED)}+"


def duration(seconds: float) -> str:
    """Return a span: ``84 ms``, ``4.2 s``, ``3 min``, ``2 h``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < _MINUTE else _span(seconds)


def milliseconds(value: float) -> str:
    """Return a span given in milliseconds."""
    return duration(value / 1000)


def size(octets: int) -> str:
    """Return a number of bytes: ``812 B``, ``14.2 KB``, ``3.1 MB``."""
    if octets < 1000:  # noqa: PLR2004 - a kilobyte
        return f"{octets} B"
    kilobytes = octets / 1000
    return f"{kilobytes:.1f} KB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"  # noqa: PLR2004 - a megabyte


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _span(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY * 2:
        return f"{seconds / _HOUR:.0f} h"
    return f"{timedelta(seconds=seconds).days} d"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "sa_iso": iso,
    "sa_absolute": absolute,
    "sa_ago": ago,
    "sa_number": number,
    "sa_at_most": at_most,
    "sa_duration": duration,
    "sa_milliseconds": milliseconds,
    "sa_size": size,
}

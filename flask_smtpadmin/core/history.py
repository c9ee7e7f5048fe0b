"""What happened in the last day and month, as values. Days and hours are those of UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from flask_smtpadmin.core.rows import NO_CAUSE
from flask_smtpadmin.core.states import FAILED, State

#: (hour since 1970, kind, name, how often).
Count: TypeAlias = tuple[int, str, str, int]
HOURS: Final = 24
DAYS: Final = 30
#: The states whose messages are started over with all others of their cause.
REPLAYED: Final[tuple[State, ...]] = ("dead", "uncertain")
#: Domains that pages name.
_DOMAINS: Final = 8


@dataclass(frozen=True, slots=True)
class Span:
    """One hour or day: what was accepted in it, and what was given up or is in doubt."""

    begin: datetime
    sent: int
    failed: int

    def document(self) -> dict[str, Any]:
        """Return the span as JSON shows it."""
        return {"begin": self.begin.isoformat(), "sent": self.sent, "failed": self.failed}


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """What failed in the last 24 hours for one cause and still is so.

    ``cause`` "": none is known. ``replayable``: dead and uncertain ones. ``newest`` None: there
    are so many that only their hours are known.
    """

    cause: str
    count: int
    replayable: int
    newest: datetime | None

    def document(self) -> dict[str, Any]:
        """Return the group as JSON shows it; without a cause its name is :data:`NO_CAUSE`."""
        return {
            "cause": self.cause or NO_CAUSE,
            "count": self.count,
            "replayable": self.replayable,
            "newest": self.newest and self.newest.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Refusals:
    """Recipients that servers refused at RCPT: the domains with the most, and how many in all."""

    domains: tuple[tuple[str, int], ...]
    total: int
    since: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What the chart and the lists below it show; each event counts, whatever came later."""

    hours: tuple[Span, ...]
    days: tuple[Span, ...]
    refusals: Refusals

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {
            "hours": [span.document() for span in self.hours],
            "days": [span.document() for span in self.days],
            "refused_recipients": {
                "total": self.refusals.total,
                "since": self.refusals.since.isoformat(),
                "domains": dict(self.refusals.domains),
            },
        }


def history(counts: Iterable[Count], now: int) -> History:
    """Arrange counts for an overview in the hour ``now``: it and the 23 before, 30 days."""
    sent: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    domains: Counter[str] = Counter()
    first = now - HOURS + 1
    for hour, kind, name, n in counts:
        if kind == "sent":
            sent[hour] += n
        elif kind in FAILED:
            failed[hour] += n
        elif kind == "refused" and hour >= first:
            domains[name] += n
    today = now // HOURS
    return History(
        hours=tuple(_span(sent, failed, hour, 1) for hour in range(first, now + 1)),
        days=tuple(
            _span(sent, failed, day * HOURS, HOURS) for day in range(today - DAYS + 1, today + 1)
        ),
        refusals=Refusals(
            domains=tuple(sorted(domains.items(), key=lambda item: (-item[1], item[0]))[:_DOMAINS]),
            total=domains.total(),
            since=_begin(first),
        ),
    )


def standing(counts: Iterable[Count]) -> dict[tuple[State, str], int]:
    """Return by state and cause what entered it and was not taken out of it by hand."""
    found: Counter[tuple[str, str]] = Counter()
    for _hour, kind, name, n in counts:
        found[kind.removeprefix("-"), name] += -n if kind.startswith("-") else n
    return {(state, name): found[state, name] for state, name in found if state in _COUNTED}


def grouped(
    found: Iterable[tuple[State, str, int, datetime | None]],
) -> tuple[FailureGroup, ...]:
    """Put failures of all states together by cause, the most frequent first."""
    causes: dict[str, list[tuple[State, int, datetime | None]]] = {}
    for state, cause, n, newest in found:
        if n > 0:
            causes.setdefault(cause, []).append((state, n, newest))
    groups = [_group(cause, parts) for cause, parts in causes.items()]
    return tuple(sorted(groups, key=lambda group: (-group.count, group.cause)))


_COUNTED: Final = ("sent", *FAILED)


def _group(cause: str, parts: Sequence[tuple[State, int, datetime | None]]) -> FailureGroup:
    return FailureGroup(
        cause=cause,
        count=sum(n for _, n, _ in parts),
        replayable=sum(n for state, n, _ in parts if state in REPLAYED),
        newest=max((at for _, _, at in parts if at is not None), default=None),
    )


def _span(sent: Counter[int], failed: Counter[int], hour: int, hours: int) -> Span:
    within = range(hour, hour + hours)
    return Span(_begin(hour), sum(sent[at] for at in within), sum(failed[at] for at in within))


def _begin(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)

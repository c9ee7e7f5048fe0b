"""Which errors are mailed at once and which are counted; no clock and no I/O of its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: Groups that are told apart; what comes beyond them is counted in one.
MOST_GROUPS: Final = 500


@dataclass(slots=True)
class Group(Generic[T]):
    """Errors of one place since the first of them.

    Attributes:
        first: the first report.
        until: when it ends, in seconds of the caller's clock.
        mailed: whether the first was mailed by itself.
        more: how many came after it.
        last: the newest report.
    """

    first: T
    until: float
    mailed: bool
    last: T
    more: int = 0


@dataclass(slots=True)
class Groups(Generic[T]):
    """Groups reports by place for ``seconds``, and lets ``limit`` through at once in that time.

    A group is over ``seconds`` after its first report; the next report then begins a new one.
    """

    seconds: float
    limit: int
    _open: dict[Hashable, Group[T]] = field(default_factory=dict)
    _round_until: float = 0.0
    _passed: int = 0

    def add(self, place: Hashable, report: T, now: float) -> bool:
        """Take a report; True: it is the first of its group, and may be mailed at once."""
        if place not in self._open and len(self._open) >= MOST_GROUPS:
            place = None
        group = self._open.get(place)
        if group is not None:
            group.more += 1
            group.last = report
            return False
        passes = self._may_pass(now)
        self._open[place] = Group(report, now + self.seconds, passes, report)
        return passes

    def over(self, now: float) -> list[Group[T]]:
        """Take away the groups that are over; those with something left to tell are returned."""
        ended = [place for place, group in self._open.items() if group.until <= now]
        groups = [self._open.pop(place) for place in ended]
        return [group for group in groups if group.more or not group.mailed]

    def next_at(self) -> float | None:
        """Return when the next group is over; None: none is open."""
        return min(self._ends(), default=None)

    def _ends(self) -> Iterator[float]:
        return (group.until for group in self._open.values())

    def _may_pass(self, now: float) -> bool:
        if now >= self._round_until:
            self._round_until, self._passed = now + self.seconds, 0
        self._passed += 1
        return self._passed <= self.limit

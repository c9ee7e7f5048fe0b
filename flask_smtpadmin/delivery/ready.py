"""What was handed to one server and not begun: the most urgent first, none before its slot."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from flask_smtpadmin.core.rate import Slot
from flask_smtpadmin.storage.claims import Claimed

_ANY_TIME: Final = datetime.min  # noqa: DTZ901 - naive UTC, as all times in the tables


class Waits(Protocol):
    """What may wait: a message, with ``slot`` where the server has limits."""

    job: Claimed
    slot: Slot | None


W = TypeVar("W", bound=Waits)
_Place = tuple[datetime, int, int, W]


class Ready(Generic[W]):
    """The waiting flights of one server, ordered by slot, then priority, then arrival.

    Args:
        now: the database's time, naive UTC.
        missed: told of flights whose slot went by; they need another one.
    """

    def __init__(self, now: Callable[[], datetime], missed: Callable[[list[W]], None]) -> None:
        self._now = now
        self._missed = missed
        self._heap: list[_Place[W]] = []
        self._numbers = itertools.count()
        self._first = itertools.count(-1, -1)

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def due(self) -> int:
        """How many of them may begin now."""
        if not self._heap or self._heap[0][3].slot is None:
            return len(self._heap)
        now = self._now()
        return sum(place[0] <= now for place in self._heap)

    def wait(self) -> float | None:
        """Return the seconds until one of them may begin; None: there are none."""
        if not self._heap:
            return None
        begins = self._heap[0][0]
        return 0.0 if begins is _ANY_TIME else max(0.0, (begins - self._now()).total_seconds())

    def put(self, flight: W) -> None:
        """Add a flight. Slots of one size are as good as each other: the urgent take the first."""
        self._push(flight, next(self._numbers))
        if flight.slot is not None:
            self._reorder(len(flight.job.recipients))

    def put_first(self, flight: W) -> None:
        """Put back a flight that was taken and not begun."""
        self._push(flight, next(self._first))

    def take(self) -> W | None:
        """Return the flight to begin now, if there is one."""
        late: list[W] = []
        found = None
        while self._heap and found is None:
            begins, _, _, flight = self._heap[0]
            now = self._now() if flight.slot is not None else _ANY_TIME
            if begins > now:
                break
            heapq.heappop(self._heap)
            if flight.slot is not None and flight.slot.ends < now:
                late.append(flight)
            else:
                found = flight
        if late:
            self._missed(late)
        return found

    def pop(self) -> W:
        """Return the first flight whether or not its time has come."""
        return heapq.heappop(self._heap)[3]

    def clear(self) -> list[W]:
        """Take all of them away."""
        flights, self._heap = [place[3] for place in sorted(self._heap, key=_order)], []
        return flights

    def _push(self, flight: W, number: int) -> None:
        begins = _ANY_TIME if flight.slot is None else flight.slot.begins
        heapq.heappush(self._heap, (begins, flight.job.priority, number, flight))

    def _reorder(self, recipients: int) -> None:
        """Give the earlier slots to the more urgent among flights to so many recipients."""
        alike = [place for place in self._heap if len(place[3].job.recipients) == recipients]
        ranked = sorted(alike, key=lambda place: place[1:3])
        slots = sorted(place[3].slot for place in alike if place[3].slot is not None)
        if [place[3].slot for place in ranked] == slots:
            return
        for place, slot in zip(ranked, slots, strict=True):
            place[3].slot = slot
        self._heap = [_placed(place) for place in self._heap]
        heapq.heapify(self._heap)


def _order(place: _Place[W]) -> tuple[datetime, int, int]:
    return place[:3]


def _placed(place: _Place[W]) -> _Place[W]:
    _, priority, number, flight = place
    return (_ANY_TIME if flight.slot is None else flight.slot.begins, priority, number, flight)

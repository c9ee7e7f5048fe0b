"""What a worker has in its hands: staged messages, and those handed over up to the window W."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Final

from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.delivery.fleet import Fleet, Turn
from flask_smtpadmin.delivery.lanes import Flight, Lanes
from flask_smtpadmin.delivery.overflow import Overflow
from flask_smtpadmin.delivery.stage import Stage
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.parking import Recall

#: Bytes of content that may be in flight at a time.
_BYTES_IN_FLIGHT: Final = 64 * 2**20
#: Messages whose servers are busy that are passed over in one go.
_SKIPS: Final = 64
#: How many messages are staged: four windows, within these bounds.
_STAGE: Final = (32, 400)


@dataclass(slots=True)
class Plan:
    """Where staged messages go: to lanes, back to the queue to wait, or to their end."""

    flights: list[Flight] = field(default_factory=list)
    parked: list[tuple[Claimed, WaitingFor | None]] = field(default_factory=list)
    expired: list[Claimed] = field(default_factory=list)
    postponed: list[tuple[Claimed, str]] = field(default_factory=list)


class Dispatcher:
    """Keeps the stage and the window.

    A message that a worker had in its hands when it died is a *suspect*: perhaps it was the
    reason. Suspects are handed over one at a time, those with the fewest crashes first, so that
    the next crash meets only one of them, and what merely stood beside a message that kills
    workers is not condemned with it.

    Args:
        fleet: where messages go.
        now: the database's time, naive UTC.
    """

    def __init__(self, fleet: Fleet, now: Callable[[], datetime]) -> None:
        self.stage = Stage()
        self.in_flight: dict[int, Flight] = {}
        self._suspects = Stage(attrgetter("crashes"))
        self._fleet = fleet
        self._now = now
        self._bytes = 0
        self.overflow = Overflow(lambda: self.stage_size // 2)
        self._tried: dict[int, set[str]] = {}
        self._refused: dict[int, set[str]] = {}

    @property
    def stage_size(self) -> int:
        """How many messages shall be staged when there is enough to do."""
        return min(max(4 * self._fleet.window, _STAGE[0]), _STAGE[1])

    def tokens(self) -> set[str]:
        """Return every lease token in our hands."""
        staged = {job.token for job in self._staged()}
        return staged | {flight.job.token for flight in self.in_flight.values()}

    def ids(self) -> set[int]:
        """Return the id of every message in our hands."""
        staged = {job.id for job in self._staged()}
        return staged | set(self.in_flight)

    @property
    def waiting(self) -> bool:
        """Whether anything is claimed and not handed over yet."""
        parked = self.overflow.crowded
        recallable = bool(parked) and not parked.isdisjoint(self._fleet.router.open_servers())
        return bool(self.stage or self._suspects or self.overflow) or recallable

    def take_in(self, jobs: Iterable[Claimed]) -> None:
        """Keep claimed messages until there is room for them."""
        for job in jobs:
            (self._suspects if job.crashes else self.stage).push([job])

    def empty(self) -> list[Claimed]:
        """Give away everything that is not handed over."""
        return [*self.stage.empty(), *self._suspects.empty(), *self.overflow.empty()]

    def plan(self, settled: int = 0) -> Plan:
        """Give staged messages to lanes with room, while the window has room.

        The places are reserved: what is not handed over after all must :meth:`land`.

        Args:
            settled: how many results the same transaction commits. Their places in the window
                are free with it, so that what is written ahead never exceeds W.
        """
        plan = Plan()
        room = self._fleet.window - len(self.in_flight) + settled
        now = self._now()
        tried = any(flight.job.crashes for flight in self.in_flight.values())
        if self._suspects and room > 0 and not tried:
            self._place(self._suspects, plan, now, most=1)
        if self.overflow:
            self.stage.push(self.overflow.take(self._fleet.room))
        self._place(self.stage, plan, now, most=room)
        self.in_flight.update((flight.job.id, flight) for flight in plan.flights)
        return plan

    def recalls(self) -> list[Recall]:
        """Return which mail, parked because its server was full, shall be due again."""
        return self.overflow.recalls(self._fleet.router.open_servers())

    def land(self, number: int) -> None:
        """Give the place of a message free: its result is committed, or it was lost."""
        flight = self.in_flight.pop(number, None)
        self._forget(number)
        if flight is not None:
            self.leave(flight)

    def stage_again(self, number: int) -> None:
        """Stage a message again that stays ours, for another server."""
        flight = self.in_flight.pop(number)
        self.leave(flight)
        self.take_in([flight.job])

    def note_try(self, number: int, server: str) -> set[str]:
        """Note that a server was tried in this claim; return all that were."""
        tried = self._tried.setdefault(number, set())
        tried.add(server)
        return tried

    def note_refusal(self, number: int, server: str) -> None:
        """Note that a server had no slot for a message when it came to that."""
        self._refused.setdefault(number, set()).add(server)

    def leave(self, flight: Flight) -> None:
        """Note that the lanes are done with a message; its result may still be uncommitted."""
        if flight.placed:
            flight.placed = False
            flight.lanes.load -= 1
            self._bytes -= flight.job.size

    def _place(self, stage: Stage, plan: Plan, now: datetime, *, most: int) -> None:
        """Take messages from ``stage`` into ``plan`` until it holds ``most`` flights."""
        skipped: list[tuple[int, int, Claimed]] = []
        while stage and len(plan.flights) < most and len(skipped) < _SKIPS:
            place = stage.take()
            job = place[2]
            if self._limit(job) <= now:
                self._forget(job.id)
                plan.expired.append(job)
                continue
            lanes = self._fleet.choose(
                job, self._tried.get(job.id, ()), self._refused.get(job.id, ())
            )
            if isinstance(lanes, Lanes) and not self._too_heavy(job):
                lanes.load += 1
                self._bytes += job.size
                plan.flights.append(Flight(job, job.attempts + 1, lanes))
            elif not self._leave_aside(job, lanes, plan):
                skipped.append(place)
        stage.restore(skipped)

    def _leave_aside(
        self, job: Claimed, lanes: Lanes | WaitingFor | Turn | None, plan: Plan
    ) -> bool:
        """Put a message into ``plan`` that goes nowhere now; False: it stays where it was."""
        if lanes is None:
            return self._set_aside(job, plan)
        if isinstance(lanes, Lanes):
            return False
        self._forget(job.id)
        if isinstance(lanes, Turn):
            plan.postponed.append((job, lanes.server))
        else:
            plan.parked.append((job, lanes))
        return True

    def _set_aside(self, job: Claimed, plan: Plan) -> bool:
        """Keep a message that waits for one full server out of the way of other servers' mail."""
        server = self._fleet.only_server(job)
        if server is None:
            return False
        if not self.overflow.hold(server, job):
            self._forget(job.id)
            plan.parked.append((job, "server"))
        return True

    def _staged(self) -> Iterator[Claimed]:
        return itertools.chain(self.stage, self._suspects, self.overflow)

    def _forget(self, number: int) -> None:
        self._tried.pop(number, None)
        self._refused.pop(number, None)

    def _limit(self, job: Claimed) -> datetime:
        return self._fleet.policy.end_of(job.due_at, job.expires_at)

    def _too_heavy(self, job: Claimed) -> bool:
        return self._bytes > 0 and self._bytes + job.size > _BYTES_IN_FLIGHT

"""How a run ends: nothing new begins, what is in flight may finish, the rest goes back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.delivery.dispatch import Dispatcher
from flask_smtpadmin.delivery.fleet import Fleet
from flask_smtpadmin.delivery.lanes import Flight
from flask_smtpadmin.storage.claims import Claimed

#: Seconds that what is in flight has to finish after a request to stop.
GRACE: Final = 25.0


class Ending:
    """Whether the run shall end, and until when it may wait for what is in flight.

    Args:
        monotonic: ``time.monotonic``.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.asked = False
        self._by = math.inf
        self._monotonic = monotonic

    def ask(self) -> None:
        """End the run; a second time: do not even wait for what is in flight."""
        self._by = 0.0 if self.asked else self._monotonic() + GRACE
        self.asked = True

    @property
    def due(self) -> bool:
        """Whether the time to wait is over."""
        return self._monotonic() > self._by


class Work(Protocol):
    """What there is to end: the engine."""

    fleet: Fleet
    hands: Dispatcher

    def give_back(self, flights: Sequence[Flight]) -> None:
        """Return hand-overs that never began to the queue."""

    async def rest(self) -> None:
        """Wait until something came back."""

    async def write(self, put_back: Sequence[tuple[Claimed, WaitingFor | None]] = ()) -> None:
        """Write what came back and what goes back to the queue."""


async def end(engine: Work, ending: Ending) -> None:
    """Return what no server can have, wait for the rest, write the last results."""
    engine.give_back(engine.fleet.take_back())
    engine.fleet.cut(begun=False)
    await _write(engine)
    while engine.hands.in_flight and not ending.due:
        await engine.rest()
        await _write(engine)
    engine.fleet.cut(begun=True)
    while engine.hands.in_flight:
        await asyncio.sleep(0.01)
        engine.give_back(engine.fleet.take_back())
        await _write(engine)
    await _write(engine)
    await engine.fleet.close()


async def _write(engine: Work) -> None:
    """Write what came back; what was to go to another server is staged again, and goes back too."""
    await engine.write([(job, None) for job in engine.hands.empty()])

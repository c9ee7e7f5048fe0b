"""The connections to one server and the messages handed to them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.rate import Slot
from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.retry import CLOSING
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import (
    BEFORE_MAIL,
    Connected,
    Envelope,
    Phase,
    Transaction,
    TransportFailure,
)
from flask_smtpadmin.delivery.envelope import Unseal, build_envelope, sealed_for_good
from flask_smtpadmin.delivery.ready import Ready
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.results import HandOver
from flask_smtpadmin.transport import Pool, Session, open_session

log = logging.getLogger(__name__)

#: Messages that may wait for each connection, counting the one it has.
DEPTH: Final = 8
#: Seconds until a server that had enough of our connections is tried with all of them again.
_CROWDED_SECONDS: Final = 60.0
#: Seconds until the next try after something that nobody has foreseen.
_FAILED_SECONDS: Final = 1.0
_LINK_PHASES: Final[frozenset[Phase]] = BEFORE_MAIL | {"sender", "recipient", "data"}


@dataclass(slots=True, eq=False)
class Flight:
    """A message that is written as handed over; ``n`` is the number of the try.

    ``placed``: it counts towards the load of its lanes. ``relinked``: how often a link was found
    closed before the message, which is no fault of its own. ``slot``: when it may begin, where the
    server has limits.
    """

    job: Claimed
    n: int
    lanes: Lanes
    relinked: int = 0
    placed: bool = True
    slot: Slot | None = None

    def hand_over(self) -> HandOver:
        """Return what is written ahead of it."""
        return HandOver(self.job, self.n, self.lanes.server.key, self.slot)


@record(frozen=True, slots=True)
class Ended:
    """How a flight ended; ``cut``: we ended it ourselves, before the content was written."""

    flight: Flight
    result: Transaction | TransportFailure | Exception
    started_at: datetime
    finished_at: datetime
    connected: Connected | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Whom lanes tell, in the event loop, and whom they ask.

    ``ended`` hears how each flight ended, ``missed`` of flights whose slot went by before a
    connection was free; nothing new begins unless ``may_begin`` says that our leases hold.
    ``opener`` makes the sessions, ``unseal`` opens secret messages.
    """

    ended: Callable[[Ended], None]
    missed: Callable[[list[Flight]], None]
    may_begin: Callable[[], bool]
    opener: Callable[..., Session] = open_session
    unseal: Unseal = sealed_for_good


@dataclass(slots=True)
class Lanes:
    """At most ``size`` connections, each serving one message after another.

    Args:
        server: with its settings as they were when this was made; new settings, new lanes.
        size: connections at most.
        policy: which addresses may be connected to.
        now: the database's time.
        engine: whom to tell and ask.
    """

    server: Server
    size: int
    policy: HostPolicy
    now: Callable[[], datetime]
    engine: Callbacks
    on_trial: Callable[[], bool] = lambda: False
    load: int = 0
    pool: Pool = field(init=False)
    _ready: Ready[Flight] = field(init=False)
    _depth: float = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _tasks: dict[asyncio.Task[None], Session | None] = field(default_factory=dict)
    _limit: int = field(init=False)
    _closed: bool = False

    def __post_init__(self) -> None:
        self.pool = Pool(self.server, self.size, policy=self.policy, opener=self.engine.opener)
        self._limit = self.size
        self._ready = Ready(self.now, self._missed)
        self._depth = DEPTH * self.size

    @property
    def room(self) -> int:
        """How many more messages may be handed over now."""
        places = min(DEPTH * self._limit, int(self._depth))
        return (1 if self.on_trial() else places) - self.load

    @property
    def busy(self) -> int:
        """How many connections have a message."""
        return len(self._tasks)

    def put(self, flight: Flight) -> None:
        """Hand a message over; ``load`` was raised when the place was reserved."""
        self._ready.put(flight)
        self._start()

    def take_back(self) -> list[Flight]:
        """Take back what was handed over and not begun."""
        return self._ready.clear()

    def cut(self, *, begun: bool) -> None:
        """End transactions now; with ``begun`` also those whose content the server may have.

        All are held first: a task that is cancelled ends a moment later, and a 354 may come in it.
        """
        for task, session in self._tasks.items():
            if session is not None:
                session.hold()
            if begun or session is None or session.phase != "body":
                task.cancel()

    async def probe(self) -> None:
        """Open a session (or find one open); raises TransportFailure."""
        session = await self.pool.acquire()
        self.pool.release(session)

    async def close(self) -> None:
        """Wait for what is under way, then say QUIT on every connection."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self.pool.close()

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pause = self._ready.wait()
        if pause:
            self._timer = asyncio.get_running_loop().call_later(pause, self._start)
        wanted = min(self._ready.due, self._limit - len(self._tasks))
        for _ in range(wanted):
            task = asyncio.get_running_loop().create_task(self._serve())
            self._tasks[task] = None
            task.add_done_callback(self._stopped)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("A connection task failed", exc_info=task.exception())
            asyncio.get_running_loop().call_later(_FAILED_SECONDS, self._start)
        elif self._ready:
            self._start()

    async def _serve(self) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while self._ready.due and len(self._tasks) <= self._limit:
            if not self.engine.may_begin():
                await asyncio.sleep(0.2)
                continue
            started = self.now()
            try:
                session = await self.pool.acquire()
            except TransportFailure as failure:
                self._unreachable(failure, started)
                return
            except Exception as error:
                self._unreachable(TransportFailure("connect", error=error), started)
                raise
            self._tasks[task] = session
            line = _Line(self, self.pool.connected(session), fresh=not session.served)
            try:
                await session.relay(line.next_envelope, line.ended)
            except Exception as error:
                line.break_off(error)
                raise
            finally:
                self._tasks[task] = None
                self.pool.release(session)

    def next_flight(self, *, behind: bool) -> Flight | None:
        """Take the message that may begin now on a connection, if there is one.

        ``behind``: another one is under way on it, which must not be a trial of the server.
        """
        if not self.engine.may_begin() or (behind and self.on_trial()):
            return None
        flight = self._ready.take()
        if flight is not None and flight.slot is not None:
            self._depth = min(DEPTH * self.size, self._depth + 1 / self._depth)
        return flight

    def try_again(self, flight: Flight) -> bool:
        """Let a message begin first on another connection; False: it must go back to the queue."""
        if self._closed or not self.engine.may_begin():
            return False
        self._ready.put_first(flight)
        return True

    def _missed(self, flights: list[Flight]) -> None:
        """Give back what came too late for its slot, and take fewer slots ahead for a while."""
        self._depth = max(self.size, self._depth / 2)
        self.engine.missed(flights)

    def _unreachable(self, failure: TransportFailure, started: datetime) -> None:
        """One message bears the failure; the engine takes the others back when it is serious."""
        crowded = failure.reply is not None and failure.reply.code == CLOSING
        if crowded and self.pool.busy:
            self._limit = max(1, self.pool.busy)
            asyncio.get_running_loop().call_later(_CROWDED_SECONDS, self._uncrowd)
        elif self._ready:
            self.engine.ended(Ended(self._ready.pop(), failure, started, self.now()))

    def _uncrowd(self) -> None:
        self._limit = self.size


@dataclass(slots=True)
class _Line:
    """One connection while it has work: takes the messages and hears how each ended.

    ``fresh``: no message was handed over on it yet.
    """

    lanes: Lanes
    connected: Connected | None
    fresh: bool
    under_way: deque[tuple[Flight, datetime]] = field(default_factory=deque)

    def next_envelope(self) -> Envelope | None:
        """Return the next message that may begin now and can be built."""
        lanes = self.lanes
        while (flight := lanes.next_flight(behind=bool(self.under_way))) is not None:
            started = lanes.now()
            try:
                envelope = build_envelope(flight.job, lanes.server, flight.n, lanes.engine.unseal)
            except Exception as error:  # noqa: BLE001 - it must not disturb those under way
                lanes.engine.ended(Ended(flight, error, started, lanes.now()))
                continue
            self.under_way.append((flight, started))
            return envelope
        return None

    def ended(self, result: Transaction) -> None:
        """Report the message in front, unless it was the link that failed it."""
        flight, started = self.under_way.popleft()
        fresh, self.fresh = self.fresh, False
        lanes = self.lanes
        # each of the old links may end so, one after the other
        stale = not fresh and flight.relinked < lanes.size and _stale(result)
        stopped = not lanes.engine.may_begin()
        cut = stopped and not result.uncertain and result.reply is None
        if (stale or result.untried) and not cut:
            # The server closed the link, or it broke under the message in front.
            flight.relinked += not result.untried
            if lanes.try_again(flight):
                return
            cut = True
        lanes.engine.ended(Ended(flight, result, started, lanes.now(), self.connected, cut))

    def break_off(self, error: Exception) -> None:
        """Report what no session could begin with: it must not be under way for ever."""
        while self.under_way:
            flight, started = self.under_way.popleft()
            ended = Ended(flight, error, started, self.lanes.now(), self.connected)
            self.lanes.engine.ended(ended)


def _stale(result: Transaction) -> bool:
    """Say whether a reused link was dead or about to close, before any content was written."""
    if result.phase not in _LINK_PHASES:
        return False
    return result.reply is None or result.reply.code == CLOSING

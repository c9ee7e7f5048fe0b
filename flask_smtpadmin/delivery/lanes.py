"""The connections to one server and the messages handed to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flask_smtpadmin.core.errors import SMTPAdminError
from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.rate import Slot
from flask_smtpadmin.core.retry import CLOSING
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import (
    BEFORE_MAIL,
    Connected,
    Phase,
    RecipientReply,
    Reply,
    Transaction,
    TransportFailure,
)
from flask_smtpadmin.delivery.envelope import build_envelope
from flask_smtpadmin.delivery.ready import Ready
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.transport import Pool, Session

log = logging.getLogger(__name__)

#: Messages that may wait for each connection, counting the one it has.
DEPTH: Final = 8
#: Seconds until a server that had enough of our connections is tried with all of them again.
_CROWDED_SECONDS: Final = 60.0
_LINK_PHASES: Final[frozenset[Phase]] = BEFORE_MAIL | {"sender", "recipient", "data"}


@dataclass(slots=True, eq=False)
class Flight:
    """A message that is written as handed over; ``n`` is the number of the try.

    ``placed``: it counts towards the load of its lanes. ``slot``: when it may begin, where the
    server has limits.
    """

    job: Claimed
    n: int
    lanes: Lanes
    relinked: bool = False
    placed: bool = True
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
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
    """

    ended: Callable[[Ended], None]
    missed: Callable[[list[Flight]], None]
    may_begin: Callable[[], bool]


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
    _ready: Ready = field(init=False)
    _depth: float = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _limit: int = field(init=False)
    _closed: bool = False

    def __post_init__(self) -> None:
        self.pool = Pool(self.server, self.size, policy=self.policy)
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

    def cut(self) -> None:
        """End all transactions now."""
        for task in self._tasks:
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
            self._tasks.add(task)
            task.add_done_callback(self._stopped)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A connection task failed", exc_info=task.exception())
        if self._ready and not task.cancelled():
            self._start()

    async def _serve(self) -> None:
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
            try:
                await self._drain(session)
            finally:
                self.pool.release(session)

    async def _drain(self, session: Session) -> None:
        while session.usable and self.engine.may_begin():
            flight = self._ready.take()
            if flight is None:
                return
            if flight.slot is not None:
                self._depth = min(DEPTH * self.size, self._depth + 1 / self._depth)
            await self._hand(session, flight)

    def _missed(self, flights: list[Flight]) -> None:
        """Give back what came too late for its slot, and take fewer slots ahead for a while."""
        self._depth = max(self.size, self._depth / 2)
        self.engine.missed(flights)

    async def _hand(self, session: Session, flight: Flight) -> None:
        started = self.now()
        try:
            envelope = build_envelope(flight.job, self.server, flight.n)
        except (SMTPAdminError, LookupError, ValueError) as error:
            self.engine.ended(Ended(flight, error, started, self.now()))
            return
        connected = self.pool.connected(session)
        reused = session.served > 0
        try:
            result = await session.transact(envelope)
        except asyncio.CancelledError:
            self._cut_off(session, flight, started)
            raise
        if reused and not flight.relinked and _stale(result):
            flight.relinked = True  # the server closed an idle link: no fault of the message
            self._ready.put_first(flight)
            return
        self.engine.ended(Ended(flight, result, started, self.now(), connected))

    def _cut_off(self, session: Session, flight: Flight, started: datetime) -> None:
        error = ConnectionAbortedError("the worker was told to stop")
        connected = self.pool.connected(session)
        if session.phase in {"body", "done"}:
            taken = Reply(250, "", "")
            replies = tuple(RecipientReply(r.address, taken) for r in flight.job.recipients)
            result = Transaction("body", replies, None, 0.0, error)
            self.engine.ended(Ended(flight, result, started, self.now(), connected))
        else:
            failure = TransportFailure(session.phase, error=error)
            self.engine.ended(Ended(flight, failure, started, self.now(), connected, cut=True))

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


def _stale(result: Transaction) -> bool:
    """Say whether a reused link was dead or about to close, before any content was written."""
    if result.phase not in _LINK_PHASES:
        return False
    return result.reply is None or result.reply.code == CLOSING

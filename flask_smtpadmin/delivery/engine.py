"""The engine: claims due messages, keeps the connections busy, commits what came back.

One event loop runs it for the life of the process, and one thread does all that touches the
database. A cycle is one transaction: the results that came in since the last one, the next
hand-overs written ahead, and a claim when the stage runs low. At most W messages are handed over
without a committed result: that many, and no more, may be sent twice after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from flask_smtpadmin.core.rate import Slot
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.delivery.commits import Commits
from flask_smtpadmin.delivery.dispatch import Dispatcher
from flask_smtpadmin.delivery.ending import Ending, end
from flask_smtpadmin.delivery.envelope import Unseal
from flask_smtpadmin.delivery.events import Event, Tally, events_of
from flask_smtpadmin.delivery.fleet import Fleet
from flask_smtpadmin.delivery.lanes import Callbacks, Ended, Flight
from flask_smtpadmin.delivery.verdict import judge, server_word
from flask_smtpadmin.delivery.writer import Batch, Writer, Written
from flask_smtpadmin.storage.claims import LEASE, Claimed
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.health import SharedHealth
from flask_smtpadmin.storage.journal import Journal
from flask_smtpadmin.storage.results import HandOver, Result
from flask_smtpadmin.transport import Session, open_session

log = logging.getLogger(__name__)

#: Seconds between two looks for mail: without a doorbell, and with one as a safety net.
POLL: Final = 0.7
POLL_WITH_BELL: Final = 5.0
#: Nothing new begins when our leases end in less than so many seconds.
LEASE_MARGIN: Final = 10.0
_URGENT: Final = 50
#: Seconds that a small group of results waits for more: well under the promised 10 ms.
_GATHER: Final = 0.002
_BREATH: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one run of the engine shall behave; ``wait`` in seconds goes with ``burst``."""

    connections: int | None = None
    burst: bool = False
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an engine works with.

    ``executor`` is the one database thread; ``announce`` is called in the loop with events that
    are committed; ``bell`` says whether a doorbell works; ``opener`` makes sessions, ``unseal``
    opens secret messages.
    """

    snapshot: Snapshot
    writer: Writer
    journal: Journal
    executor: Executor
    clock: Clock
    announce: Callable[[Sequence[Event]], None]
    bell: Callable[[], bool]
    opener: Callable[..., Session] = open_session
    unseal: Unseal


class Engine:
    """Delivers for one worker; everything but :meth:`poke` and :meth:`stop` runs in its loop."""

    def __init__(self, parts: Parts, options: Options) -> None:
        self.tally = Tally()
        self.next_due: datetime | None = None
        self.busy_elsewhere: Callable[[], bool] = lambda: False
        self.journal = parts.journal
        self._parts = parts
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        asked = (self._may_begin, parts.opener, parts.unseal)
        lanes = Callbacks(self._on_ended, self.give_back, *asked)
        self.fleet = Fleet(parts.snapshot, options.connections, parts.clock, lanes)
        self.hands = Dispatcher(self.fleet, parts.clock.now)
        self._ending = Ending()
        self._commits = Commits(self._write_batch, self.hands.tokens, parts.journal, self._ending)
        self._orphans: list[Flight] = []
        self._news: list[SharedHealth] = []
        self._look_at = 0.0
        self._urgent_at = 0.0
        self._moved_at = time.monotonic()
        self._poked = False
        self._found_nothing = False
        self._leased_until = time.monotonic() + LEASE
        self._burst_ends = time.monotonic() + options.wait

    # -- called from other threads ------------------------------------------------------------

    def poke(self) -> None:
        """Say that there may be mail; safe from any thread."""
        self._loop.call_soon_threadsafe(self._look_now)

    def stop(self) -> None:
        """Ask to finish what is in flight; a second time: not even to wait for that."""
        self._loop.call_soon_threadsafe(self._stop)

    # -- the loop -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until told to stop, or with ``burst`` until nothing is left to do."""
        while True:
            batch = None if self._ending.asked else self._plan()
            if batch is not None:
                self._apply(batch, await self._commits.commit(batch))
            elif self._ending.asked or self._done():
                break
            else:
                await self.rest()
        if not self._ending.asked:
            self._ending.ask()
        await end(self, self._ending)

    async def db(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run ``function`` in the database thread."""
        return await self._loop.run_in_executor(self._parts.executor, function, *args)

    def leases_hold(self) -> bool:
        """Whether something new may begin: our leases were renewed in time."""
        return time.monotonic() < self._leased_until - LEASE_MARGIN

    def _may_begin(self) -> bool:
        return not self._ending.asked and self.leases_hold()

    @property
    def loaded(self) -> bool:
        """Whether enough is staged for now."""
        return len(self.hands.stage) > self.hands.stage_size // 2

    def leases_renewed(self, began: float) -> None:
        """Note that at ``began`` (monotonic) all our leases were renewed."""
        self._leased_until = max(self._leased_until, began + LEASE)

    @property
    def stalled(self) -> float:
        """Seconds for which nothing came back of what is in flight."""
        return time.monotonic() - self._moved_at if self.hands.in_flight else 0.0

    def publish(self, health: SharedHealth | None, *events: Event) -> None:
        """Write shared health with the next transaction and announce ``events``."""
        if health is not None:
            self._news.append(health)
            self._wake.set()
        if events:
            self._parts.announce(events)

    def give_back(self, flights: Sequence[Flight]) -> None:
        """Return hand-overs that never began to the queue."""
        self._orphans.extend(flights)
        self._wake.set()

    def servers_with_room(self) -> list[str]:
        """Return the servers that take mail and for which none is parked by ourselves."""
        crowded = self.hands.overflow.crowded
        return [key for key in self.fleet.router.open_servers() if key not in crowded]

    def look_again(self) -> None:
        """Look for due mail at once."""
        self._look_now()

    # -- planning -----------------------------------------------------------------------------

    def _plan(self) -> Batch | None:
        """Return what the next transaction shall do, or None when there is nothing to do."""
        plan = self.hands.plan(settled=len(self._commits.results))
        claim, below = self._claim_size()
        if claim:
            self._poked = False
        batch = replace(
            self._leftovers(),
            put_back=plan.parked,
            expired=plan.expired,
            postpone=plan.postponed,
            limits=self.fleet.limits,
            park=self.hands.overflow.pressing(),
            recall=self.hands.recalls(),
            hand_over=[flight.hand_over() for flight in plan.flights],
            claim=claim,
            below=below,
        )
        return batch if batch.writes or batch.claim else None

    def _leftovers(self) -> Batch:
        """Take everything that waits to be written."""
        orphans, self._orphans = self._orphans, []
        health, self._news = self._news, []
        withdraw = [flight.hand_over() for flight in orphans]
        return Batch(results=self._commits.take(), withdraw=withdraw, health=health)

    def _claim_size(self) -> tuple[int, int | None]:
        """Return how many messages to claim, and the priority they must be more urgent than."""
        if time.monotonic() < self._look_at or not self.leases_hold():
            return 0, None
        stage = self.hands.stage
        size = self.hands.stage_size
        if not self.loaded:
            return size - len(stage), None
        if self._poked or time.monotonic() >= self._urgent_at:
            return _URGENT, stage.least_urgent
        return 0, None

    # -- writing ------------------------------------------------------------------------------

    async def _write_batch(self, batch: Batch) -> Written:
        written: Written = await self.db(self._parts.writer.commit, batch)
        return written

    async def write(self, put_back: Sequence[tuple[Claimed, WaitingFor | None]] = ()) -> None:
        """Write what came back and what goes back to the queue, and begin nothing new."""
        batch = replace(self._leftovers(), put_back=put_back)
        if batch.writes:
            self._apply(batch, await self._commits.commit(batch))

    def _apply(self, batch: Batch, written: Written) -> None:
        """Take in what a transaction did."""
        for result in written.finished:
            if result.kept:
                result.job.attempts = result.n
                self.hands.stage_again(result.job.id)
            else:
                self.hands.land(result.job.id)
        for result in written.lost:
            self.hands.land(result.job.id)
        for item in batch.withdraw:
            self.hands.land(item.job.id)
        if batch.withdraw:
            self._look_now()  # they are due again, for another server or to be parked
        self._take_slots(batch, written)
        self.hands.take_in(written.claimed)
        if written.looked:
            self._looked(batch, written)
        self._tell(written.finished)

    def _take_slots(self, batch: Batch, written: Written) -> None:
        """Let the hand-overs begin, each at its slot where the server has limits."""
        grant = written.grant
        self.fleet.outlooks.update(grant.outlooks)
        for item in batch.hand_over:
            if item.job.id in grant.refused:
                self.hands.note_refusal(item.job.id, item.server)
                self.hands.stage_again(item.job.id)
            elif item.job.id in written.handed:
                self._depart(item, grant.slots.get(item.job.id))
            else:
                self.hands.land(item.job.id)
        for recall, last in written.recalled:
            self.hands.overflow.recalled(recall, last)
            self._look_now()
        if grant.promises:
            self._look_by(min(when for _, when in grant.promises))

    def _depart(self, item: HandOver, slot: Slot | None) -> None:
        flight = self.hands.in_flight[item.job.id]
        flight.slot = slot
        if self._ending.asked or not self.fleet.health.usable(item.server):
            self._orphans.append(flight)  # things changed while it was being written
        else:
            self._moved_at = time.monotonic()
            flight.lanes.put(flight)

    def _looked(self, batch: Batch, written: Written) -> None:
        """Plan the next look for due mail."""
        self.next_due = written.next_due
        self._found_nothing = not written.claimed
        pause = _spread(POLL_WITH_BELL if self._parts.bell() else POLL)
        if self.next_due is not None:
            until = (self.next_due - self._parts.clock.now()).total_seconds()
            pause = min(pause, max(until, 0.0))
        if self._options.burst and written.claimed:
            pause = 0.0  # the run ends with a look that finds nothing
        if not written.claimed:
            pause = max(pause, _BREATH)  # due rows may be in another worker's transaction
        if not self._options.burst and not self.fleet.router.open_servers():
            pause = max(pause, POLL)  # what is claimed now can only be parked
        if batch.below is not None:
            pause = min(pause, POLL)  # who rang meanwhile waits no longer than without a bell
        self._urgent_at = time.monotonic() + POLL
        if batch.below is not None or not self._poked:
            self._look_at = time.monotonic() + pause

    def _look_by(self, moment: datetime) -> None:
        """Look for due mail at ``moment`` at the latest."""
        left = (moment - self._parts.clock.now()).total_seconds()
        self._look_at = min(self._look_at, time.monotonic() + max(left, 0.0))

    def _tell(self, results: Sequence[Result]) -> None:
        final = [result for result in results if not result.kept]
        self.tally.add(result.decision.state for result in final)
        events = events_of(final)
        for result in final:
            if result.decision.state != "sent":
                log.info(
                    "Message %d is %s: %s",
                    result.job.id,
                    result.decision.state,
                    result.decision.cause,
                    extra={"message_id": result.job.id, "server": result.trace.server},
                )
        if events:
            self._parts.announce(events)

    # -- what came back -----------------------------------------------------------------------

    def _on_ended(self, ended: Ended) -> None:
        self._moved_at = time.monotonic()
        result = judge(ended, self.fleet.policy)
        if not ended.cut and not self._ending.asked:
            result = self._judge_server(result, ended)
        self.hands.leave(ended.flight)
        self._commits.add(result)
        self._wake.set()

    def _judge_server(self, result: Result, ended: Ended) -> Result:
        """Tell the breaker; a message that had not begun goes to another server if there is one."""
        key = ended.flight.lanes.server.key
        was_open = self.fleet.health.usable(key)
        news = self.fleet.health.note(key, server_word(result))
        if was_open and not self.fleet.health.usable(key):
            self.server_lost(key, result.decision.error)
        self.publish(news)
        if not result.decision.elsewhere:
            return result
        tried = self.hands.note_try(result.job.id, key)
        others = [s for s in self.fleet.router.candidates(result.job) if s.key not in tried]
        return replace(result, kept=bool(others))

    def server_lost(self, key: str, reason: str | None) -> None:
        """A server takes no mail any more: what it was given and has not begun goes back."""
        log.warning("Server %s takes no mail: %s", key, reason, extra={"server": key})
        self.give_back(self.fleet.take_back(key))
        self._parts.announce([Event("degraded", server=key, reason=reason)])

    # -- resting ------------------------------------------------------------------------------

    async def rest(self) -> None:
        """Wait for results, a poke, or the next time to look."""
        pause = max(0.0, self._look_at - time.monotonic())
        if self.hands.waiting or not self.leases_hold():
            pause = min(max(pause, 0.05), 0.5)  # servers with room, or leases, may come back
        try:
            await asyncio.wait_for(self._wake.wait(), max(pause, 0.001))
        except TimeoutError:
            return
        self._wake.clear()
        if len(self._commits.results) < len(self.hands.in_flight) // 4:
            await asyncio.sleep(_GATHER)

    def _done(self) -> bool:
        if (
            not self._options.burst
            or self.hands.in_flight
            or self.hands.waiting
            or self.busy_elsewhere()
        ):
            return False
        if not self._found_nothing or time.monotonic() >= self._look_at:
            return False
        return not self._due_before_end()

    def _due_before_end(self) -> bool:
        left = self._burst_ends - time.monotonic()
        times = [self.next_due, self.fleet.health.next_probe()]
        now = self._parts.clock.now()
        return any(t is not None and (t - now).total_seconds() <= left for t in times)

    def _look_now(self) -> None:
        self._look_at = 0.0
        self._poked = True
        self._found_nothing = False
        self._wake.set()

    def _stop(self) -> None:
        self._ending.ask()
        self._wake.set()


def _spread(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311 - only spreads load

"""What a worker does beside delivering: heartbeat, leases, settings, health, parked messages.

Each chore is a small loop in the engine's event loop whose database part runs in the one
database thread. A chore that fails is logged and tried again: none of them can stop delivery.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy.engine import Connection

from flask_smtpadmin.core.retry import CLOSING, opening
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.core.transaction import TransportFailure
from flask_smtpadmin.delivery.activity import LOOK_EVERY, Activity
from flask_smtpadmin.delivery.engine import Engine
from flask_smtpadmin.delivery.events import Event
from flask_smtpadmin.delivery.health import Word
from flask_smtpadmin.delivery.writer import sentence
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.health import HealthRows, SharedHealth
from flask_smtpadmin.storage.parking import PARKED, Parking
from flask_smtpadmin.storage.rescue import Leases
from flask_smtpadmin.storage.settings import Settings
from flask_smtpadmin.storage.workers import BEAT_EVERY, Beat, Identity, Workers

log = logging.getLogger(__name__)

_FIRST_BEAT: Final = 1.0
_EARLY_BEATS: Final = 3
#: Seconds between two looks at the time that our leases have left.
_WATCH_EVERY: Final = 1.0
#: Seconds between two looks at the settings' revision and the servers' health.
_LOOK_EVERY: Final = 2.0
#: Seconds after which settings are read anew even so: files and presets have no revision.
_RELOAD_EVERY: Final = 30.0
_PROBE_EVERY: Final = 0.25
#: Seconds that one probe may take before another worker may try.
_PROBE_SECONDS: Final = 60.0
#: Seconds between two sweeps, with jitter.
_SWEEP_EVERY: Final = (20.0, 25.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What upkeep works with; ``redis`` returns ``ok``, ``down`` or ``none``."""

    database: Database
    settings: Settings
    clock: Clock
    who: Identity
    sweep: Callable[[], int]
    redis: Callable[[], str]
    activity: Activity


class Upkeep:
    """The chores of one worker."""

    def __init__(self, engine: Engine, premises: Premises) -> None:
        models = premises.database.models
        self._engine = engine
        self._premises = premises
        self._workers = Workers(models)
        self._leases = Leases(models)
        self._parking = Parking(models)
        self._health = HealthRows(models)
        self._tasks: list[asyncio.Task[None]] = []
        self._probing: dict[str, asyncio.Task[None]] = {}
        self._recheck: set[WaitingFor] = set(PARKED)
        self._postponed: set[WaitingFor] = set()
        self._recheck_wanted = asyncio.Event()
        self._rechecking = False
        self._beats = 0
        self._holding = True
        self._strays: set[int] = set()
        self._loaded_at = time.monotonic()
        self._vault = premises.settings.vault
        engine.busy_elsewhere = self._busy

    async def look(self) -> None:
        """Look once at settings and servers; raises what the database raises."""
        await self._look()
        await self._probe()

    def start(self) -> None:
        """Keep looking at everything."""
        self._recheck_wanted.set()
        chores: dict[str, tuple[Callable[[], Awaitable[None]], Callable[[], float]]] = {
            "heartbeat": (self._beat, self._until_next_beat),
            "leases": (self._watch_leases, lambda: _WATCH_EVERY),
            "settings": (self._look, lambda: _LOOK_EVERY),
            "probes": (self._probe, lambda: _PROBE_EVERY),
            "sweep": (self._sweep, lambda: random.uniform(*_SWEEP_EVERY)),  # noqa: S311 - jitter
            "activity log": (self._write_activity, lambda: LOOK_EVERY),
            "parked messages": (self._release, lambda: 0.0),
        }
        self._tasks = [
            asyncio.create_task(self._repeat(name, chore, pause))
            for name, (chore, pause) in chores.items()
        ]

    async def stop(self) -> None:
        """End the chores."""
        tasks = [*self._tasks, *self._probing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _busy(self) -> bool:
        """Whether something is under way that may bring mail: a burst run waits for it."""
        return bool(self._probing or self._recheck or self._rechecking)

    async def _repeat(
        self, name: str, chore: Callable[[], Awaitable[None]], pause: Callable[[], float]
    ) -> None:
        first, told = True, False
        while True:
            if not first or name != "parked messages":
                await asyncio.sleep(pause())
            first = False
            try:
                await chore()
                told = False
            except Exception as error:
                if not told:  # an outage is one line for each chore, not thousands
                    log.warning("The worker cannot see to its %s: %s.", name, sentence(error))
                log.debug("Details", exc_info=True)
                told = True
                await asyncio.sleep(1.0)

    # -- heartbeat and leases -----------------------------------------------------------------

    def _until_next_beat(self) -> float:
        """Seconds; the first beats are early, because only with them pages hear of Redis."""
        return BEAT_EVERY if self._beats >= _EARLY_BEATS else _FIRST_BEAT

    async def _beat(self) -> None:
        engine = self._engine
        beats, self._beats = self._beats, 0  # a failure is followed by an early try
        beat = Beat(
            connections=engine.fleet.busy,
            in_flight=min(len(engine.hands.in_flight), engine.fleet.window),
            window=engine.fleet.window,
            stalled=engine.stalled,
            journal=engine.journal.error,
            sent=engine.tally.sent,
            failed=engine.tally.failed,
            redis=self._premises.redis(),
            fingerprints=engine.fleet.fingerprints(),
        )
        began = time.monotonic()
        held = await engine.db(self._write_beat, beat)
        engine.leases_renewed(began)
        self._beats = beats + 1
        await self._recover(held - engine.hands.ids())

    async def _watch_leases(self) -> None:
        """Let go of what no server can have yet when our leases are about to end.

        The database was out of reach for so long that somebody else may soon take our messages.
        Those whose content is written end as they end; their results are fenced.
        """
        if self._holding and not self._engine.leases_hold():
            log.warning("Our leases could not be renewed: nothing new begins until they are.")
            self._engine.give_back(self._engine.fleet.take_back())
            self._engine.fleet.cut(begun=False)
        self._holding = self._engine.leases_hold()

    async def _recover(self, strays: set[int]) -> None:
        """Take back what the database says we have and we do not: it lost a commit of ours.

        A database that answers before its disk does (``synchronous_commit = off``), or a replica
        that takes over, may do that. Seen in two beats, so that what changes hands is left alone.
        """
        before, self._strays = self._strays, strays
        if strays & before:
            log.warning("The database forgot what became of %d messages.", len(strays & before))
            await self._engine.db(self._take_back, strays & before)
            self._engine.look_again()

    def _take_back(self, strays: set[int]) -> None:
        policy, now = self._engine.fleet.policy, self._premises.clock.now()
        with self._premises.database.write() as connection:
            who = self._premises.who.id
            self._leases.reclaim(connection, who, strays, policy, now)

    def _write_beat(self, beat: Beat) -> set[int]:
        with self._premises.database.write() as connection:
            self._premises.clock.look(connection)
            now = self._premises.clock.now()
            self._leases.renew(connection, self._premises.who.id, now)
            self._workers.beat(connection, self._premises.who, beat, now)
            return self._leases.held(connection, self._premises.who.id)

    # -- settings and shared health -----------------------------------------------------------

    async def _look(self) -> None:
        snapshot, rows = await self._engine.db(self._read)
        if snapshot is not None:
            self._adopt_settings(snapshot)
        lost, recovered = self._engine.fleet.health.adopt(rows)
        for key in lost:
            self._engine.server_lost(key, rows[key].reason)
        for key in recovered:
            self._recovered(key, None)

    def _read(self) -> tuple[Snapshot | None, Mapping[str, SharedHealth]]:
        snapshot = None
        settings = self._premises.settings
        stale = time.monotonic() - self._loaded_at > _RELOAD_EVERY
        if stale or settings.revision() != self._engine.fleet.snapshot.revision:
            snapshot = settings.snapshot()
            self._loaded_at = time.monotonic()
        with self._premises.database.read() as connection:
            return snapshot, self._health.read(connection)

    def _adopt_settings(self, snapshot: Snapshot) -> None:
        self._premises.activity.adopt(snapshot)
        before, self._vault = self._vault, self._premises.settings.vault
        if self._vault is not before:
            self._want_recheck({"settings"})  # other keys may open secret messages
        limits = self._engine.fleet.limits
        changed, orphans = self._engine.fleet.update(snapshot)
        self._engine.give_back(orphans)
        if changed:
            log.info("Settings changed; mail that waited is looked at again.")
            self._want_recheck(set(PARKED))
        if limits != self._engine.fleet.limits:
            self._want_recheck({"quota"})

    # -- probes -------------------------------------------------------------------------------

    async def _probe(self) -> None:
        for key in self._engine.fleet.health.due_probes():
            server = self._engine.fleet.snapshot.servers.get(key)
            if server is None or not server.usable or key in self._probing:
                continue
            if not await self._engine.db(self._reserve, key):
                self._engine.fleet.health.look_again(key)  # somebody else knows of it
            else:
                task = asyncio.create_task(self._probe_server(key))
                self._probing[key] = task
                task.add_done_callback(partial(self._probed, key))

    def _probed(self, key: str, task: asyncio.Task[None]) -> None:
        self._probing.pop(key, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("A probe of server %s failed", key, exc_info=task.exception())

    def _reserve(self, key: str) -> bool:
        fingerprint = self._engine.fleet.fingerprint(key)
        with self._premises.database.write() as connection:
            return self._health.reserve_probe(
                connection, key, fingerprint, self._premises.clock.now(), _PROBE_SECONDS
            )

    async def _probe_server(self, key: str) -> None:
        fleet = self._engine.fleet
        try:
            await fleet.lanes(fleet.snapshot.servers[key]).probe()
        except TransportFailure as failure:
            said, cause, reason = opening(failure, fleet.snapshot.servers[key].preset or "")
            closing = failure.reply is not None and failure.reply.code == CLOSING
            word = Word(said, cause, reason, closing=closing)
            log.info("Server %s still takes no mail: %s", key, reason, extra={"server": key})
            self._engine.publish(fleet.health.probe_ended(key, word))
        else:
            self._recovered(key, fleet.health.probe_ended(key, Word("ok")))

    def _recovered(self, key: str, news: SharedHealth | None) -> None:
        log.info("Server %s takes mail again.", key, extra={"server": key})
        self._engine.publish(news, Event("recovered", server=key))
        self._want_recheck({"server", *self._postponed})
        self._postponed.clear()

    # -- parked messages and the sweep --------------------------------------------------------

    def _want_recheck(self, reasons: set[WaitingFor]) -> None:
        self._recheck |= reasons
        self._recheck_wanted.set()

    async def _release(self) -> None:
        """Make parked messages due whose reason is gone, a batch at a time."""
        await self._recheck_wanted.wait()
        self._recheck_wanted.clear()
        reasons, self._recheck = self._recheck, set()
        self._rechecking = True
        try:
            await self._release_all(reasons & {"server"}, self._engine.servers_with_room)
            await self._release_all(reasons - {"server"}, self._engine.fleet.open_servers)
        except BaseException:
            self._want_recheck(reasons)
            raise
        finally:
            self._rechecking = False

    async def _release_all(
        self, reasons: set[WaitingFor], servers_now: Callable[[], list[str]]
    ) -> None:
        """Release what waits for ``reasons``; mail for servers that are away has its turn later."""
        after: int | None = 0 if reasons else None
        while after is not None:
            if not self._engine.fleet.all_open:
                self._postponed |= reasons
            servers = servers_now()
            if not servers:
                return
            if self._engine.loaded:
                await asyncio.sleep(0.05)
                continue
            after = await self._engine.db(self._release_some, reasons, servers, after)
            self._engine.look_again()

    def _release_some(self, reasons: set[WaitingFor], servers: list[str], after: int) -> int | None:
        with self._premises.database.write() as connection:
            now = self._premises.clock.now()
            return self._parking.release(connection, reasons, servers, now, after=after)

    async def _write_activity(self) -> None:
        await self._premises.activity.look(self._engine.db)

    async def _sweep(self) -> None:
        if await self._engine.db(self._premises.sweep):
            self._engine.look_again()
        self._want_recheck({"server", "paused"})


def count_waiting(connection: Connection, database: Database) -> int:
    """Count the messages that wait for a server, settings, quota or the end of a pause."""
    return Parking(database.models).waiting(connection)

"""One worker's time at work: known to the database, sweep, deliver, sign off."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from flask_smtpadmin import signals
from flask_smtpadmin.core.audit import Who
from flask_smtpadmin.core.catching import in_words
from flask_smtpadmin.core.errors import ConfigurationError, SchemaMissing
from flask_smtpadmin.core.retention import Keep
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.delivery.activity import Activity
from flask_smtpadmin.delivery.engine import Engine, Options, Parts
from flask_smtpadmin.delivery.events import Event, Summary, Tally
from flask_smtpadmin.delivery.upkeep import Premises, Upkeep, count_waiting
from flask_smtpadmin.delivery.writer import Batch, Writer, is_away, sentence
from flask_smtpadmin.state import State
from flask_smtpadmin.storage.claims import Claims
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.day_files import DayFiles
from flask_smtpadmin.storage.journal import Journal, replay
from flask_smtpadmin.storage.notes import as_actor
from flask_smtpadmin.storage.results import Result
from flask_smtpadmin.storage.workers import Beat, Identity, Workers
from flask_smtpadmin.worker.pruner import Pruner
from flask_smtpadmin.worker.rounds import Rounds
from flask_smtpadmin.worker.sweeper import Sweeper

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two tries to reach the database at the start: from, to.
_PAUSES: Final = (0.5, 5.0)
_SIGNALS: Final = {
    "sent": signals.message_sent,
    "retrying": signals.message_retrying,
    "dead": signals.message_dead,
    "degraded": signals.server_degraded,
    "recovered": signals.server_recovered,
}


class Shift:
    """What one worker does in its event loop; :meth:`stop` and :meth:`poke` from any thread.

    Args:
        state: the app's state.
        options: how the engine shall behave.
        who: this worker.
        redis: says how the queue server is: ``ok``, ``down`` or ``none``.
    """

    def __init__(
        self, state: State, options: Options, who: Identity, redis: Callable[[], str]
    ) -> None:
        self._state = state
        self._options = options
        self._who = who
        self._redis = redis
        self._clock = Clock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self._engine: Engine | None = None
        self._database = ThreadPoolExecutor(1, "smtpadmin-database")
        self._receivers = ThreadPoolExecutor(1, "smtpadmin-signals")

    def stop(self) -> None:
        """End in good order; a second time: without waiting for what is in flight."""
        self._tell(self._stop)

    def poke(self) -> None:
        """Say that there may be mail."""
        self._tell(self._look)

    def _tell(self, what: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(what)

    def _stop(self) -> None:
        self._stopped.set()
        if self._engine is not None:
            self._engine.stop()

    def _look(self) -> None:
        if self._engine is not None:
            self._engine.look_again()

    async def work(self, *, stopping: Callable[[], bool]) -> Summary:
        """Work until told to stop, or with ``burst`` until nothing is left to do.

        Args:
            stopping: whether it was told to stop before this began.
        """
        self._loop = asyncio.get_running_loop()
        if stopping():
            self._stopped.set()
        snapshot = await self._reached(partial(self._db, self._register))
        if snapshot is None:
            return Tally().summary(waiting=0, next_due=None)
        journal = Journal(self._state.journals, self._who.id)
        try:
            return await self._deliver(snapshot, journal)
        finally:
            journal.close()

    def close(self) -> None:
        """End the threads; waits for what they do."""
        self._receivers.shutdown()
        self._database.shutdown()

    async def _deliver(self, snapshot: Snapshot, journal: Journal) -> Summary:

        def keep_days() -> int | None:
            days: int | None = engine.fleet.snapshot["RETENTION_ACTIVITY"]
            return days

        activity = self._activity(snapshot, keep_days)
        activity.adopt(snapshot)
        engine = Engine(self._parts(snapshot, journal, activity), self._options)
        sweeper = Sweeper(self._state.database, self._who, lambda: engine.fleet.policy, self._clock)
        keep = partial(self._keep, lambda: engine.fleet.snapshot)
        pruner = Pruner(self._state.database, self._clock, keep_days, keep)
        sweep = partial(self._sweep, sweeper, pruner)
        upkeep = Upkeep(engine, self._premises(sweep, activity))
        await self._reached(partial(self._db, sweep))
        await self._reached(upkeep.look)
        upkeep.start()
        rounds = Rounds(self._state, self._who.id, lambda: engine.fleet.snapshot, self._clock.now)
        if not (self._options.burst or self._state.database.in_memory):
            rounds.start()
        self._engine = engine
        if self._stopped.is_set():
            engine.stop()
        log.info("Worker %s delivers mail.", self._who.id, extra={"worker": self._who.id})
        if caught := in_words(snapshot):
            log.warning("%s", caught, extra={"worker": self._who.id})
        try:
            await engine.run()
        finally:
            await rounds.stop()
            await upkeep.stop()
            await activity.finish(self._db)
            summary: Summary = await self._db(self._sign_off, engine)
        log.info("Worker %s has ended.", self._who.id, extra={"worker": self._who.id})
        return summary

    def _keep(self, settings: Callable[[], Snapshot]) -> Keep:
        """Return for how long what is over is kept."""
        snapshot = settings()
        return Keep(
            snapshot["RETENTION_SENT"],
            self._state.hooks.types.retentions(),
            failed=snapshot["RETENTION_DEAD"],
            addresses=snapshot["RETENTION_ADDRESSES"],
            attempts=snapshot["RETENTION_ATTEMPTS"],
        )

    async def _db(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``function`` in the database thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._database, function, *args)

    async def _reached(self, step: Callable[[], Awaitable[T]]) -> T | None:
        """Do a step of the start as soon as the database lets us; None: told to stop first."""
        pause, told = _PAUSES[0], False
        while True:
            try:
                done = await step()
            except SchemaMissing:
                raise
            except Exception as error:
                if self._options.burst or not is_away(error):
                    raise
                if not told:
                    log.warning(
                        "The database cannot be used yet: %s. Waiting for it.", sentence(error)
                    )
                told = True
            else:
                if told:
                    log.info("The database is there.")
                return done
            wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 - only spreads load
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), wait)
                return None
            pause = min(pause * 2, _PAUSES[1])

    def _activity(self, snapshot: Snapshot, keep_days: Callable[[], int | None]) -> Activity:
        """Return the activity log of this worker, with files where LOG_DIR names a folder."""
        folder = snapshot["LOG_DIR"]
        files = DayFiles(Path(folder), keep_days) if folder else None
        return Activity(self._state.database, self._who.id, files=files)

    def _parts(self, snapshot: Snapshot, journal: Journal, activity: Activity) -> Parts:
        return Parts(
            snapshot=snapshot,
            writer=Writer(self._state.database, self._who.id, self._clock),
            journal=journal,
            executor=self._database,
            clock=self._clock,
            announce=self._announce,
            bell=lambda: self._redis() == "ok",
            opener=activity.open,
            unseal=self._state.seals.open,
        )

    def _premises(self, sweep: Callable[[], int], activity: Activity) -> Premises:
        return Premises(
            database=self._state.database,
            settings=self._state.settings,
            clock=self._clock,
            who=self._who,
            sweep=sweep,
            redis=self._redis,
            activity=activity,
        )

    # -- in the database thread ---------------------------------------------------------------

    def _register(self) -> Snapshot:
        """Be known in the database; whatever is wrong with it, or with the key, shows here."""
        snapshot = self._state.settings.snapshot()
        for problem in snapshot.problems:
            if problem.field == "encryption_keys":
                raise ConfigurationError(
                    problem.message, field=problem.field, variable=problem.variable
                )
        if snapshot["INSTANCE"] and not snapshot.instance:
            with as_actor(Who(origin="worker")):
                self._state.settings.adopt()  # the first one here; a copy will not be
        with self._state.database.write() as connection:
            self._clock.look(connection)
            workers = Workers(self._state.models)
            workers.beat(connection, self._who, Beat(redis=self._redis()), self._clock.now())
        return snapshot

    def _sweep(self, sweeper: Sweeper, pruner: Pruner) -> int:
        """Write down what dead workers of this host could not, and only then take back the rest."""
        done = replay(self._state.journals, self._write_down) + sweeper.sweep()
        pruner.prune()
        return done

    def _write_down(self, worker_id: str, results: Sequence[Result]) -> int:
        writer = Writer(self._state.database, worker_id, self._clock)
        return len(writer.commit(Batch(results=results)).finished)

    def _sign_off(self, engine: Engine) -> Summary:
        try:
            with self._state.database.write() as connection:
                Workers(self._state.models).stop(connection, self._who, self._clock.now())
                waiting = count_waiting(connection, self._state.database)
                due = Claims(self._state.models, self._who.id).peek(connection)
        except Exception as error:  # noqa: BLE001 - the end of a worker must not fail on its last word
            log.warning("The worker could not sign off: %s.", sentence(error))
            return engine.tally.summary(waiting=0, next_due=engine.next_due)
        finally:
            self._state.database.dispose()
        return engine.tally.summary(waiting=waiting, next_due=due.next())

    # -- signals to the app -------------------------------------------------------------------

    def _announce(self, events: Sequence[Event]) -> None:
        """Send signals to the app's receivers, in a thread of their own."""
        wanted = [event for event in events if _SIGNALS[event.name].receivers]
        if wanted:
            self._receivers.submit(self._send_signals, wanted)

    def _send_signals(self, events: Sequence[Event]) -> None:
        with self._state.pushed():
            for event in events:
                values: dict[str, Any] = {"server": event.server}
                if event.message is not None:
                    values["message"] = event.message
                else:
                    values["reason"] = event.reason
                signals.announce(_SIGNALS[event.name], self._state.app, **values)

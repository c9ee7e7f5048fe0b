"""One worker process: the main thread hears the bell and signals, a second runs the engine.

Nothing that happens to Redis ends the process: RQ's part is started again with growing pauses,
and while it is away the engine polls the database.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any, Final

from redis.exceptions import RedisError

from flask_smtpadmin import signals
from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.delivery.engine import Engine, Options, Parts
from flask_smtpadmin.delivery.events import Event, Summary
from flask_smtpadmin.delivery.upkeep import Premises, Upkeep, count_waiting
from flask_smtpadmin.delivery.writer import Batch, Writer
from flask_smtpadmin.state import State
from flask_smtpadmin.storage.claims import Claims
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.journal import Journal, replay
from flask_smtpadmin.storage.results import Result
from flask_smtpadmin.storage.workers import Workers
from flask_smtpadmin.worker import tasks
from flask_smtpadmin.worker.identity import own_identity
from flask_smtpadmin.worker.sweeper import Sweeper
from flask_smtpadmin.worker.worker import SMTPWorker, client

log = logging.getLogger(__name__)

#: Seconds between two tries to reach Redis: from, to.
_PAUSES: Final = (0.5, 10.0)
_SIGNALS: Final = {
    "sent": signals.message_sent,
    "retrying": signals.message_retrying,
    "dead": signals.message_dead,
    "degraded": signals.server_degraded,
    "recovered": signals.server_recovered,
}


class Supervisor:
    """Runs one worker from start to end.

    Args:
        state: the app's state.
        options: how the engine shall behave.
        name: shown on the pages; None: the host's name.
    """

    def __init__(self, state: State, options: Options, name: str | None = None) -> None:
        if state.database.in_memory:
            raise ConfigurationError(
                "An in-memory SQLite database lives in one process only: a worker cannot see it. "
                "Use a file, such as sqlite:///app.db."
            )
        self._state = state
        self._options = options
        self._who = own_identity(name)
        self._clock = Clock()
        self._redis = "down" if state.doorbell.redis_url else "none"
        self._stop = threading.Event()
        self._engine: Engine | None = None
        self._database = ThreadPoolExecutor(1, "smtpadmin-database")
        self._receivers = ThreadPoolExecutor(1, "smtpadmin-signals")

    def run(self) -> Summary:
        """Work until a signal comes, or with ``burst`` until nothing is left to do.

        Raises:
            Exception: the database cannot be used at the start.
        """
        outcome: Future[Summary] = Future()
        thread = threading.Thread(
            target=self._run_loop, args=(outcome,), name="smtpadmin-engine", daemon=True
        )
        with self._hearing_signals():
            thread.start()
            self._hear(outcome)
            thread.join()
        self._receivers.shutdown()
        self._database.shutdown()
        return outcome.result()

    # -- the main thread ----------------------------------------------------------------------

    def _hear(self, outcome: Future[Summary]) -> None:
        """Hear the bell until the engine has ended."""
        done = threading.Event()
        outcome.add_done_callback(lambda _: done.set())
        pause = _PAUSES[0]
        ends = tasks.listen(self._poke)
        while not done.is_set() and not self._stop.is_set() and self._redis != "none":
            began = time.monotonic()
            self._answer_bell(lambda: done.is_set() or self._stop.is_set())
            if time.monotonic() - began > _PAUSES[1]:
                pause = _PAUSES[0]
            done.wait(0 if self._stop.is_set() else pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            pause = min(pause * 2, _PAUSES[1])
        while not done.wait(3600):  # a wait without limit would not hear signals everywhere
            pass
        ends()

    def _answer_bell(self, stopping: Callable[[], bool]) -> None:
        """Run RQ's worker until it ends, for whatever reason."""
        name = f"smtpadmin.{self._who.id}.{secrets.token_hex(3)}"
        bell = self._state.doorbell
        try:
            connection = client(bell.redis_url)
            worker = SMTPWorker(bell.queue_name, connection, name, self._redis_answered, stopping)
            with suppress(RedisError):
                worker.work()
            connection.close()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - RQ exits for many reasons; mail flows on
            log.debug("RQ's worker ended: %s", error)
        if not stopping():
            self._redis_lost()

    def _redis_answered(self) -> None:
        if self._redis != "ok":
            log.info("The queue server answers; new mail is heard at once.")
            self._redis = "ok"
            self._poke()

    def _redis_lost(self) -> None:
        if self._redis == "ok":
            log.warning("The queue server does not answer; the worker polls the database.")
            self._poke()
        self._redis = "down"

    @contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._on_signal) for number in wanted}
        try:
            yield
        finally:
            if self._stop.is_set():  # told to end: one more SIGTERM must not spoil a good ending
                before[signal.SIGTERM] = signal.SIG_IGN
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        del number
        self.stop()

    def stop(self) -> None:
        """Ask the worker to end; a second time: not to wait for what is in flight."""
        self._stop.set()
        if self._engine is not None:
            self._engine.stop()

    def _poke(self) -> None:
        if self._engine is not None:
            self._engine.poke()

    # -- the engine's thread ------------------------------------------------------------------

    def _run_loop(self, outcome: Future[Summary]) -> None:
        loop = new_loop()
        try:
            asyncio.set_event_loop(loop)
            outcome.set_result(loop.run_until_complete(self._work()))
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            outcome.set_exception(error)
        finally:
            self._engine = None
            asyncio.set_event_loop(None)
            loop.close()

    async def _work(self) -> Summary:
        loop = asyncio.get_running_loop()
        state = self._state
        snapshot = await loop.run_in_executor(self._database, self._register)
        journal = Journal(state.journals, self._who.id)
        parts = Parts(
            snapshot=snapshot,
            writer=Writer(state.database, self._who.id, self._clock),
            journal=journal,
            executor=self._database,
            clock=self._clock,
            announce=self._announce,
            bell=lambda: self._redis == "ok",
        )
        engine = Engine(parts, self._options)
        sweeper = Sweeper(state.database, self._who, lambda: engine.fleet.policy, self._clock)
        sweep = partial(self._sweep, sweeper)
        premises = Premises(
            database=state.database,
            settings=state.settings,
            clock=self._clock,
            who=self._who,
            sweep=sweep,
            redis=lambda: self._redis,
        )
        upkeep = Upkeep(engine, premises)
        await engine.db(sweep)
        await upkeep.start()
        self._engine = engine
        if self._stop.is_set():
            engine.stop()
        log.info("Worker %s delivers mail.", self._who.id, extra={"worker": self._who.id})
        try:
            await engine.run()
        finally:
            await upkeep.stop()
            journal.close()
            summary: Summary = await engine.db(self._sign_off, engine)
        log.info("Worker %s has ended.", self._who.id, extra={"worker": self._who.id})
        return summary

    def _sweep(self, sweeper: Sweeper) -> int:
        """Write down what dead workers of this host could not, and only then take back the rest."""
        return replay(self._state.journals, self._write_down) + sweeper.sweep()

    def _write_down(self, worker_id: str, results: Sequence[Result]) -> int:
        writer = Writer(self._state.database, worker_id, self._clock)
        return len(writer.commit(Batch(results=results)).finished)

    def _register(self) -> Snapshot:
        """Be known in the database; whatever is wrong with it, or with the key, shows here."""
        snapshot = self._state.settings.snapshot()
        for problem in snapshot.problems:
            if problem.field == "encryption_keys":
                raise ConfigurationError(
                    problem.message, field=problem.field, variable=problem.variable
                )
        workers = Workers(self._state.models)
        with self._state.database.write() as connection:
            self._clock.look(connection)
            workers.register(connection, self._who, self._clock.now())
        return snapshot

    def _sign_off(self, engine: Engine) -> Summary:
        try:
            with self._state.database.write() as connection:
                Workers(self._state.models).stop(connection, self._who, self._clock.now())
                waiting = count_waiting(connection, self._state.database)
                due = Claims(self._state.models, self._who.id).peek(connection)
        except Exception as error:  # noqa: BLE001 - the end of a worker must not fail on its last word
            log.warning("The worker could not sign off: %s", error)
            return engine.tally.summary(waiting=0, next_due=engine.next_due)
        finally:
            self._state.database.dispose()
        return engine.tally.summary(waiting=waiting, next_due=due.next())

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


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop, uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop

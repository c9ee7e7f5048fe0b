"""One worker process: the main thread hears the bell and signals, a second runs the engine.

Nothing that happens to Redis ends the process: RQ's part is started again with growing pauses,
and while it is away the engine polls the database.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from redis.exceptions import RedisError

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.delivery.ending import GRACE
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.delivery.events import Summary
from flask_smtpadmin.state import State
from flask_smtpadmin.worker import tasks
from flask_smtpadmin.worker.identity import own_identity
from flask_smtpadmin.worker.shift import Shift
from flask_smtpadmin.worker.worker import SMTPWorker, client

log = logging.getLogger(__name__)

#: Seconds between two tries to reach Redis: from, to.
_PAUSES: Final = (0.5, 10.0)
#: Seconds after the grace in which a worker that was told to stop signs off.
_LAST_WORDS: Final = 3.0
#: Seconds within which another signal is the same one: sent to the group, and passed on besides.
_ECHO: Final = 1.0


class DatabaseHangs(ConfigurationError):
    """A thread waits for an answer of the database that does not come; the process cannot exit."""

    code = "database_hangs"


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
        self._redis = "down" if state.doorbell.redis_url else "none"
        self._stop = threading.Event()
        self._told = threading.Lock()
        self._told_at = math.inf
        self._shift = Shift(state, options, self._who, lambda: self._redis)

    def run(self) -> Summary:
        """Work until a signal comes, or with ``burst`` until nothing is left to do.

        Raises:
            SchemaMissing: the tables are not there.
            ConfigurationError: the key for what is stored cannot be used.
            SQLAlchemyError: with ``burst``: the database cannot be reached.
            DatabaseHangs: it was told to stop, and a thread of it waits for the database for ever.
        """
        outcome: Future[Summary] = Future()
        thread = threading.Thread(
            target=self._run_loop, args=(outcome,), name="smtpadmin-engine", daemon=True
        )
        with self._hearing_signals():
            thread.start()
            self._hear(outcome)
            thread.join()
        self._shift.close()
        return outcome.result()

    # -- the main thread ----------------------------------------------------------------------

    def _hear(self, outcome: Future[Summary]) -> None:
        """Hear the bell until the engine has ended."""
        done = threading.Event()
        outcome.add_done_callback(lambda _: done.set())
        pause = _PAUSES[0]
        ends = tasks.listen(self._shift.poke)
        while not done.is_set() and not self._stop.is_set() and self._redis != "none":
            began = time.monotonic()
            self._answer_bell(lambda: done.is_set() or self._stop.is_set())
            if time.monotonic() - began > _PAUSES[1]:
                pause = _PAUSES[0]
            done.wait(0 if self._stop.is_set() else pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            pause = min(pause * 2, _PAUSES[1])
        while not done.wait(1.0):  # a wait without limit would not hear signals everywhere
            if time.monotonic() > self._told_at + GRACE + _LAST_WORDS:
                raise DatabaseHangs(
                    "The database neither answers nor refuses to. The worker ends without it; "
                    "what servers accepted in the meantime is in its journal."
                )
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
            self._shift.poke()

    def _redis_lost(self) -> None:
        if self._redis == "ok":
            log.warning("The queue server does not answer; the worker polls the database.")
            self._shift.poke()
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
        """Stop. The echo of a signal may come in the midst of this, at any line of it."""
        del number
        first = self._told.acquire(blocking=False)
        if first or time.monotonic() > self._told_at + _ECHO:
            self.stop()

    def stop(self) -> None:
        """Ask the worker to end; a second time: not to wait for what is in flight."""
        self._told_at = min(self._told_at, time.monotonic())
        self._stop.set()
        self._shift.stop()

    def _run_loop(self, outcome: Future[Summary]) -> None:
        """Run the engine's thread."""
        loop = new_loop()
        try:
            asyncio.set_event_loop(loop)
            work = self._shift.work(stopping=self._stop.is_set)
            outcome.set_result(loop.run_until_complete(work))
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            outcome.set_exception(error)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop, uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop

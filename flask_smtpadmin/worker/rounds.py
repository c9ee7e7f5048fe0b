"""A worker's rounds: checks that somebody wants from this very host, and a look at each server.

They run in a thread of their own and on connections of their own, so that no mail waits for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final

from flask_smtpadmin.checkup import look, serve_waiting
from flask_smtpadmin.core.audit import Who
from flask_smtpadmin.core.settings import LOCAL_ENGINES, Server, Snapshot
from flask_smtpadmin.delivery.writer import sentence
from flask_smtpadmin.state import State
from flask_smtpadmin.storage.notes import as_actor
from flask_smtpadmin.storage.trail import PRUNED

log = logging.getLogger(__name__)

#: Seconds between two looks whether somebody wants a check.
ASK_EVERY: Final = 1.0
#: Seconds that a worker is at work before it looks at servers on its own.
FIRST_LOOK: Final = 60.0
_PRUNE_EVERY: Final = 3600.0
#: Seconds that a worker that stops waits for what its rounds are about.
_GRACE: Final = 2.0
_ID_LENGTH: Final = 32


class Rounds:
    """Runs checks for one worker until it is stopped.

    Args:
        state: the app's.
        worker_id: this worker.
        settings: returns the settings in force.
        now: the database's time, naive UTC.
    """

    def __init__(
        self,
        state: State,
        worker_id: str,
        settings: Callable[[], Snapshot],
        now: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._worker_id = worker_id
        self._settings = settings
        self._now = now
        self._ending = threading.Event()
        self._looked: dict[str, str] = {}
        self._look_from = time.monotonic() + FIRST_LOOK
        self._prune_at = time.monotonic() + _PRUNE_EVERY
        self._thread = ThreadPoolExecutor(1, "smtpadmin-rounds")
        self._task: asyncio.Task[None] | None = None
        self._round: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._go_round())

    async def stop(self) -> None:
        """End, and the check that is under way within a second."""
        self._ending.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._round is not None:
            await asyncio.wait([self._round], timeout=_GRACE)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _go_round(self) -> None:
        told = False
        while True:
            await asyncio.sleep(ASK_EVERY)
            try:
                loop = asyncio.get_running_loop()
                self._round = loop.run_in_executor(self._thread, self._once)
                await asyncio.shield(self._round)
                told = False
            except Exception as error:
                if not told:
                    log.warning("The worker cannot check servers: %s.", sentence(error))
                log.debug("Details", exc_info=True)
                told = True

    def _once(self) -> None:
        with as_actor(Who(origin="worker")):
            while serve_waiting(self._state, self._worker_id, self._ending.is_set):
                pass
        now = time.monotonic()
        if now >= self._look_from:
            self._look_at_servers()
        if now >= self._prune_at:
            self._prune_at = now + _PRUNE_EVERY
            self._prune()

    def _prune(self) -> None:
        """Remove what is too old: checks, and entries of the audit trail, once a day at most."""
        settings, now = self._settings(), self._now()
        days = settings["RETENTION_ACTIVITY"]
        if days is not None:
            self._state.checks.prune(now, days)
        days, oldest = settings["RETENTION_AUDIT"], self._state.trail.oldest()
        if days is None or oldest is None or now - oldest < timedelta(days=days + 1):
            return
        with as_actor(Who(origin="worker")):
            while self._state.trail.prune(now - timedelta(days=days)) == PRUNED:
                if self._ending.is_set():
                    return

    def _look_at_servers(self) -> None:
        """Look at every server once in each span of time; one worker does, whoever comes first."""
        snapshot = self._settings()
        every = snapshot["CHECK_EVERY"]
        if not every or snapshot.paused:
            return
        span = int(self._now().replace(tzinfo=UTC).timestamp() // every)
        for server in snapshot.servers.values():
            if not server.usable or server.engine in LOCAL_ENGINES:
                continue
            number = _number(server, every, span)
            if self._looked.get(server.key) != number:
                self._looked[server.key] = number
                look(
                    self._state,
                    server,
                    number,
                    place=self._worker_id,
                    ending=self._ending.is_set,
                )


def _number(server: Server, every: float, span: int) -> str:
    """Return what the look at ``server`` in one span of time is called by every worker."""
    text = f"{server.key} {server.fingerprint} {every} {span}"
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]

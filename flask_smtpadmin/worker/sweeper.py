"""The sweep: take messages back from workers that are gone, end what is too old.

A worker whose process on this very host is gone loses its messages at once. Any other must have
let its leases lapse *and* have been silent for 45 s, both seen in two sweeps at least 20 s apart
on this process' monotonic clock: one jump of a clock rescues nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.parking import Parking
from flask_smtpadmin.storage.rescue import Leases, Rescued, rescue_all
from flask_smtpadmin.storage.workers import SILENT_AFTER, Identity, KnownWorker, Workers
from flask_smtpadmin.worker.identity import is_gone

log = logging.getLogger(__name__)

#: Seconds between the two sweeps that must agree.
APART: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """A worker that looked dead: its last heartbeat, and when it was seen so."""

    beat_at: datetime | None
    seen_at: datetime
    monotonic: float


class Sweeper:
    """Sweeps for one worker process; each call runs in the database thread.

    Args:
        database: the app's database.
        who: this worker, which never rescues itself.
        policy: returns the retry settings in force.
        clock: the database's time.
        monotonic: ``time.monotonic``.
    """

    def __init__(
        self,
        database: Database,
        who: Identity,
        policy: Callable[[], Policy],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._who = who
        self._policy = policy
        self._clock = clock
        self._monotonic = monotonic
        self._workers = Workers(database.models)
        self._leases = Leases(database.models)
        self._parking = Parking(database.models)
        self._suspects: dict[str, _Suspicion] = {}

    def sweep(self) -> int:
        """Do one sweep and return how many messages are due again or ended."""
        with self._database.read() as connection:
            now = self._clock.now()
            holders = self._leases.holders(connection, now)
            known = {worker.id: worker for worker in self._workers.running(connection)}
        holders.pop(self._who.id, None)
        gone = [worker.id for worker in known.values() if self._is_gone(worker)]
        rescued = sum(self._rescue(worker, None) for worker in gone)
        others = {holder: lapsed for holder, lapsed in holders.items() if holder not in gone}
        for worker, lapsed_before in self._silent(others, known, now):
            rescued += self._rescue(worker, lapsed_before)
        self._close_gone(gone)
        return rescued + self._expire()

    def _is_gone(self, worker: KnownWorker) -> bool:
        return worker.id != self._who.id and is_gone(worker.process)

    def _silent(
        self, holders: dict[str, bool], known: dict[str, KnownWorker], now: datetime
    ) -> list[tuple[str, datetime]]:
        """Return workers seen silent twice, with the time before which a lease must have ended."""
        silent_since = now - timedelta(seconds=SILENT_AFTER)
        confirmed = []
        suspects: dict[str, _Suspicion] = {}
        for holder, lapsed in holders.items():
            worker = known.get(holder)
            if not lapsed or (worker is not None and worker.beat_at > silent_since):
                continue
            beat = worker.beat_at if worker else None
            earlier = self._suspects.get(holder)
            if earlier is None or earlier.beat_at != beat:
                earlier = _Suspicion(beat, now, self._monotonic())
            elif self._monotonic() - earlier.monotonic >= APART:
                confirmed.append((holder, earlier.seen_at))
                earlier = _Suspicion(beat, now, self._monotonic())  # for leases that ended later
            suspects[holder] = earlier
        self._suspects = suspects
        return confirmed

    def _rescue(self, worker_id: str, lapsed_before: datetime | None) -> int:
        now = self._clock.now()
        done: Rescued = rescue_all(
            self._database.write,
            lambda connection: self._leases.rescue(
                connection, worker_id, self._policy(), now, lapsed=lapsed_before
            ),
        )
        if done.count:
            log.warning(
                "Worker %s is gone: %d messages queued again, %d were being handed over.",
                worker_id,
                done.requeued,
                len(done.decided),
                extra={"worker": worker_id},
            )
        return done.count

    def _close_gone(self, gone: list[str]) -> None:
        """Write that they ended; who still holds messages is looked at again by the next sweep.

        Somebody had them locked: another rescuer perhaps, who may die before it has committed.
        """
        with self._database.write() as connection:
            now = self._clock.now()
            holders = self._leases.holders(connection, now) if gone else {}
            for worker in gone:
                if worker not in holders:
                    self._workers.mark_gone(connection, worker, now)
            self._workers.forget(connection, now)

    def _expire(self) -> int:
        with self._database.write() as connection:
            return self._parking.expire(connection, self._clock.now(), self._policy().max_age)

"""Worker processes as the database knows them: who they are and when they were last alive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.storage.models import Models

#: Seconds between two heartbeats.
BEAT_EVERY: Final = 10.0
#: A worker without a heartbeat for so many seconds may be gone.
SILENT_AFTER: Final = 45.0
_REASON_LENGTH: Final = 255
#: Rows of workers that ended so many seconds ago are removed.
_FORGET_AFTER: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, distinguishable from any other that ever had its pid.

    ``process`` holds boot id, pid namespace, pid and start time, or "" where the system does not
    tell them: such a worker is never *known* to be gone.
    """

    id: str
    name: str
    host: str
    pid: int
    process: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a heartbeat carries; ``redis`` is ``ok``, ``down`` or ``none``.

    ``stalled``: seconds for which nothing came back of what is in flight; ``journal``: why there
    is none, "" when there is one.
    """

    connections: int = 0
    in_flight: int = 0
    window: int = 0
    stalled: float = 0.0
    journal: str = ""
    sent: int = 0
    failed: int = 0
    redis: str = "none"
    fingerprints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownWorker:
    """A worker that has not said it stopped."""

    id: str
    process: str
    beat_at: datetime


class Workers:
    """The table of workers; every method runs inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._table = models.table("Worker")

    def register(self, connection: Connection, who: Identity, now: datetime) -> None:
        """Write that the process started."""
        values = {
            "id": who.id,
            "name": who.name,
            "host": who.host,
            "pid": who.pid,
            "identity": who.process,
            "version": who.version,
            "started_at": now,
            "beat_at": now,
            "window": 0,
            "stalled": 0.0,
            "journal": "",
            "fingerprints": "{}",
        }
        connection.execute(sa.insert(self._table).values(**values))

    def beat(self, connection: Connection, who: Identity, beat: Beat, now: datetime) -> None:
        """Write a heartbeat; a row that somebody removed is written anew."""
        values = {
            "beat_at": now,
            "stopped_at": None,
            "connections": beat.connections,
            "in_flight": beat.in_flight,
            "window": beat.window,
            "stalled": beat.stalled,
            "journal": beat.journal[:_REASON_LENGTH],
            "sent": beat.sent,
            "failed": beat.failed,
            "redis": beat.redis,
            "fingerprints": json.dumps(dict(beat.fingerprints), sort_keys=True),
        }
        update = sa.update(self._table).where(self._table.c.id == who.id).values(**values)
        if connection.execute(update).rowcount == 0:
            self.register(connection, who, now)

    def stop(self, connection: Connection, who: Identity, now: datetime) -> None:
        """Write that the process ended in good order."""
        update = sa.update(self._table).where(self._table.c.id == who.id)
        connection.execute(update.values(stopped_at=now, beat_at=now, in_flight=0, connections=0))

    def running(self, connection: Connection) -> list[KnownWorker]:
        """Return the workers that never said they stopped."""
        columns = self._table.c
        query = sa.select(columns.id, columns.identity, columns.beat_at)
        rows = connection.execute(query.where(columns.stopped_at.is_(None)))
        return [KnownWorker(*row) for row in rows]

    def mark_gone(self, connection: Connection, worker_id: str, now: datetime) -> None:
        """Write that a worker ended without saying so."""
        columns = self._table.c
        update = sa.update(self._table).where(columns.id == worker_id, columns.stopped_at.is_(None))
        connection.execute(update.values(stopped_at=now, in_flight=0, connections=0))

    def forget(self, connection: Connection, now: datetime) -> None:
        """Remove rows of workers that ended long ago."""
        before = now - timedelta(seconds=_FORGET_AFTER)
        connection.execute(sa.delete(self._table).where(self._table.c.stopped_at < before))

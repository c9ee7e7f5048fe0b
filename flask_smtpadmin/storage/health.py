"""The health of servers as all workers share it, one row a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.storage.models import Models

HealthState = Literal["ok", "unverified", "degraded", "open", "held"]


@dataclass(frozen=True, slots=True)
class SharedHealth:
    """What the workers know of one server; times naive UTC.

    ``open`` (out of reach) and ``held`` (it refuses us) mean: no mail before ``retry_at``, and
    then one probe by one worker. ``fingerprint`` names the settings this was seen with;
    ``count`` says how often in a row it was found so, for the next interval.
    """

    key: str
    state: HealthState
    reason: str | None = None
    retry_at: datetime | None = None
    fingerprint: str | None = None
    count: int = 0


class HealthRows:
    """Reads and writes of shared health; methods run inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._table = models.table("Server")

    def read(self, connection: Connection) -> dict[str, SharedHealth]:
        """Return the health of every server that has a row."""
        columns = self._table.c
        query = sa.select(
            columns.key,
            columns.health,
            columns.reason,
            columns.retry_at,
            columns.health_fingerprint,
            sa.func.coalesce(columns.health_count, 0),
        )
        return {row.key: SharedHealth(*row) for row in connection.execute(query)}

    def write(self, connection: Connection, health: SharedHealth, now: datetime) -> None:
        """Store a change; the row is made when there is none."""
        values: dict[str, Any] = {
            "health": health.state,
            "reason": health.reason,
            "retry_at": health.retry_at,
            "health_at": now,
            "health_fingerprint": health.fingerprint,
            "health_count": health.count,
        }
        if health.state == "ok":
            values["last_success_at"] = now
        self._upsert(connection, health.key, values, now)

    def reserve_probe(
        self, connection: Connection, key: str, fingerprint: str, now: datetime, seconds: float
    ) -> bool:
        """Try to be the one worker that probes a server whose ``retry_at`` has come.

        Health that was seen with other settings than ``fingerprint`` may be probed at once. The
        other workers see ``retry_at`` moved on by ``seconds``. A server without a row is anybody's.
        """
        columns = self._table.c
        update = sa.update(self._table).where(
            columns.key == key,
            columns.health.in_(("open", "held")),
            sa.or_(columns.retry_at <= now, columns.health_fingerprint != fingerprint),
        )
        later = now + timedelta(seconds=seconds)
        values = {"retry_at": later, "health_fingerprint": fingerprint}
        if connection.execute(update.values(**values)).rowcount == 1:
            return True
        known = sa.select(columns.key).where(columns.key == key)
        return connection.execute(known).one_or_none() is None

    def passed(self, connection: Connection, server: Server, now: datetime) -> None:
        """Note that a check of ``server`` went well: ok if nobody knew, else probed at once."""
        columns = self._table.c
        mine = sa.update(self._table).where(columns.key == server.key)
        unknown = mine.where(columns.health == "unverified")
        done = connection.execute(
            unknown.values(health="ok", health_at=now, health_fingerprint=server.fingerprint)
        )
        if done.rowcount:
            return
        lost = mine.where(columns.health.in_(("open", "held")))
        if connection.execute(lost.values(retry_at=now)).rowcount:
            return
        known = sa.select(columns.key).where(columns.key == server.key)
        if connection.execute(known).one_or_none() is None:
            values = {"health": "ok", "health_at": now, "health_fingerprint": server.fingerprint}
            self._upsert(connection, server.key, values, now)

    def _upsert(
        self, connection: Connection, key: str, values: dict[str, Any], now: datetime
    ) -> None:
        update = sa.update(self._table).where(self._table.c.key == key).values(**values)
        if connection.execute(update).rowcount:
            return
        new = {"key": key, "created_at": now, "enabled": True, "paused": False, **values}
        new.setdefault("health", "ok")
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(self._table).values(**new))
        except IntegrityError:  # another worker was quicker, or MariaDB found nothing to change
            connection.execute(update)

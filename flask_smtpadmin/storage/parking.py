"""Messages that wait for a server, for settings or for the end of a pause.

They are ``queued`` with ``waiting_for`` set and ``run_at`` NULL: no claim meets them, however
many they are. When the reason may be gone they become due again, a bounded batch at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.states import CLAIMABLE, WaitingFor
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.transitions import move

#: Messages that one transaction touches.
BATCH: Final = 500
PARKED: Final[tuple[WaitingFor, ...]] = ("server", "settings", "paused")


class Parking:
    """The parked messages of all workers; methods run inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._message = models.table("Message")

    def release(
        self,
        connection: Connection,
        reasons: Collection[WaitingFor],
        servers: Sequence[str],
        now: datetime,
        *,
        after: int = 0,
    ) -> int | None:
        """Make messages due that wait for one of ``reasons`` and may use ``servers``.

        Among them may be ``quota``: what was to be due at a later time is due now. Goes through
        the rows by id. Returns the last id looked at, to be given as ``after`` next time, or None
        when there are no more.
        """
        columns = self._message.c
        query = (
            sa.select(columns.id)
            .where(
                columns.waiting_for.in_(list(reasons)),
                sa.or_(columns.run_at.is_(None), columns.waiting_for == "quota"),
                columns.state == "queued",
                sa.or_(columns.server_key.is_(None), columns.server_key.in_(list(servers))),
                columns.id > after,
            )
            .order_by(columns.id)
            .limit(BATCH)
        )
        ids = list(connection.execute(query).scalars())
        if ids:
            update = move(self._message, "queued", now, came_from=("queued",))
            update = update.where(columns.id.in_(ids), columns.waiting_for.is_not(None))
            connection.execute(update.values(run_at=columns.due_at, waiting_for=None))
        return ids[-1] if len(ids) == BATCH else None

    def expire(self, connection: Connection, now: datetime, max_age: float) -> int:
        """End parked messages whose time ran out; return how many (at most :data:`BATCH`)."""
        columns = self._message.c
        oldest = now - timedelta(seconds=max_age)
        query = (
            sa.select(columns.id)
            .where(
                columns.waiting_for.in_(PARKED),
                columns.run_at.is_(None),
                columns.state == "queued",
                sa.or_(columns.expires_at <= now, columns.due_at <= oldest),
            )
            .limit(BATCH)
        )
        ids = list(connection.execute(query).scalars())
        if ids:
            update = move(self._message, "expired", now, came_from=CLAIMABLE)
            update = update.where(columns.id.in_(ids), columns.run_at.is_(None))
            connection.execute(update.values(waiting_for=None))
        return len(ids)

    def waiting(self, connection: Connection) -> int:
        """Count the messages that wait for something."""
        columns = self._message.c
        query: sa.Select[Any] = sa.select(sa.func.count()).where(
            columns.waiting_for.is_not(None), columns.state == "queued"
        )
        return int(connection.execute(query.select_from(self._message)).scalar_one())

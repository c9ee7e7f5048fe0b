"""Messages that wait for a server, for settings or for the end of a pause.

They are ``queued`` with ``waiting_for`` set and ``run_at`` NULL: no claim meets them, however
many they are. When the reason may be gone they become due again, a bounded batch at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.states import CLAIMABLE, WaitingFor
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.transitions import move

#: Messages that one transaction touches.
BATCH: Final = 500
_PARK: Final = 2000
PARKED: Final[tuple[WaitingFor, ...]] = ("server", "settings", "paused")


@dataclass(frozen=True, slots=True)
class Recall:
    """Make ``limit`` messages due again that wait for ``server``, by id, beginning ``after``."""

    server: str
    limit: int
    after: int


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
        return self._release(connection, self._waiting(reasons, servers, after), BATCH, now)

    def recall(self, connection: Connection, recall: Recall, now: datetime) -> int | None:
        """Make some messages due that were parked because their server was full.

        Returns the last id, or None when there are no more after it.
        """
        waiting = self._waiting({"server"}, [recall.server], recall.after)
        return self._release(connection, waiting, recall.limit, now)

    def _waiting(
        self, reasons: Collection[WaitingFor], servers: Sequence[str], after: int
    ) -> sa.Select[Any]:
        columns = self._message.c
        return sa.select(columns.id).where(
            columns.waiting_for.in_(list(reasons)),
            sa.or_(columns.run_at.is_(None), columns.waiting_for == "quota"),
            columns.state == "queued",
            sa.or_(columns.server_key.is_(None), columns.server_key.in_(list(servers))),
            columns.id > after,
        )

    def _release(
        self, connection: Connection, waiting: sa.Select[Any], limit: int, now: datetime
    ) -> int | None:
        columns = self._message.c
        ids = list(connection.execute(waiting.order_by(columns.id).limit(limit)).scalars())
        if ids:
            update = move(self._message, "queued", now, came_from=("queued",))
            update = update.where(columns.id.in_(ids), columns.waiting_for.is_not(None))
            connection.execute(update.values(run_at=columns.due_at, waiting_for=None))
        return ids[-1] if len(ids) == limit else None

    def park(self, connection: Connection, server: str, now: datetime) -> int:
        """Let mail that is due and asks for ``server`` wait for it; return how many (bounded)."""
        columns = self._message.c
        query = (
            sa.select(columns.id)
            .where(
                columns.server_key == server,
                columns.run_at <= now,
                columns.state == "queued",
            )
            .limit(_PARK)
            .with_for_update(skip_locked=True)
        )
        ids = list(connection.execute(query).scalars())
        if ids:
            update = move(self._message, "queued", now, came_from=("queued",))
            update = update.where(columns.id.in_(ids), columns.run_at.is_not(None))
            connection.execute(update.values(run_at=None, waiting_for="server"))
        return len(ids)

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

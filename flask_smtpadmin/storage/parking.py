"""Messages that wait for a server, for settings or for the end of a pause.

They are ``queued`` with ``waiting_for`` set and ``run_at`` NULL: no claim meets them, however
many they are. When the reason may be gone they become due again, a bounded batch at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.states import CLAIMABLE, WaitingFor
from flask_smtpadmin.storage.hours import Hours
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.sealed import Sealed
from flask_smtpadmin.storage.transitions import move

#: Messages that one transaction touches.
BATCH: Final = 500
_PARK: Final = 2000
#: Parked messages for each reason that one sweep looks at for their age.
LOOK: Final = 5000
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
        self._hours = Hours(models)
        self._sealed = Sealed(models)
        self._looked_at: dict[WaitingFor, int] = {}

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
    ) -> list[sa.Select[Any]]:
        """Select what waits, one way for each reason and server: each walks an index by id."""
        columns = self._message.c
        chosen = sa.select(columns.id).where(
            sa.or_(columns.run_at.is_(None), columns.waiting_for == "quota"),
            columns.state == "queued",
            columns.id > after,
        )
        asked = (columns.server_key.is_(None), *(columns.server_key == key for key in servers))
        return [
            chosen.where(columns.waiting_for == reason, server)
            for reason in sorted(reasons)
            for server in asked
        ]

    def _release(
        self, connection: Connection, ways: Sequence[sa.Select[Any]], limit: int, now: datetime
    ) -> int | None:
        columns = self._message.c
        found = [number for way in ways for number in self._first(connection, way, limit)]
        ids = sorted(found)[:limit]
        if ids:
            update = move(self._message, "queued", now, came_from=("queued",))
            update = update.where(columns.id.in_(ids), columns.waiting_for.is_not(None))
            connection.execute(update.values(run_at=columns.due_at, waiting_for=None))
        return ids[-1] if len(ids) == limit else None

    def _first(self, connection: Connection, chosen: sa.Select[Any], limit: int) -> Sequence[int]:
        query = chosen.order_by(self._message.c.id).limit(limit)
        return connection.execute(query).scalars().all()

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
        """End messages that wait and whose time ran out; return how many.

        Looks at a bounded number of them and goes on from there the next time.
        """
        columns = self._message.c
        ids = [
            number
            for reason in get_args(WaitingFor)
            for number in self._timed_out(connection, reason, now, now - timedelta(seconds=max_age))
        ]
        if ids:
            still = columns.waiting_for.is_not(None), columns.state.in_(CLAIMABLE)
            events = self._hours.ending(connection, ids, "expired", *still)
            update = move(self._message, "expired", now, came_from=CLAIMABLE)
            update = update.where(columns.id.in_(ids), columns.waiting_for.is_not(None))
            connection.execute(update.values(run_at=None, waiting_for=None))
            self._sealed.wipe(connection, ids)
            self._hours.add(connection, events, now)
        return len(ids)

    def _timed_out(
        self, connection: Connection, reason: WaitingFor, now: datetime, oldest: datetime
    ) -> list[int]:
        columns = self._message.c
        query = (
            sa.select(columns.id, columns.due_at, columns.expires_at)
            .where(columns.waiting_for == reason, columns.id > self._looked_at.get(reason, 0))
            .order_by(columns.id)
            .limit(LOOK)
        )
        rows = connection.execute(query).all()
        self._looked_at[reason] = rows[-1].id if len(rows) == LOOK else 0
        return [
            row.id
            for row in rows
            if row.due_at <= oldest or (row.expires_at is not None and row.expires_at <= now)
        ]

    def waiting(self, connection: Connection) -> int:
        """Count the messages that wait for something."""
        columns = self._message.c
        query: sa.Select[Any] = sa.select(sa.func.count()).where(
            columns.waiting_for.is_not(None), columns.state == "queued"
        )
        return int(connection.execute(query.select_from(self._message)).scalar_one())

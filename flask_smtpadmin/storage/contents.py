"""How long what sent messages say is kept: ``RETENTION_SENT``, and what a type wants instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.standing import settled

#: Messages that one step looks at.
BATCH: Final = 500
#: What was sent a moment ago may be in a transaction that nobody sees yet.
_MARGIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days contents are kept; None: for ever, 0: not at all.

    ``by_type``: for messages of these types; ``days``: for all others.
    """

    days: int | None = None
    by_type: Mapping[str, int | None] = field(default_factory=dict)

    def of(self, kind: str | None) -> int | None:
        """Return the days for messages of a type."""
        return self.by_type.get(kind, self.days) if kind is not None else self.days

    @property
    def spans(self) -> list[int]:
        """Every number of days that something is kept for."""
        return sorted({days for days in (self.days, *self.by_type.values()) if days is not None})


class Contents:
    """Removes the contents of messages that were sent long ago, a little at a time.

    It goes through what was sent in the order of time, once for each span, and remembers how far
    it came for as long as the process lives.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._message = database.models.table("Message")
        self._content = database.models.table("Content")
        self._keep = Keep()
        self._seen: dict[int, tuple[datetime, int]] = {}

    def prune(self, keep: Keep, now: datetime, *, most: int = 1) -> None:
        """Remove contents older than ``keep`` says, in ``most`` steps for each span of time."""
        if keep != self._keep:
            self._keep, self._seen = keep, {}
        for days in keep.spans:
            before = now - timedelta(days=days) - _MARGIN
            for _ in range(most):
                if not self._step(days, before):
                    break

    def _step(self, days: int, before: datetime) -> bool:
        """Look at some of what was sent until ``before``; False: that was all."""
        with self._database.read() as connection:
            rows = self._next(connection, days, before)
            numbers = [row.id for row in rows if self._keep.of(row.type) == days]
            held = sa.select(self._content.c.id).where(self._content.c.id.in_(numbers))
            found = list(connection.execute(held).scalars()) if numbers else []
        if found:
            with self._database.write() as connection:
                connection.execute(sa.delete(self._content).where(self._content.c.id.in_(found)))
        if rows:
            self._seen[days] = rows[-1].state_at, rows[-1].id
        return len(rows) == BATCH

    def _next(self, connection: Connection, days: int, before: datetime) -> Sequence[Any]:
        columns = self._message.c
        query = sa.select(columns.id, columns.type, columns.state_at).where(
            columns.state == "sent", *settled(self._message), columns.state_at <= before
        )
        if days in self._seen:
            moment, number = self._seen[days]
            later = sa.or_(columns.state_at > moment, columns.id > number)
            query = query.where(columns.state_at >= moment, later)
        query = query.order_by(columns.state_at, columns.id).limit(BATCH)
        return connection.execute(query).all()

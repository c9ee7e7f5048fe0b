"""Messages that ended so long ago that something of them is kept no longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from flask_smtpadmin.core.retention import Days, Keep
from flask_smtpadmin.core.states import State
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.standing import settled

#: Messages that one step looks at.
BATCH: Final = 500
#: What ended a moment ago may be in a transaction that nobody sees yet.
_MARGIN: Final = timedelta(seconds=60)
_Span: TypeAlias = tuple[State, int]


class Ended:
    """Goes through what ended long ago, a little at a time.

    Each state in the order of time, once for each number of days; how far it came it remembers
    for as long as the process lives.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._message = database.models.table("Message")
        self._keep = Keep()
        self._seen: dict[_Span, tuple[datetime, int]] = {}

    def walk(
        self, keep: Keep, days: Days, now: datetime, most: int
    ) -> Iterator[tuple[State, list[int]]]:
        """Yield a state and the next messages that are in it for longer than ``days`` says.

        Args:
            keep: what the settings say; once it changes, all are gone through again.
            days: a method of ``keep``.
            now: naive UTC.
            most: how often, for each state and number of days.
        """
        if keep != self._keep:
            self._keep, self._seen = keep, {}
        for span in keep.spans(days):
            for _ in range(most):
                rows = self._next(span, now)
                if numbers := [row.id for row in rows if days(span[0], row.type) == span[1]]:
                    yield span[0], numbers
                if rows:
                    self._seen[span] = rows[-1].state_at, rows[-1].id
                if len(rows) < BATCH:
                    break

    def _next(self, span: _Span, now: datetime) -> Sequence[Any]:
        state, days = span
        columns = self._message.c
        query = sa.select(columns.id, columns.type, columns.state_at).where(
            columns.state == state,
            *settled(self._message),
            columns.state_at <= now - timedelta(days=days) - _MARGIN,
        )
        if span in self._seen:
            moment, number = self._seen[span]
            later = sa.or_(columns.state_at > moment, columns.id > number)
            query = query.where(columns.state_at >= moment, later)
        query = query.order_by(columns.state_at, columns.id).limit(BATCH)
        with self._database.read() as connection:
            return connection.execute(query).all()

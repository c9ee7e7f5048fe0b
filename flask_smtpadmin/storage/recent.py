"""What ended in the last 24 hours: by the messages themselves, or by the hours when it is much.

Few messages are counted one by one. Of many, those that entered a state in whole hours are known
from what was counted as they did; only those of the part of an hour at the beginning are looked
at. Both give the same number, which is that of the list that a figure leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.history import Count, standing
from flask_smtpadmin.core.states import FAILED, State
from flask_smtpadmin.storage.hours import Hours, begin_of, hour_of
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.standing import settled

#: Failures of each state that are looked at one by one.
_FAILURES: Final = 500
#: Sent ones.
_SENT: Final = 2000
#: State, cause, how many, and when the newest ended (aware UTC) where that is known.
Part: TypeAlias = tuple[State, str, int, datetime | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many messages are looked at one by one before the hours are asked; tests lower it."""

    sent: int = _SENT
    failed: int = _FAILURES


class Recent:
    """Counts what ended since a time; every method reads inside the caller's connection."""

    def __init__(self, models: Models, bounds: Bounds | None = None) -> None:
        self._message = models.table("Message")
        self._hours = Hours(models)
        self.bounds = bounds or Bounds()

    def sent(self, connection: Connection, since: datetime) -> int:
        """Return how many were accepted since then (naive UTC)."""
        columns, most = self._message.c, self.bounds.sent
        some = sa.select(columns.id).where(*self._ended("sent", since)).limit(most + 1)
        count = connection.execute(sa.select(sa.func.count()).select_from(some.subquery()))
        found = int(count.scalar_one())
        if found <= most:
            return found
        return max(found, self._by_hours(connection, since, ("sent",)).get(("sent", ""), 0))

    def failures(self, connection: Connection, since: datetime) -> list[Part]:
        """Return what failed since then, by state and cause."""
        parts = self._newest(connection, since)
        totals = {state: sum(n for s, _, n, _ in parts if s == state) for state in FAILED}
        many = [state for state in FAILED if totals[state] > self.bounds.failed]
        if not many:
            return parts
        counted = self._by_hours(connection, since, many)
        known = {(state, cause): (n, at) for state, cause, n, at in parts}
        for (state, cause), n in counted.items():
            seen, at = known.get((state, cause), (0, None))
            known[state, cause] = (max(seen, n), at)
        return [(state, cause, n, at) for (state, cause), (n, at) in known.items()]

    def _newest(self, connection: Connection, since: datetime) -> list[Part]:
        """Group the newest failures of each state; one more than the bound says "many"."""
        columns = self._message.c
        ways = []
        for state in FAILED:
            query = sa.select(columns.state, columns.cause, columns.state_at)
            query = query.where(*self._ended(state, since)).order_by(columns.state_at.desc())
            ways.append(sa.select(query.limit(self.bounds.failed + 1).subquery()))
        found = sa.union_all(*ways).subquery().c
        what = (found.state, sa.func.coalesce(found.cause, "").label("why"))
        query = sa.select(*what, sa.func.count(), sa.func.max(found.state_at)).group_by(*what)
        rows: Any = connection.execute(query)
        return [(row[0], row[1], row[2], row[3].replace(tzinfo=UTC)) for row in rows]

    def _by_hours(
        self, connection: Connection, since: datetime, states: Sequence[State]
    ) -> dict[tuple[State, str], int]:
        """Return by state and cause: whole hours as counted, the part of an hour by messages."""
        whole = hour_of(since) + 1
        counts: list[Count] = self._hours.since(connection, whole)
        columns = self._message.c
        cause = sa.func.coalesce(columns.cause, "").label("why")
        for state in states:
            name = sa.literal("").label("why") if state == "sent" else cause
            query = sa.select(name, sa.func.count())
            query = query.where(*self._ended(state, since), columns.state_at < begin_of(whole))
            query = query.group_by(name) if state != "sent" else query.group_by(columns.state)
            counts += [(whole - 1, state, row[0], row[1]) for row in connection.execute(query)]
        return {key: n for key, n in standing(counts).items() if key[0] in states}

    def _ended(self, state: State, since: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        columns: Any = self._message.c
        return columns.state == state, columns.state_at >= since, *settled(self._message)

"""What happened, by the hour: written in the transaction that lets it happen.

A count is therefore right whatever crashes, and a commit that is repeated counts nothing twice:
only rows that it moves are counted. States that messages *entered* are events and stay. Where
somebody takes a message out of such a state again (retry, delete, mark as sent), ``-state`` is
counted in the hour in which it had entered: the difference is what the list of messages shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect

from flask_smtpadmin.core.retry import Decision
from flask_smtpadmin.core.states import FAILED, STATES, State
from flask_smtpadmin.storage.models import Models

#: (kind, name): what is counted.
Event: TypeAlias = tuple[str, str]
#: States after which nothing more happens and that are counted.
COUNTED: Final = ("sent", *FAILED)
REFUSED: Final = "refused"
#: Days that are kept, and hours that stay apart; then they become one row a day.
DAYS: Final = 31
APART: Final = 50
_DAY: Final = 24
#: Rows that one call of ``fold`` takes.
_FOLD: Final = 2000
_LONGEST: Final = 255


def hour_of(moment: datetime) -> int:
    """Return the hour (since 1970) of a naive UTC time."""
    return int(moment.replace(tzinfo=UTC).timestamp()) // 3600


def begin_of(hour: int) -> datetime:
    """Return when an hour began: naive UTC."""
    return datetime.fromtimestamp(hour * 3600, UTC).replace(tzinfo=None)


def events_of(decision: Decision, phase: str = "") -> Counter[Event]:
    """Return what is counted of a try that got as far as ``phase``: its end, refusals at RCPT."""
    found: Counter[Event] = Counter()
    if decision.state in COUNTED:
        found[decision.state, "" if decision.state == "sent" else decision.cause or ""] += 1
    at_rcpt = decision.outcome == "partial" or phase == "recipient"
    for end in decision.recipients if at_rcpt else ():
        if end.state == "refused":
            found[REFUSED, end.address.rpartition("@")[2].lower()] += 1
    return found


class Hours:
    """Counts events; every method runs inside the caller's transaction.

    Args:
        models: the mapped tables.
        place: the worker that counts; "" for anybody else.
    """

    def __init__(self, models: Models, place: str = "") -> None:
        self._table = models.table("Hour")
        self._message = models.table("Message")
        self._place = place
        self._upserts: dict[str, tuple[str, tuple[str, ...] | None]] = {}

    def add(self, connection: Connection, events: Mapping[Event, int], now: datetime) -> None:
        """Count what happens now (naive UTC)."""
        hour = hour_of(now)
        self.add_at(connection, {(hour, *event): n for event, n in events.items() if n})

    def add_at(self, connection: Connection, counts: Mapping[tuple[int, str, str], int]) -> None:
        """Count by hour, kind and name; in one order, so that no two ever wait for each other."""
        rows = [
            {"hour": hour, "place": self._place, "kind": kind, "name": name[:_LONGEST], "n": n}
            for (hour, kind, name), n in sorted(counts.items())
        ]
        if not rows:
            return
        sql, order = self._upsert(connection.dialect)
        if not sql:
            self._one_by_one(connection, rows)
        else:
            given = [row if order is None else tuple(row[name] for name in order) for row in rows]
            parameters: Any = given if len(given) > 1 else given[0]  # one alone is quicker so
            connection.exec_driver_sql(sql, parameters)

    def left(
        self,
        connection: Connection,
        ids: Collection[int],
        now: datetime,
        states: Collection[State] = STATES,
    ) -> Counter[Any]:
        """Lock those of ``ids`` in ``states`` that are counted; return what their leaving counts.

        To be given to :meth:`add_at` in the same transaction. What is older than any figure that
        goes by the messages themselves is left out.
        """
        columns = self._message.c
        query = (
            sa.select(columns.state, columns.cause, columns.state_at)
            .where(columns.id.in_(ids), columns.state.in_(set(COUNTED).intersection(states)))
            .where(columns.state_at >= now - timedelta(hours=APART))
            .with_for_update()
        )
        rows = connection.execute(query) if ids else ()
        return Counter(
            (hour_of(row.state_at), f"-{row.state}", _name(row.state, row.cause)) for row in rows
        )

    def ending(
        self, connection: Connection, ids: Collection[int], state: str, *still: Any
    ) -> Counter[Event]:
        """Lock those of ``ids`` that are ``still`` so, and return what counts as they enter."""
        columns = self._message.c
        query = sa.select(columns.cause).where(columns.id.in_(ids), *still).with_for_update()
        causes = connection.execute(query).scalars() if ids else ()
        return Counter((state, cause or "") for cause in causes)

    def since(self, connection: Connection, hour: int) -> list[tuple[int, str, str, int]]:
        """Return (hour, kind, name, n) from ``hour`` on, all places together."""
        columns = self._table.c
        what = (columns.hour, columns.kind, columns.name)
        query = sa.select(*what, sa.func.sum(columns.n)).where(columns.hour >= hour).group_by(*what)
        return [(row[0], row[1], row[2], int(row[3])) for row in connection.execute(query)]

    def fold(self, connection: Connection, now: datetime) -> int:
        """Forget what is too old and add up the hours of days gone by; return how many rows.

        Days begin at midnight UTC. Corrections and domains are of use for a day only.
        """
        columns, hour = self._table.c, hour_of(now)
        connection.execute(sa.delete(self._table).where(columns.hour < hour - DAYS * _DAY))
        old = columns.hour < (hour - APART) // _DAY * _DAY
        apart = sa.or_(columns.place != "", columns.hour % _DAY != 0, columns.kind.not_in(COUNTED))
        query = sa.select(self._table).where(old, apart).limit(_FOLD).with_for_update()
        rows = connection.execute(query).all()
        for row in rows:
            connection.execute(sa.delete(self._table).where(*_this(self._table, row)))
        days: Counter[tuple[int, str, str]] = Counter()
        for row in rows:
            if row.kind in COUNTED:
                name = "" if row.kind == "sent" else row.name
                days[row.hour // _DAY * _DAY, row.kind, name] += row.n
        self.add_at(connection, days)
        return len(rows)

    def _upsert(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
        """Return SQL that adds to a row or makes it, and the order of its parameters; or ""."""
        known = self._upserts.get(dialect.name)
        if known is None:
            statement = _upsert(self._table, dialect.name)
            made = None if statement is None else statement.compile(dialect=dialect)
            order = made and made.positiontup and tuple(made.positiontup)
            known = self._upserts[dialect.name] = (str(made or ""), order or None)
        return known

    def _one_by_one(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Do it on a database that knows no upsert of ours: no place but "" has two writers."""
        for row in rows:
            more = sa.update(self._table).where(*_this(self._table, list(row.values())))
            added = connection.execute(more.values(n=self._table.c.n + row["n"])).rowcount
            if not added:
                connection.execute(sa.insert(self._table).values(row))


def _name(state: str, cause: str | None) -> str:
    return "" if state == "sent" else cause or ""


def _this(table: sa.Table, row: Sequence[Any]) -> list[sa.ColumnElement[bool]]:
    """Return the condition for one row, its values in the order of the columns."""
    pairs = zip(table.c, row, strict=True)
    return [column == value for column, value in pairs if column.primary_key]


def counting(table: sa.Table, rows: sa.Select[Any]) -> Any:
    """Return PostgreSQL's statement that counts what ``rows`` selects for all columns."""
    insert = postgresql.insert(table).from_select([column.name for column in table.c], rows)
    return _or_add(table, insert)


def _upsert(table: sa.Table, dialect: str) -> Any:
    values = {column.name: sa.bindparam(column.name, type_=column.type) for column in table.c}
    if dialect in {"mysql", "mariadb"}:
        add = mysql.insert(table).values(values)
        return add.on_duplicate_key_update(n=table.c.n + add.inserted.n)
    makes: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
    return _or_add(table, makes[dialect](table).values(values)) if dialect in makes else None


def _or_add(table: sa.Table, insert: Any) -> Any:
    """Return ``insert`` that adds to the row which is there already."""
    keys = [column.name for column in table.primary_key.columns]
    more = {"n": table.c.n + insert.excluded.n}
    return insert.on_conflict_do_update(index_elements=keys, set_=more)

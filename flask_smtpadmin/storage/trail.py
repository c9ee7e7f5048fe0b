"""Reading the audit trail: pages, exports, the proof that it is whole; and its end by age."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.audit import Entry, Mark, Sealed
from flask_smtpadmin.core.audit_chain import Reading, Verdict
from flask_smtpadmin.core.audit_search import AuditPage, Sought
from flask_smtpadmin.storage.audit import Audit
from flask_smtpadmin.storage.audit_marks import ANCHOR, HEAD, Marks
from flask_smtpadmin.storage.database import Database

PER_PAGE: Final = 50
#: Entries read at a time.
_CHUNK: Final = 1000
#: Entries removed in one transaction.
PRUNED: Final = 5000
_TRIES: Final = 3


class Trail:
    """Reads the trail that an :class:`~flask_smtpadmin.storage.audit.Audit` writes.

    Args:
        database: connections of our own.
        audit: writes that old entries were removed, and has the keys.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._table = database.models.table("Audit")
        self._marks = Marks(database.models)

    def page(
        self, sought: Sought, cursor: str | None = None, per_page: int = PER_PAGE
    ) -> AuditPage:
        """Return one page, newest first; a cursor that makes no sense gives the first page."""
        table = self._table
        back, number = _read_cursor(cursor)
        query = sa.select(table).where(*self._conditions(sought)).limit(per_page + 1)
        if number is not None:
            query = query.where(table.c.number > number if back else table.c.number < number)
        query = query.order_by(table.c.number if back else table.c.number.desc())
        with self._database.read() as connection:
            found = [_entry(row) for row in connection.execute(query)]
        more, found = len(found) > per_page, found[:per_page]
        if back:
            found.reverse()
        older, newer = more or back, number is not None and (more or not back)
        return AuditPage(
            tuple(found),
            next=f"older-{found[-1].number}" if found and older else None,
            previous=f"newer-{found[0].number}" if found and newer else None,
        )

    def of(self, sought: Sought) -> Iterator[Entry]:
        """Return all entries that are meant, newest first, while they are read."""
        table, last = self._table, None
        query = sa.select(table).where(*self._conditions(sought)).limit(_CHUNK)
        query = query.order_by(table.c.number.desc())
        while True:
            part = query if last is None else query.where(table.c.number < last)
            with self._database.read() as connection:
                rows = connection.execute(part).all()
            for row in rows:
                last = row.number
                yield _entry(row)
            if len(rows) < _CHUNK:
                return

    def verify(self, known: str = "") -> Verdict:
        """Read the whole trail and say whether it is as it was written.

        Args:
            known: the digest that an earlier call returned as ``head``; "": none is at hand.
        """
        for _ in range(_TRIES):
            with self._database.read() as connection:
                anchor = self._marks.get(connection, ANCHOR)
                verdict = self._read(connection, Reading(self._audit.keys(), anchor, known))
            with self._database.read() as connection:
                if self._marks.get(connection, ANCHOR) == anchor:
                    break  # else old entries were removed meanwhile
        return verdict

    def prune(self, before: datetime) -> int:
        """Remove entries of before this time (naive UTC), and note it; return how many.

        The last one that goes becomes the anchor: the chain begins after it from then on.
        """
        table = self._table
        query = sa.select(table.c.number, table.c.digest, table.c.at).order_by(table.c.number)
        with self._database.write() as connection:
            self._marks.lock(connection)
            rows = connection.execute(query.limit(PRUNED)).all()
            old = list(takewhile(lambda row: row.at < before, rows))
            if not old:
                return 0
            last = old[-1]
            anchor = self._audit.keys().mark("anchor", last.number, last.digest)
            self._marks.put(connection, ANCHOR, anchor)
            gone = connection.execute(sa.delete(table).where(table.c.number <= last.number))
            told = {"removed": gone.rowcount, "until": last.at.isoformat(" ", "seconds")}
            self._audit.note(connection, "audit.prune", "audit", told)
            return gone.rowcount

    def oldest(self) -> datetime | None:
        """Return the time of the oldest entry, naive UTC."""
        query = sa.select(self._table.c.at).order_by(self._table.c.number).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def _read(self, connection: Connection, reading: Reading) -> Verdict:
        """Go along the chain; who adds an entry meanwhile moves the head after it."""
        at, size = -1, _CHUNK
        while reading.broken is None:
            try:
                rows = self._rows(connection, at, size)
            except (ValueError, TypeError):  # SQLite holds anything: find the row that is to blame
                if size == 1:
                    reading.unreadable()
                size = 1
                continue
            for row in rows:
                at = row.number
                if not reading.read(_sealed(row)):
                    break
            if not rows:
                head: Mark | None = self._marks.get(connection, HEAD)
                if head is None or head.number <= at or not self._rows(connection, at, 1):
                    return reading.close(head)
        return reading.close(None)

    def _rows(self, connection: Connection, after: int, most: int) -> Sequence[Row[Any]]:
        connection.rollback()  # see what was written meanwhile
        table = self._table
        query = sa.select(table).where(table.c.number > after).order_by(table.c.number)
        return connection.execute(query.limit(most)).all()

    def _conditions(self, sought: Sought) -> list[sa.ColumnElement[bool]]:
        table = self._table.c
        if "\0" in f"{sought.actor}{sought.action}{sought.object}":  # PostgreSQL refuses it
            return [sa.false()]
        found: list[sa.ColumnElement[bool]] = []
        if sought.actor:
            found.append(sa.func.lower(table.actor) == sought.actor.lower())
        if sought.action:
            found.append(_is_or_below(table.action, sought.action, "."))
        if sought.object:
            found.append(_is_or_below(table.object, sought.object, ":"))
        if sought.begins is not None:
            found.append(table.at >= sought.begins)
        if sought.ends is not None:
            found.append(table.at < sought.ends)
        return found


def _is_or_below(column: sa.Column[str], name: str, mark: str) -> sa.ColumnElement[bool]:
    if mark in name:
        return column == name
    return sa.or_(column == name, column.startswith(name + mark, autoescape=True))


def _read_cursor(cursor: str | None) -> tuple[bool, int | None]:
    way, _, number = (cursor or "").partition("-")
    if way not in {"older", "newer"} or not number.isdecimal() or len(number) > 18:  # noqa: PLR2004 - as many digits as a column holds
        return False, None
    return way == "newer", int(number)


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        actor=row.actor,
        origin=row.origin,
        source=row.source,
        action=row.action,
        object=row.object,
        text=row.details,
    )


def _sealed(row: Row[Any]) -> Sealed:
    return Sealed(_entry(row), row.digest, row.signature)

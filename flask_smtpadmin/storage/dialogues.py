"""What was said with mail servers: written by workers, read by day and by session, removed by age.

A session is many rows, for it is written while it goes on. Its first row of each day is marked,
so that a list of sessions reads one row of each and adds up only those it shows.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.dialogues import Dialogue, PartPage, SessionPage, SessionRow, Wanted
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.models import Models

PER_PAGE: Final = 50
#: Parts of a session that one page shows.
PARTS: Final = 10
#: Parts that a download reads at a time: it may take long, and must not hold a transaction.
_PIECE: Final = 50
_SESSION: Final = re.compile(r"[0-9a-f]{16}")
_LEVEL: Final = 1
#: Rows that one transaction removes at most.
_PRUNED_AT_ONCE: Final = 500

_Cursor = tuple[datetime, int]


class DialogueRows:
    """Writes and removes rows; every method runs inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._table = models.table("Dialogue")

    def write(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert what :func:`row_of` made; at least one."""
        connection.execute(sa.insert(self._table), rows)

    def prune(self, connection: Connection, before: datetime) -> bool:
        """Remove some of the parts that began before that; say whether there may be more."""
        columns = self._table.c
        old = sa.select(columns.id).where(columns.began_at < before).limit(_PRUNED_AT_ONCE)
        numbers = list(connection.execute(old.order_by(columns.began_at)).scalars())
        if numbers:
            connection.execute(sa.delete(self._table).where(columns.id.in_(numbers)))
        return len(numbers) == _PRUNED_AT_ONCE


class Dialogues:
    """Reads what was recorded, in transactions of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = database.models.table("Dialogue")

    @property
    def in_memory(self) -> bool:
        """Whether there is one connection only."""
        return self._database.in_memory

    def write(self, dialogues: Sequence[Dialogue]) -> None:
        """Insert parts in one transaction."""
        with self._database.write() as connection:
            rows = [row_of(one) for one in dialogues]
            DialogueRows(self._database.models).write(connection, rows)

    def days(self, limit: int = 31) -> list[date]:
        """Return the last days (UTC) on which something was said, newest first."""
        found: list[date] = []
        with self._database.read() as connection:
            before: datetime | None = None
            while len(found) < limit and (day := self._last(connection, before)) is not None:
                found.append(day)
                before = _begin(day)
        return found

    def beside(self, day: date) -> tuple[date | None, date | None]:
        """Return the days before and after ``day`` on which something was said, or None."""
        began = self._table.c.began_at
        following = sa.select(sa.func.min(began)).where(began >= _begin(day + timedelta(1)))
        with self._database.read() as connection:
            earlier = self._last(connection, _begin(day))
            later: datetime | None = connection.execute(following).scalar_one()
        return earlier, later.date() if later else None

    def page(
        self, wanted: Wanted, cursor: str | None = None, per_page: int = PER_PAGE
    ) -> SessionPage:
        """Return a page of the sessions of one day, newest first."""
        columns = self._table.c
        back, place = _read_cursor(cursor)
        at = sa.tuple_(columns.began_at, columns.id)
        query = sa.select(columns.began_at, columns.id, columns.session).where(
            columns.opens_day.is_(sa.true()), *self._of_day(wanted)
        )
        if wanted.failures:
            query = query.where(columns.session.in_(self._failed(wanted)))
        if place is not None:
            query = query.where(at > place if back else at < place)
        order = (columns.began_at, columns.id)
        query = query.order_by(*(order if back else [one.desc() for one in order]))
        with self._database.read() as connection:
            rows = list(connection.execute(query.limit(per_page + 1)))
            more, rows = len(rows) > per_page, rows[:per_page]
            rows = rows[::-1] if back else rows
            sessions = self._sessions(connection, wanted.day, [row.session for row in rows])
        older, newer = more or back, place is not None and (more or not back)
        return SessionPage(
            tuple(sessions),
            next=_cursor("older", rows[-1]) if rows and older else None,
            previous=_cursor("newer", rows[0]) if rows and newer else None,
        )

    def parts(
        self,
        session: str,
        *,
        at: datetime | None = None,
        after: int | None = None,
        before: int | None = None,
        failures: bool = False,
    ) -> PartPage:
        """Return a page of a session: its beginning, or from ``at`` on (naive UTC), or by ids.

        With ``failures`` only the parts in which something failed.
        Raises NotFound for a session of which nothing is kept.
        """
        if not _SESSION.fullmatch(session):
            raise NotFound("session", session[:40])
        columns = self._table.c
        meant = [columns.session == session]
        if failures:
            meant.append(columns.failures > 0)
        query = sa.select(self._table).where(*meant)
        with self._database.read() as connection:
            if before is not None:
                query = query.where(columns.id < before).order_by(columns.id.desc())
            else:
                place = after if after is not None else self._before(connection, meant, at)
                query = query.where(columns.id > place).order_by(columns.id)
            rows = sorted(connection.execute(query.limit(PARTS)), key=lambda row: row.id)
            ends = sa.select(sa.func.min(columns.id), sa.func.max(columns.id)).where(*meant)
            lowest, highest = connection.execute(ends).one()
        if not rows:
            raise NotFound("session", session)
        return PartPage(
            tuple(map(_dialogue, rows)),
            before=rows[0].id if rows[0].id > lowest else None,
            after=rows[-1].id if rows[-1].id < highest else None,
        )

    def _before(
        self,
        connection: Connection,
        meant: Sequence[sa.ColumnElement[bool]],
        at: datetime | None,
    ) -> int:
        """Return the id before that of the part in which ``at`` is."""
        if at is None:
            return 0
        columns = self._table.c
        found = sa.select(sa.func.max(columns.id)).where(*meant, columns.began_at <= at)
        return (connection.execute(found).scalar_one() or 1) - 1

    def of_day(self, wanted: Wanted) -> Iterator[Dialogue]:
        """Yield every part of a day in the order of time, read a few at a time.

        With ``failures`` only the parts in which something failed.
        """
        columns = self._table.c
        at = sa.tuple_(columns.began_at, columns.id)
        query = sa.select(self._table).where(*self._of_day(wanted))
        if wanted.failures:
            query = query.where(columns.failures > 0)
        query = query.order_by(columns.began_at, columns.id).limit(_PIECE)
        place: _Cursor | None = None
        while True:
            piece = query if place is None else query.where(at > place)
            with self._database.read() as connection:
                rows = list(connection.execute(piece))
            yield from map(_dialogue, rows)
            if len(rows) < _PIECE:
                return
            place = rows[-1].began_at, rows[-1].id

    def _last(self, connection: Connection, before: datetime | None) -> date | None:
        began = self._table.c.began_at
        query = sa.select(sa.func.max(began))
        found: datetime | None = connection.execute(
            query if before is None else query.where(began < before)
        ).scalar_one()
        return found.date() if found else None

    def _of_day(self, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
        columns, begin = self._table.c, _begin(wanted.day)
        found = [columns.began_at >= begin, columns.began_at < begin + timedelta(1)]
        if wanted.server is not None:
            found.append(
                sa.false() if "\0" in wanted.server else columns.server_key == wanted.server
            )
        return found

    def _failed(self, wanted: Wanted) -> sa.Select[Any]:
        columns, begin = self._table.c, _begin(wanted.day)
        return sa.select(columns.session).where(
            columns.began_at >= begin,
            columns.began_at < begin + timedelta(1),
            columns.failures > 0,
        )

    def _sessions(
        self, connection: Connection, day: date, sessions: Sequence[str]
    ) -> Iterator[SessionRow]:
        """Return the rows of sessions, each added up from its parts of the day."""
        columns, begin = self._table.c, _begin(day)
        alike = ("server_key", "origin", "worker_id", "address", "tls")
        query = (
            sa.select(
                columns.session,
                sa.func.min(columns.began_at).label("began_at"),
                sa.func.max(columns.ended_at).label("ended_at"),
                sa.func.sum(columns.messages).label("messages"),
                sa.func.sum(columns.failures).label("failures"),
                *(sa.func.max(columns[name]).label(name) for name in alike),
            )
            .where(
                columns.session.in_(sessions),
                columns.began_at >= begin,
                columns.began_at < begin + timedelta(1),
            )
            .group_by(columns.session)
        )
        found = {row.session: _session(row) for row in connection.execute(query)}
        return iter([found[session] for session in sessions if session in found])


def _begin(day: date) -> datetime:
    return datetime.combine(day, time())


def row_of(one: Dialogue) -> dict[str, Any]:
    """Return a part as the table holds it."""
    values = asdict(one)
    values["text"] = zlib.compress(values.pop("packed"), _LEVEL)
    values["server_key"] = values.pop("server")
    del values["id"]
    return values


def _dialogue(row: Row[Any]) -> Dialogue:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
    packed = zlib.decompress(values.pop("text"))
    return Dialogue(server=values.pop("server_key"), packed=packed, **values)


def _session(row: Row[Any]) -> SessionRow:
    return SessionRow(
        session=row.session,
        began_at=row.began_at.replace(tzinfo=UTC),
        ended_at=row.ended_at.replace(tzinfo=UTC),
        server=row.server_key,
        origin=row.origin,
        worker_id=row.worker_id,
        address=row.address,
        tls=row.tls,
        messages=int(row.messages),
        failures=int(row.failures),
    )


def _cursor(direction: str, row: Any) -> str:
    text = f"{direction}|{row.began_at.isoformat()}|{row.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[bool, _Cursor | None]:
    """Return (backwards, place); a cursor that somebody made up counts as none."""
    try:
        padded = (cursor or "") + "=" * (-len(cursor or "") % 4)
        direction, began, number = base64.urlsafe_b64decode(padded).decode().split("|")
        place = datetime.fromisoformat(began).replace(tzinfo=None), int(number)
    except (ValueError, binascii.Error):
        return False, None
    return direction == "newer", place if 0 <= place[1] <= LARGEST_ID else None

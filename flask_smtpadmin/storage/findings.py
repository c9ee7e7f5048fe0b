"""The last result of each check of a domain's DNS: pages show it and ask nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from flask_smtpadmin.core.deliverability.findings import Report, read_report
from flask_smtpadmin.core.words import kept, told
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.notes import Note, unkept

#: Results that are kept and shown; when there are more, the oldest go.
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """A report with its age: ``checked_at`` is naive UTC."""

    report: Report
    checked_at: datetime


class Findings:
    """The kept results of one app.

    Args:
        database: connections of our own.
        note: keeps the audit trail.
    """

    def __init__(self, database: Database, *, note: Note = unkept) -> None:
        self._database = database
        self._note = note
        self._table = database.models.table("Finding")

    def all(self) -> tuple[Kept, ...]:
        """Return what is kept, by domain and server; what cannot be read is left out."""
        table = self._table
        query = (
            sa.select(table.c.report, table.c.checked_at)
            .order_by(table.c.domain, table.c.server_key)
            .limit(MOST)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return tuple(kept for text, moment in rows if (kept := _kept(text, moment)))

    def save(self, reports: Iterable[Report], *, actor: str | None = None) -> None:
        """Keep ``reports`` in the place of earlier ones on the same domain and server."""
        for report in reports:
            row = {
                "selector": report.selector,
                "checked_at": utcnow(),
                "checked_by": actor,
                "report": json.dumps(kept(report.document())),
            }
            try:
                self._put(report, row)
            except IntegrityError:  # another process kept one in this moment: ours is as new
                self._put(report, row)
        self._drop_oldest()

    def forget(self, domain: str, server: str) -> bool:
        """Remove the result on a domain and server; say whether there was one."""
        with self._database.write() as connection:
            done = connection.execute(sa.delete(self._table).where(*self._is(domain, server)))
            if done.rowcount:
                self._note(connection, "domain.forget", f"domain:{domain}", {"server": server})
            return bool(done.rowcount)

    def _put(self, report: Report, row: dict[str, Any]) -> None:
        with self._database.write() as connection:
            where = self._is(report.domain, report.server)
            done = connection.execute(sa.update(self._table).where(*where).values(row))
            if done.rowcount == 0:
                names = {"domain": report.domain, "server_key": report.server}
                connection.execute(sa.insert(self._table).values(**names, **row))
            told = {"server": report.server, "selector": report.selector}
            who = row["checked_by"]
            self._note(connection, "domain.check", f"domain:{report.domain}", told, actor=who)

    def _is(self, domain: str, server: str) -> tuple[sa.ColumnElement[bool], ...]:
        return self._table.c.domain == domain, self._table.c.server_key == server

    def _drop_oldest(self) -> None:
        with self._database.write() as connection:
            for domain, server in self._too_many(connection):
                connection.execute(sa.delete(self._table).where(*self._is(domain, server)))

    def _too_many(self, connection: Connection) -> list[tuple[str, str]]:
        table = self._table
        query = (
            sa.select(table.c.domain, table.c.server_key)
            .order_by(table.c.checked_at.desc(), table.c.domain, table.c.server_key)
            .offset(MOST)
            .limit(MOST)
        )
        return [(domain, server) for domain, server in connection.execute(query)]


def _kept(text: str, moment: datetime) -> Kept | None:
    try:
        return Kept(read_report(told(json.loads(text))), moment)
    except ValueError:  # of another version
        return None

"""Checks of servers as rows: asked for in one process, perhaps run in another, read in any."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from flask_smtpadmin.core.audit import Keyring
from flask_smtpadmin.core.audit_details import recipient
from flask_smtpadmin.core.check import (
    SCENARIOS,
    SILENT_SECONDS,
    Check,
    CheckState,
    Kind,
    Standing,
    Wish,
)
from flask_smtpadmin.core.masks import mask
from flask_smtpadmin.core.report import Report
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.words import kept, told
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.health import HealthRows
from flask_smtpadmin.storage.notes import Note, unkept

_UNDER_WAY: Final = ("waiting", "running")


class Checks:
    """The checks of one app; each verb is a transaction of its own.

    Args:
        database: connections of our own.
        note: keeps the audit trail.
        keys: makes pseudonyms of recipients for it.
    """

    def __init__(
        self, database: Database, *, note: Note = unkept, keys: Callable[[], Keyring] = Keyring
    ) -> None:
        self._database = database
        self._note = note
        self._keys = keys
        self._table = database.models.table("Check")

    def add(  # noqa: PLR0913 - a row's values, by name
        self,
        server: Server,
        wish: Wish,
        *,
        kind: Kind = "test",
        saved: bool = True,
        place: str = "",
        host: str = "",
        actor: str | None = None,
        batch: str = "",
        number: str = "",
    ) -> str:
        """Write down a check that shall be run and return its id.

        With a ``place`` it waits for that worker; without, whoever called is running it.

        Raises:
            IntegrityError: there is a check of this ``number`` already.
        """
        now, number = utcnow(), number or secrets.token_hex(8)
        row = {
            "id": number,
            "batch": batch or number,
            "kind": kind,
            "server_key": server.key,
            "saved": saved,
            "fingerprint": server.fingerprint,
            "place": place,
            "host": host,
            "actor": actor,
            "state": "waiting" if place and not host else "running",
            "cancel": False,
            "wish": wish.dumped(),
            "created_at": now,
            "heard_at": now,
        }
        with self._database.write() as connection:
            connection.execute(sa.insert(self._table).values(**row))
            if kind == "test":
                told = {**_told(wish, self._keys()), "worker": place, "test": row["batch"]}
                told["settings"] = "as saved" if saved else "typed, not saved"
                self._note(connection, "check.start", f"server:{server.key}", told, actor=actor)
        return number

    def add_once(self, server: Server, number: str, *, place: str, host: str) -> bool:
        """Write down the health check called ``number``; False: somebody else runs it."""
        try:
            self.add(server, Wish(), kind="health", place=place, host=host, number=number)
        except IntegrityError:
            return False
        return True

    def take(self, place: str, host: str) -> Check | None:
        """Begin the oldest check that waits for the worker ``place``; None: none does."""
        table = self._table
        fresh = utcnow() - timedelta(seconds=SILENT_SECONDS)
        query = sa.select(table.c.id).where(
            table.c.state == "waiting", table.c.place == place, table.c.created_at > fresh
        )
        with self._database.read() as connection:
            number = connection.execute(query.order_by(table.c.created_at).limit(1)).scalar()
        if number is None:
            return None
        begin = self._change(number, "waiting").values(state="running", host=host)
        with self._database.write() as connection:
            ours = connection.execute(begin).rowcount == 1
        return self.get(number) if ours else None

    def progress(self, number: str, report: Report) -> bool:
        """Keep how far a check got; return whether it shall go on."""
        update = self._change(number, "running").values(report=json.dumps(kept(report.document())))
        with self._database.write() as connection:
            connection.execute(update)
            return not self._cancelled(connection, number)

    def cancelled(self, number: str) -> bool:
        """Say whether somebody wants a check to end."""
        with self._database.read() as connection:
            return self._cancelled(connection, number)

    def finish(self, number: str, report: Report, transcript: str = "") -> None:
        """Keep the result of a check."""
        until = report.certificate_until
        values = {
            "state": sa.case((self._table.c.cancel, "cancelled"), else_="done"),
            "ok": report.ok,
            "cause": report.cause or None,
            "seen_as": report.seen_as or None,
            "certificate_until": until.astimezone(UTC).replace(tzinfo=None) if until else None,
            "report": json.dumps(kept(report.document())),
            "transcript": transcript or None,
        }
        with self._database.write() as connection:
            connection.execute(self._change(number, "running").values(**values))

    def cancel(self, batch: str) -> None:
        """Ask for the end of every check of a batch; one that waits for a worker ends at once."""
        table = self._table
        mine = sa.update(table).where(table.c.batch == batch)
        with self._database.write() as connection:
            running = mine.where(table.c.state == "running", table.c.cancel.is_(False))
            ended = connection.execute(running.values(cancel=True)).rowcount
            waiting = mine.where(table.c.state == "waiting")
            ended += connection.execute(waiting.values(cancel=True, state="cancelled")).rowcount
            if ended:
                self._note(connection, "check.cancel", f"test:{batch}")

    def get(self, number: str) -> Check | None:
        """Return one check, None when there is none of that id."""
        return next(iter(self._read(self._table.c.id == number)), None)

    def batch(self, batch: str) -> tuple[Check, ...]:
        """Return the checks that were asked for together, in that order."""
        return self._read(self._table.c.batch == batch)

    def latest(self, most: int) -> tuple[Check, ...]:
        """Return the tests that somebody asked for last, newest first."""
        return self._read(self._table.c.kind == "test", most=most)

    def history(self, server: str, most: int = 20) -> tuple[Check, ...]:
        """Return the checks of a server's saved settings that ended, newest first."""
        table = self._table
        chosen = (table.c.server_key == server, table.c.saved, table.c.state == "done")
        return self._read(*chosen, most=most)

    def newest(self) -> Mapping[str, Check]:
        """Return the last check of each server's saved settings that ended, by server key."""
        return {check.server: check for check in self._read(self._table.c.id.in_(self._newest()))}

    def standing(self, servers: Iterable[Server]) -> Mapping[str, Standing]:
        """Return how the saved settings of each server stand, by its key."""
        last = self.newest()
        return {
            server.key: Standing(self._passed(server), last.get(server.key)) for server in servers
        }

    def _passed(self, server: Server) -> Check | None:
        """Return the last good check of a server with the settings that it has now."""
        table = self._table
        chosen = (table.c.server_key == server.key, table.c.fingerprint == server.fingerprint)
        good = (table.c.ok, table.c.saved, table.c.state == "done")
        return next(iter(self._read(*chosen, *good, most=1)), None)

    def last_seen_as(self, server: str) -> str:
        """Return how a server saw the host of the last check, "" when none says."""
        table = self._table
        chosen = (table.c.server_key == server, table.c.saved, table.c.seen_as.is_not(None))
        found = self._read(*chosen, table.c.host == socket.gethostname(), most=1)
        return found[0].seen_as if found else ""

    def praise(self, server: Server) -> None:
        """Let a server that has just passed a check be used: nobody doubts it, or probes at once.

        What workers found of other settings, or before, they look at again themselves.
        """
        with self._database.write() as connection:
            HealthRows(self._database.models).passed(connection, server, utcnow())

    def recent(self, actor: str, seconds: float) -> int:
        """Count the checks that somebody asked for in the last ``seconds``."""
        table = self._table
        since = utcnow() - timedelta(seconds=seconds)
        chosen = (table.c.actor == actor, table.c.created_at > since, table.c.kind == "test")
        query = sa.select(sa.func.count()).where(*chosen)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def prune(self, now: datetime, days: float) -> int:
        """Remove what is older than so many days, but the newest of each server."""
        table = self._table
        old = table.c.created_at < now - timedelta(days=days)
        with self._database.write() as connection:
            kept: Collection[str] = list(connection.execute(self._newest()).scalars())
            chosen = sa.delete(table).where(old, table.c.id.not_in(kept))
            return connection.execute(chosen).rowcount

    def _newest(self) -> sa.Select[Any]:
        table, other = self._table, self._table.alias()
        last = (
            sa.select(other.c.id)
            .where(other.c.server_key == table.c.server_key, other.c.saved)
            .where(other.c.state == "done")
            .order_by(other.c.created_at.desc(), other.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        return sa.select(table.c.id).where(table.c.id == last)

    def _change(self, number: str, state: str) -> sa.Update:
        table = self._table
        mine = sa.update(table).where(table.c.id == number, table.c.state == state)
        return mine.values(heard_at=utcnow())

    def _cancelled(self, connection: Connection, number: str) -> bool:
        query = sa.select(self._table.c.cancel).where(self._table.c.id == number)
        return bool(connection.execute(query).scalar())

    def _read(
        self, *conditions: sa.ColumnElement[bool], most: int | None = None
    ) -> tuple[Check, ...]:
        table, now = self._table, utcnow()
        query = sa.select(table).where(*conditions)
        newest_first = (table.c.created_at.desc(), table.c.id.desc())
        order = newest_first if most else (table.c.created_at, table.c.id)
        with self._database.read() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query.order_by(*order).limit(most)).all()
        return tuple(_check(row, now) for row in rows)


def _check(row: Row[Any], now: datetime) -> Check:
    state = cast("CheckState", row.state)
    if state in _UNDER_WAY and now - row.heard_at > timedelta(seconds=SILENT_SECONDS):
        state = "lost"
    until = row.certificate_until
    return Check(
        id=row.id,
        batch=row.batch,
        kind=row.kind,
        server=row.server_key,
        saved=bool(row.saved),
        fingerprint=row.fingerprint,
        place=row.place,
        host=row.host,
        actor=row.actor,
        state=state,
        cancel=bool(row.cancel),
        wish=Wish.loaded(row.wish),
        created_at=row.created_at.replace(tzinfo=UTC),
        heard_at=row.heard_at.replace(tzinfo=UTC),
        ok=row.ok,
        cause=row.cause or "",
        seen_as=row.seen_as or "",
        certificate_until=until.replace(tzinfo=UTC) if until else None,
        report=Report.from_document(told(json.loads(row.report))) if row.report else None,
        transcript=row.transcript or "",
    )


def _told(wish: Wish, keys: Keyring) -> dict[str, Any]:
    """Return what the audit trail keeps of a wish."""
    return {
        "what": SCENARIOS[wish.scenario][0].lower(),
        "to": recipient(wish.to, keys),
        "from": mask(wish.sender),
    }

"""The rows behind the settings: ``smtpadmin_setting`` and ``smtpadmin_server``.

Every change takes a lock on the revision row first, so that changes come one after the other on
every database and readers can tell a new state by one number.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from flask_smtpadmin.core.audit import Details
from flask_smtpadmin.core.settings.origins import Stored, StoredServer, Typed
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.notes import Note, unkept

#: The scope where the audit trail notes its two ends; no setting.
AUDIT: Final = "audit"
_META: Final = "meta"
_REVISION: Final = "revision"


def load(connection: Connection, models: Models) -> Stored:
    """Return everything that is stored, in two SELECTs."""
    setting, server = models.table("Setting").c, models.table("Server").c
    values: dict[str, dict[str, str | Typed]] = {}
    ours = sa.select(setting.scope, setting.name, setting.value).where(setting.scope != AUDIT)
    for scope, name, value in connection.execute(ours):
        values.setdefault(scope, {})[name] = value
    columns = (server.preset, server.enabled, server.paused, server.health, server.reason)
    servers = {
        key: StoredServer(preset, bool(enabled), bool(paused), health, reason)
        for key, preset, enabled, paused, health, reason in connection.execute(
            sa.select(server.key, *columns)
        )
    }
    return Stored(values, servers)


def read_revision(connection: Connection, models: Models, *, lock: bool = False) -> int | None:
    """Return the number of changes so far, None before the first; ``lock`` holds the row."""
    table = models.table("Setting")
    query = sa.select(table.c.value).where(table.c.scope == _META, table.c.name == _REVISION)
    text = connection.execute(query.with_for_update() if lock else query).scalar()
    return None if text is None else int(text)


class Rows:
    """The verbs of one change, inside its transaction.

    Args:
        connection: an open transaction.
        models: the mapped tables.
        actor: who changes it, noted on each row.
        note: keeps the audit trail.
    """

    def __init__(
        self, connection: Connection, models: Models, actor: str | None, *, note: Note = unkept
    ) -> None:
        self._connection = connection
        self._models = models
        self._settings = models.table("Setting")
        self._servers = models.table("Server")
        self._actor = actor
        self._note = note

    def begin(self) -> None:
        """Lock the revision row, made at the first change, and count this one."""
        revision = read_revision(self._connection, self._models, lock=True)
        if revision is None:
            self._insert_revision()
            revision = read_revision(self._connection, self._models, lock=True) or 0
        self.put(_META, _REVISION, str(revision + 1))

    def note(self, action: str, object_: str, details: Details | None = None) -> None:
        """Tell the audit trail of this change, as its last act."""
        self._note(self._connection, action, object_, details, actor=self._actor)

    def load(self) -> Stored:
        """Return what is stored, as this transaction sees it."""
        return load(self._connection, self._models)

    def put(self, scope: str, name: str, value: str | None) -> None:
        """Store one value; None removes it."""
        table = self._settings
        where = (table.c.scope == scope, table.c.name == name)
        if value is None:
            self._connection.execute(sa.delete(table).where(*where))
            return
        row = {"value": value, "updated_at": utcnow(), "updated_by": self._actor}
        done = self._connection.execute(sa.update(table).where(*where).values(row))
        if done.rowcount == 0:
            self._connection.execute(sa.insert(table).values(scope=scope, name=name, **row))

    def put_server(self, key: str, **values: Any) -> None:
        """Change columns of a server's row, made when it is not there."""
        table = self._servers
        if values:
            done = self._connection.execute(
                sa.update(table).where(table.c.key == key).values(values)
            )
            if done.rowcount:
                return
        elif self._has_server(key):
            return
        start = {"enabled": True, "paused": False, "health": "unverified"}
        row = {**start, "created_at": utcnow(), **values}
        self._connection.execute(sa.insert(table).values(key=key, **row))

    def drop_server(self, key: str) -> None:
        """Remove a server's row."""
        self._connection.execute(sa.delete(self._servers).where(self._servers.c.key == key))

    def _has_server(self, key: str) -> bool:
        query = sa.select(self._servers.c.key).where(self._servers.c.key == key)
        return self._connection.execute(query).first() is not None

    def _insert_revision(self) -> None:
        insert_once(self._connection, self._settings, _META, _REVISION, "0")


def insert_once(connection: Connection, table: sa.Table, scope: str, name: str, value: str) -> None:
    """Make a row of ``smtpadmin_setting`` that others may make in this very moment."""
    key, row = {"scope": scope, "name": name}, {"value": value, "updated_at": utcnow()}
    insert = sa.insert(table).values(**key, **row)
    dialect = connection.dialect.name
    if dialect == "sqlite":  # holds the write lock: nobody races
        connection.execute(insert)
        return
    if dialect in {"mysql", "mariadb"}:  # a duplicate would leave shared locks, and deadlocks
        upsert = mysql.insert(table).values(**key, **row)
        connection.execute(upsert.on_duplicate_key_update(scope=scope))
        return
    try:
        with connection.begin_nested():
            connection.execute(insert)
    except IntegrityError:
        return  # another process made it in this moment; the lock waits for it

"""How a claim takes rows, one way per dialect; each row goes to one claimer only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from flask_smtpadmin.core.states import CLAIMABLE

Rows = list[sa.Row[Any]]
Columns = Sequence[sa.Column[Any]]
_BY_ID = itemgetter(0)


def take(connection: Connection, columns: Columns, update: sa.Update, due: sa.Select[Any]) -> Rows:
    """Move the rows that ``due`` selects and return them, oldest first.

    Args:
        connection: inside a write transaction (on SQLite one begun with BEGIN IMMEDIATE).
        columns: what to return of each row, ``smtpadmin_message.id`` first.
        update: the guarded UPDATE to sending, without the rows it is meant for.
        due: selects the ids to take, in order and limited.
    """
    dialect = connection.dialect
    if dialect.name == "postgresql":
        chosen = due.with_for_update(skip_locked=True).cte("due")
        return _returned(connection, columns, update, sa.select(chosen.c.id))
    if dialect.name == "sqlite" and dialect.update_returning:
        return _returned(connection, columns, update, due)
    if skips_locked(dialect):
        return _locked(connection, columns, update, due)
    return _guarded(connection, columns, update, due)


def due_ids(message: sa.Table, priority: int, now: datetime, limit: int) -> sa.Select[Any]:
    """Select the ids of at most ``limit`` rows of one priority that are due, oldest first."""
    columns = message.c
    return (
        sa.select(columns.id)
        .where(columns.priority == priority, columns.run_at <= now, columns.state.in_(CLAIMABLE))
        .order_by(columns.run_at, columns.id)
        .limit(limit)
    )


def skips_locked(dialect: Dialect) -> bool:
    """Say whether a MySQL or MariaDB knows SKIP LOCKED (8.0.1, 10.6)."""
    version = dialect.server_version_info or (0,)
    if dialect.name == "mariadb" or getattr(dialect, "is_mariadb", False):
        return version >= (10, 6)
    return dialect.name == "mysql" and version >= (8, 0, 1)


def _returned(
    connection: Connection, columns: Columns, update: sa.Update, ids: sa.Select[Any]
) -> Rows:
    statement: sa.Executable = update.where(columns[0].in_(ids)).returning(*columns)
    return sorted(connection.execute(statement).all(), key=_BY_ID)


def _locked(
    connection: Connection, columns: Columns, update: sa.Update, due: sa.Select[Any]
) -> Rows:
    ids = list(connection.execute(due.with_for_update(skip_locked=True)).scalars())
    if not ids:
        return []
    connection.execute(update.where(columns[0].in_(ids)))
    return _read(connection, columns, ids)


def _guarded(
    connection: Connection, columns: Columns, update: sa.Update, due: sa.Select[Any]
) -> Rows:
    """Whatever the database: one UPDATE a row, and the row count says who won it."""
    won = [
        number
        for number in connection.execute(due).scalars().all()
        if connection.execute(update.where(columns[0] == number)).rowcount == 1
    ]
    return _read(connection, columns, won) if won else []


def _read(connection: Connection, columns: Columns, ids: Sequence[int]) -> Rows:
    query: sa.Executable = sa.select(*columns).where(columns[0].in_(ids))
    return sorted(connection.execute(query).all(), key=_BY_ID)

"""How a claim takes rows, one way per dialect; each row goes to one claimer only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from flask_smtpadmin.core.states import CLAIMABLE

Rows = list[sa.Row[Any]]


def take(connection: Connection, message: sa.Table, update: sa.Update, due: sa.Select[Any]) -> Rows:
    """Move the rows that ``due`` selects and return them, oldest first.

    Args:
        connection: inside a write transaction (on SQLite one begun with BEGIN IMMEDIATE).
        message: ``smtpadmin_message``.
        update: the guarded UPDATE to sending, without the rows it is meant for.
        due: selects the ids to take, in order and limited.
    """
    dialect = connection.dialect
    if dialect.name == "postgresql":
        chosen = due.with_for_update(skip_locked=True).cte("due")
        return _returned(connection, message, update, sa.select(chosen.c.id))
    if dialect.name == "sqlite" and dialect.update_returning:
        return _returned(connection, message, update, due)
    if skips_locked(dialect):
        return _locked(connection, message, update, due)
    return _guarded(connection, message, update, due)


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
    connection: Connection, message: sa.Table, update: sa.Update, ids: sa.Select[Any]
) -> Rows:
    statement = update.where(message.c.id.in_(ids)).returning(*message.c)
    return sorted(connection.execute(statement).all(), key=attrgetter("id"))


def _locked(
    connection: Connection, message: sa.Table, update: sa.Update, due: sa.Select[Any]
) -> Rows:
    ids = list(connection.execute(due.with_for_update(skip_locked=True)).scalars())
    if not ids:
        return []
    connection.execute(update.where(message.c.id.in_(ids)))
    return _read(connection, message, ids)


def _guarded(
    connection: Connection, message: sa.Table, update: sa.Update, due: sa.Select[Any]
) -> Rows:
    """Whatever the database: one UPDATE a row, and the row count says who won it."""
    won = [
        number
        for number in connection.execute(due).scalars().all()
        if connection.execute(update.where(message.c.id == number)).rowcount == 1
    ]
    return _read(connection, message, won) if won else []


def _read(connection: Connection, message: sa.Table, ids: Sequence[int]) -> Rows:
    rows = connection.execute(sa.select(message).where(message.c.id.in_(ids)))
    return sorted(rows.all(), key=attrgetter("id"))

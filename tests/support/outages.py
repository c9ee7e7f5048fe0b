"""The database of a test goes away, hangs, or is locked, and comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

_WRITE_LOCKS = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "LOCK TABLE {} IN EXCLUSIVE MODE",
    "mysql": "LOCK TABLES {} READ",
}


class Fragile(Protocol):
    """What may go away, ``crash`` and ``start``, or hang, ``freeze`` and ``thaw``."""

    def crash(self) -> None:
        """Take it away from one moment to the next."""

    def start(self) -> None:
        """Bring it back, with all that it had confirmed."""

    def freeze(self) -> None:
        """Let every statement wait."""

    def thaw(self) -> None:
        """Let them go on."""


class LockedFile:
    """An SQLite file cannot go away while the machine runs: somebody else holds its write lock."""

    def __init__(self, url: str) -> None:
        self._path = sa.make_url(url).database or ""
        self._holder: sqlite3.Connection | None = None

    def crash(self) -> None:
        """Take the write lock."""
        self._holder = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._holder.execute("BEGIN IMMEDIATE")

    def start(self) -> None:
        """Give the lock back."""
        if self._holder is not None:
            self._holder.close()

    freeze, thaw = crash, start


@dataclass(frozen=True)
class Outage:
    """The database of ``url``, and how it fails."""

    url: str
    of: Fragile

    def crash(self) -> None:
        """Take it away."""
        self.of.crash()

    def start(self) -> None:
        """Bring it back."""
        self.of.start()


@contextmanager
def write_lock(url: str, table: str) -> Iterator[None]:
    """Let others read a table, and nobody write to it; on SQLite nobody writes at all."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(_WRITE_LOCKS[engine.dialect.name].format(table))
        yield

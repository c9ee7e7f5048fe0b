"""The database's clock, so that hosts whose clocks differ agree on leases and due times."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.storage.database import utcnow

_NOW = {
    "postgresql": "SELECT timezone('utc', clock_timestamp())",
    "mysql": "SELECT UTC_TIMESTAMP(6)",
    "mariadb": "SELECT UTC_TIMESTAMP(6)",
}


class Clock:
    """Tells the database's time without asking it each time.

    Between two looks the time runs with ``time.monotonic``: a jump of this host's clock changes
    nothing. SQLite has no clock but the host's.
    """

    def __init__(self) -> None:
        self._base: tuple[datetime, float] | None = None

    def look(self, connection: Connection) -> None:
        """Ask the database what time it is (one round trip, none on SQLite)."""
        question = _NOW.get(connection.dialect.name)
        if question is None:
            return
        before = time.monotonic()
        answer = connection.execute(sa.text(question)).scalar_one()
        moment = answer.astimezone(UTC).replace(tzinfo=None) if answer.tzinfo else answer
        self._base = (moment, (before + time.monotonic()) / 2)

    def now(self) -> datetime:
        """Return the time, naive UTC."""
        if self._base is None:
            return utcnow()
        moment, seen = self._base
        return moment + timedelta(seconds=time.monotonic() - seen)

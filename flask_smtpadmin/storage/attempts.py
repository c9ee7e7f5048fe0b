"""How long attempts are kept: ``RETENTION_ATTEMPTS``. What became of a message stays with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.storage.models import Models

#: Attempts that one transaction removes at most.
BATCH: Final = 500


class Attempts:
    """The attempts of one app; methods run inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._attempt = models.table("Attempt")

    def prune(self, connection: Connection, before: datetime) -> bool:
        """Remove some of the attempts that began before a time; say whether there may be more.

        Numbers grow with time: the lowest are the oldest, and no index over times is needed.
        """
        attempt = self._attempt.c
        oldest = sa.select(attempt.id, attempt.started_at).order_by(attempt.id).limit(BATCH)
        rows = connection.execute(oldest).all()
        numbers = [row.id for row in rows if row.started_at < before]
        if numbers:
            connection.execute(sa.delete(self._attempt).where(attempt.id.in_(numbers)))
        return len(numbers) == BATCH

"""What messages said, once they have ended: how long it is kept, and what becomes of them then.

``RETENTION_SENT`` is for those that were sent, or what their type wants instead; ``RETENTION_DEAD``
for those that failed or were stopped, which a person may try again until then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.retention import Keep
from flask_smtpadmin.core.rows import RETRYABLE
from flask_smtpadmin.core.states import State
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.ended import Ended
from flask_smtpadmin.storage.models import Models


class Contents:
    """Removes the contents of messages that ended long ago, a little at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ended = Ended(database)
        self._message = database.models.table("Message")
        self._content = database.models.table("Content")

    def prune(self, keep: Keep, now: datetime, *, most: int = 1) -> None:
        """Remove contents older than ``keep`` says, in ``most`` steps for each span of time."""
        content = self._content
        for state, numbers in self._ended.walk(keep, keep.content, now, most):
            kept = sa.select(content.c.id).where(content.c.id.in_(numbers))
            with self._database.read() as connection:
                found = list(connection.execute(kept).scalars())
            if found:
                self._remove(found, state)

    def _remove(self, numbers: Collection[int], state: State) -> None:
        """Remove the contents of those of ``numbers`` that nobody tries again meanwhile."""
        message, content = self._message.c, self._content
        still = sa.select(message.id).where(message.id.in_(numbers), message.state == state)
        with self._database.write() as connection:
            over = list(connection.execute(still.with_for_update()).scalars())
            connection.execute(sa.delete(content).where(content.c.id.in_(over)))


def lost(connection: Connection, models: Models, numbers: Collection[int]) -> set[int]:
    """Return those of ``numbers`` that can be tried again no more, for their content is gone.

    All that could be are locked: theirs stay as they are until the transaction ends.
    """
    message = models.table("Message").c
    ended = sa.select(message.id).where(message.id.in_(numbers), message.state.in_(RETRYABLE))
    found = set(connection.execute(ended.with_for_update()).scalars())
    return found - with_content(connection, models, found)


def with_content(connection: Connection, models: Models, numbers: Collection[int]) -> set[int]:
    """Return those of ``numbers`` whose content is kept, sealed or not."""
    kept: set[int] = set()
    for name in ("Content", "Sealed"):
        if left := set(numbers) - kept:
            number = models.table(name).c.id
            kept |= set(connection.execute(sa.select(number).where(number.in_(left))).scalars())
    return kept

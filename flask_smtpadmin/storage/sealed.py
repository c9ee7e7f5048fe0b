"""The sealed contents in the table: how long they stay, and how they go.

They go in the very transaction in which their message is sent, cancelled or expired. One that
failed or was caught keeps its own until it expires, 24 hours at most, so that a person may try it
again; after that it can be sent no more.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.secrecy import KEPT, KEPT_FOR, WIPED
from flask_smtpadmin.storage.models import Models

#: Contents that one transaction removes at most.
BATCH: Final = 500


class Sealed:
    """The sealed contents of one app; methods run inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._message = models.table("Message")
        self._sealed = models.table("Sealed")

    def wipe(self, connection: Connection, numbers: Collection[int]) -> None:
        """Remove the contents of those of ``numbers`` that are sent, cancelled or expired."""
        if not numbers:
            return
        message = self._message.c
        over = sa.select(message.id).where(message.id.in_(numbers), message.state.in_(WIPED))
        connection.execute(sa.delete(self._sealed).where(self._sealed.c.id.in_(over)))

    def remove(self, connection: Connection, numbers: Collection[int]) -> None:
        """Remove the contents of messages that are about to be deleted."""
        connection.execute(sa.delete(self._sealed).where(self._sealed.c.id.in_(numbers)))

    def prune(self, connection: Connection, now: datetime) -> int:
        """Remove contents that were kept for long enough; return how many, ``BATCH`` at most.

        And those of messages that ended, or are gone, by whatever way that forgot them.
        """
        message, number = self._message.c, self._sealed.c.id
        late = sa.or_(message.state_at <= now - KEPT_FOR, message.expires_at <= now)
        over = sa.or_(message.state.in_(WIPED), sa.and_(message.state.in_(KEPT), late))
        ended = sa.select(message.id).where(message.id == number, over)
        query = ended.select_from(self._message.join(self._sealed, message.id == number))
        query = query.limit(BATCH).with_for_update(of=self._message, skip_locked=True)
        ids = list(connection.execute(query).scalars())
        gone = sa.select(number).where(~sa.exists().where(message.id == number))
        ids += connection.execute(gone.limit(BATCH - len(ids))).scalars()
        if ids:
            self.remove(connection, ids)
        return len(ids)

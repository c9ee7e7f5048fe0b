"""Removing what is kept for a time only: contents, addresses, attempts, dialogues, counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from flask_smtpadmin.core.retention import Keep
from flask_smtpadmin.storage.addresses import Addresses
from flask_smtpadmin.storage.attempts import Attempts
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.contents import Contents
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.dialogues import DialogueRows
from flask_smtpadmin.storage.hours import Hours
from flask_smtpadmin.storage.sealed import Sealed

#: Transactions of one call at most: delivery waits for the database thread.
_AT_MOST: Final = 8


class Pruner:
    """Removes old rows; each call runs in the database thread and takes a little at a time.

    Args:
        database: the app's database.
        clock: the database's time.
        keep_days: returns for how many days dialogues are kept; None: for ever.
        keep: returns for how long what is left of messages is kept.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keep_days: Callable[[], int | None],
        keep: Callable[[], Keep] = Keep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._keep_days = keep_days
        self._keep = keep
        self._dialogues = DialogueRows(database.models)
        self._hours = Hours(database.models)
        self._sealed = Sealed(database.models)
        self._contents = Contents(database)
        self._addresses = Addresses(database)
        self._attempts = Attempts(database.models)

    def prune(self) -> None:
        """Remove some of what is too old."""
        with self._database.write() as connection:
            self._hours.fold(connection, self._clock.now())
            self._sealed.prune(connection, self._clock.now())
        keep = self._keep()
        self._contents.prune(keep, self._clock.now(), most=_AT_MOST)
        self._addresses.prune(keep, self._clock.now())
        self._prune_rows(self._attempts.prune, keep.attempts)
        self._prune_rows(self._dialogues.prune, self._keep_days())

    def _prune_rows(self, prune: Callable[[Connection, datetime], bool], days: int | None) -> None:
        """Call ``prune`` until nothing is older than ``days``; None: it is kept for ever."""
        if days is None:
            return
        before = self._clock.now() - timedelta(days=days)
        for _ in range(_AT_MOST):
            with self._database.write() as connection:
                if not prune(connection, before):
                    return

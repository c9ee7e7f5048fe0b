"""Whom messages were to, once they have ended: ``RETENTION_ADDRESSES``.

After that an address shows its first letter and its domain, as to people who may not see more, and
the subject is left out. No address goes before the content, which names it; so none is missing
where a message can still be tried again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.masks import HIDDEN, LEFT_OUT, mask, masked_address
from flask_smtpadmin.core.retention import Keep
from flask_smtpadmin.core.states import State
from flask_smtpadmin.storage.bulk import Bulk, Given
from flask_smtpadmin.storage.contents import with_content
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.ended import Ended


class Addresses:
    """Masks the addresses of messages that ended long ago, a little at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ended = Ended(database)
        models = database.models
        self._message = models.table("Message")
        self._recipient = models.table("Recipient")
        self._attempt = models.table("Attempt")
        self._mask_messages = _setting(
            self._message, "first_recipient", "key", "error", subject=LEFT_OUT
        )
        self._mask_recipients = _setting(self._recipient, "address", "reply", sought=None)
        self._mask_attempts = _setting(self._attempt, "reply")

    def prune(self, keep: Keep, now: datetime, *, most: int = 1) -> None:
        """Mask addresses older than ``keep`` says, in ``most`` steps for each span of time."""
        one = self._recipient.c
        for state, numbers in self._ended.walk(keep, keep.clear, now, most):
            legible = one.message.in_(numbers) & one.address.not_like(f"%{HIDDEN}%")
            with self._database.read() as connection:
                found = set(connection.execute(sa.select(one.message).where(legible)).scalars())
            if found:
                with self._database.write() as connection:
                    self._mask(connection, found, state)

    def _mask(self, connection: Connection, numbers: Collection[int], state: State) -> None:
        """Mask those of ``numbers`` that nobody tries again meanwhile."""
        message = self._message.c
        columns = message.id, message.first_recipient, message.key, message.error
        still = sa.select(*columns).where(message.id.in_(numbers), message.state == state)
        rows = connection.execute(still.with_for_update()).all()
        kept = with_content(connection, self._database.models, [row.id for row in rows])
        cleared = [
            (row.id, masked_address(row.first_recipient), _masked(row.key), _masked(row.error))
            for row in rows
            if row.id not in kept
        ]
        if cleared:
            self._mask_messages.run(connection, cleared)
            self._mask_parts(connection, [number for number, *_ in cleared])

    def _mask_parts(self, connection: Connection, numbers: Collection[int]) -> None:
        one, attempt = self._recipient.c, self._attempt.c
        people = sa.select(one.id, one.address, one.reply).where(one.message.in_(numbers))
        masked = [
            (row.id, masked_address(row.address), _masked(row.reply))
            for row in connection.execute(people)
        ]
        self._mask_recipients.run(connection, masked)
        told = attempt.message.in_(numbers) & attempt.reply.like("%@%")
        replies = connection.execute(sa.select(attempt.id, attempt.reply).where(told)).all()
        if replies:
            self._mask_attempts.run(connection, [(row.id, _masked(row.reply)) for row in replies])


def _setting(table: sa.Table, *names: str, **same: str | None) -> Bulk:
    """Set columns of rows known by their number, and others of all of them alike."""

    def build(given: Given) -> sa.Executable:
        own = {name: given[name] for name in names}
        return sa.update(table).where(given.numbered(table.c.id)).values(**own, **same)

    return Bulk(build, {name: table.c[name].type for name in ("id", *names)})


def _masked(text: str | None) -> str | None:
    return None if text is None else mask(text)

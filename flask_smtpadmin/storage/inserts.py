"""The INSERTs of the outbox: one row or thousands, on every dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.queued import Entry
from flask_smtpadmin.core.states import PRIORITIES
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.transitions import entering

#: Messages whose rows and contents are in memory a second time while they are written.
CHUNK: Final = 500


class Inserts:
    """The three statements that store messages, made once so that SQLAlchemy's cache holds."""

    def __init__(self, models: Models) -> None:
        self._message = models.table("Message")
        self._one = sa.insert(self._message)
        self._many = self._one.returning(self._message.c.id, sort_by_parameter_order=True)
        self._content = sa.insert(models.table("Content"))
        self._recipient = sa.insert(models.table("Recipient"))

    def run(self, connection: Connection, entries: Sequence[Entry], now: datetime) -> list[int]:
        """Store ``entries`` and return their ids in the same order; ``now`` naive UTC."""
        ids: list[int] = []
        for start in range(0, len(entries), CHUNK):
            ids += self._chunk(connection, entries[start : start + CHUNK], now)
        return ids

    def _chunk(self, connection: Connection, entries: Sequence[Entry], now: datetime) -> list[int]:
        ids = self._messages(connection, [message_row(entry, now) for entry in entries])
        stored = list(zip(ids, entries, strict=True))
        contents = [{"id": number, "body": entry.built.content} for number, entry in stored]
        connection.execute(self._content, contents)
        recipients = [row for number, entry in stored for row in _recipient_rows(number, entry)]
        connection.execute(self._recipient, recipients)
        return ids

    def _messages(self, connection: Connection, rows: list[dict[str, Any]]) -> list[int]:
        in_order = connection.dialect.insert_executemany_returning_sort_by_parameter_order
        if len(rows) > 1 and in_order:
            return list(connection.execute(self._many, rows).scalars())
        return [_new_id(connection.execute(self._one, row)) for row in rows]


def message_row(entry: Entry, now: datetime) -> dict[str, Any]:
    """Return the row of ``smtpadmin_message`` for a new message."""
    built = entry.built
    return {
        **entering(entry.state, now),
        "message_id": built.message_id,
        "key": entry.key,
        "key_digest": entry.key_digest,
        "waiting_for": None,
        "priority": PRIORITIES[entry.priority],
        "type": entry.type,
        "subject": built.subject[:255],
        "sender": built.sender,
        "has_reply_to": built.has_reply_to,
        "smtputf8": built.smtputf8,
        "eight_bit": built.eight_bit,
        "size": len(built.content),
        "recipients_total": len(built.recipients),
        "first_recipient": built.recipients[0].address,
        "server_key": entry.server,
        "cleared": entry.cleared,
        "on_uncertain": entry.on_uncertain,
        "created_at": now,
        "due_at": entry.run_at or now,
        "run_at": entry.run_at,
        "expires_at": entry.expires_at,
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
    }


def _recipient_rows(number: int, entry: Entry) -> Iterator[dict[str, Any]]:
    for recipient in entry.built.recipients:
        yield {
            "message": number,
            "kind": recipient.kind,
            "address": recipient.address,
            "state": "pending",
        }


def _new_id(result: sa.CursorResult[Any]) -> int:
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101 - a single-row INSERT always has one
    return int(key[0])

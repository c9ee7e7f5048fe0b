"""Take due messages for one worker: each row once, whoever else asks at the same time.

A claim is one transaction. It moves due rows to ``sending`` under a fresh random *lease token*;
every later write about them carries that token, and a row that no longer has it was lost to
another worker. ``run_at`` becomes NULL, so the index of due messages never holds claimed ones.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.states import CLAIMABLE
from flask_smtpadmin.storage.bulk import Lookup
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.taking import due_ids, take
from flask_smtpadmin.storage.transitions import move

#: Seconds that a claim holds without being renewed.
LEASE: Final = 60.0
#: Every so many claims the oldest due message of any priority goes first.
FAIR_EVERY: Final = 10
#: Bytes of content that one claim loads; what is beyond is loaded at hand-over.
CONTENT_BUDGET: Final = 32 * 2**20
_PRIORITIES: Final = (0, 1, 2)


@record(frozen=True, slots=True)
class PendingRecipient:
    """A recipient that has not accepted the message yet."""

    id: int
    address: str


@dataclass(slots=True, eq=False)
class Claimed:
    """A message in a worker's hands. ``content`` None: not loaded yet; sealed where ``secret``.

    ``attempts``, ``failures`` and ``crashes`` are as the row had them when it was claimed;
    ``accepted`` and ``refused`` count the recipients that an earlier try settled.
    """

    id: int
    token: str
    message_id: str
    priority: int
    due_at: datetime
    expires_at: datetime | None
    sender: str | None
    has_reply_to: bool
    smtputf8: bool
    eight_bit: bool
    size: int
    server_key: str | None
    cleared: bool
    on_uncertain: str | None
    attempts: int
    failures: int
    crashes: int = 0
    envelope_from: str | None = None
    secret: bool | None = None
    recipients: tuple[PendingRecipient, ...] = ()
    accepted: int = 0
    refused: int = 0
    content: bytes | None = field(default=None, repr=False)


_NOT_COLUMNS: Final = {"token", "recipients", "accepted", "refused", "content"}
#: The columns of a claim, in the order of the fields that hold them.
_FIELDS: Final = tuple(item.name for item in fields(Claimed) if item.name not in _NOT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Due:
    """When each priority has something to do next; missing: nothing is planned."""

    by_priority: dict[int, datetime]

    def next(self) -> datetime | None:
        """Return the earliest time of all."""
        return min(self.by_priority.values(), default=None)

    def ready(self, now: datetime, *, oldest_first: bool = False) -> list[int]:
        """Return the priorities with due messages, in the order to claim them."""
        due = [priority for priority, moment in self.by_priority.items() if moment <= now]
        return sorted(due, key=self.by_priority.__getitem__) if oldest_first else sorted(due)


class Claims:
    """Claims for one worker.

    Args:
        models: the mapped tables.
        worker_id: written to each claimed row.
    """

    def __init__(self, models: Models, worker_id: str) -> None:
        self._message = models.table("Message")
        self._worker_id = worker_id
        self._claims = 0
        self._columns = [self._message.c[name] for name in _FIELDS]
        recipient, content = models.table("Recipient").c, models.table("Content").c
        about = sa.select(recipient.message, recipient.id, recipient.address, recipient.state)
        self._recipients = Lookup(about.order_by(recipient.id), recipient.message)
        self._contents = Lookup(sa.select(content.id, content.body), content.id)
        sealed = models.table("Sealed").c
        self._sealed = Lookup(sa.select(sealed.id, sealed.body), sealed.id)
        self._peek = _peek_statement(self._message)

    def peek(self, connection: Connection) -> Due:
        """Look when the next message of each priority is due: three steps into one index."""
        row = connection.execute(self._peek).one()
        moments = zip(_PRIORITIES, row, strict=True)
        return Due({priority: moment for priority, moment in moments if moment is not None})

    def claim(
        self, connection: Connection, now: datetime, limit: int, *, below: int | None = None
    ) -> list[Claimed]:
        """Claim at most ``limit`` due messages, in a transaction that the caller commits.

        Args:
            connection: a connection inside a write transaction.
            now: the database's time.
            limit: how many rows at most.
            below: only priorities smaller (more urgent) than this.

        Returns:
            The messages, the most urgent first.
        """
        due = self.peek(connection)
        self._claims += 1
        fair = below is None and self._claims % FAIR_EVERY == 0
        rows: list[sa.Row[Any]] = []
        token = secrets.token_hex(16)
        for priority in due.ready(now, oldest_first=fair):
            if len(rows) >= limit or (below is not None and priority >= below):
                break
            values = {
                "run_at": None,
                "waiting_for": None,
                "worker_id": self._worker_id,
                "lease_token": token,
                "lease_until": now + timedelta(seconds=LEASE),
            }
            update = move(self._message, "sending", now, came_from=CLAIMABLE).values(**values)
            chosen = due_ids(self._message, priority, now, limit - len(rows))
            rows += take(connection, self._columns, update, chosen)
        return self._complete(connection, token, rows)

    def load(self, connection: Connection, messages: Iterable[Claimed]) -> None:
        """Fetch the content of messages that were claimed without it."""
        missing = {item.id: item for item in messages if item.content is None}
        secret = [number for number, item in missing.items() if item.secret]
        plain = [number for number in missing if number not in secret] if secret else list(missing)
        for table, numbers in ((self._contents, plain), (self._sealed, secret)):
            if numbers:
                for number, body in table.run(connection, numbers):
                    missing[number].content = bytes(body)

    def _complete(
        self, connection: Connection, token: str, rows: Sequence[sa.Row[Any]]
    ) -> list[Claimed]:
        if not rows:
            return []
        claimed = {row[0]: _claimed(row, token) for row in rows}
        pending: dict[int, list[PendingRecipient]] = defaultdict(list)
        for message, number, address, state in self._recipients.run(connection, list(claimed)):
            if state == "pending":
                pending[message].append(PendingRecipient(number, address))
            elif state == "accepted":
                claimed[message].accepted += 1
            else:
                claimed[message].refused += 1
        for message, item in claimed.items():
            item.recipients = tuple(pending[message])
        self.load(connection, _affordable(claimed.values()))
        return list(claimed.values())


def _affordable(messages: Iterable[Claimed]) -> list[Claimed]:
    total, chosen = 0, []
    for item in messages:
        total += item.size
        if total > CONTENT_BUDGET:
            break
        chosen.append(item)
    return chosen


def _claimed(row: Sequence[Any], token: str) -> Claimed:
    return Claimed(row[0], token, *row[1:])


def _peek_statement(message: sa.Table) -> sa.Select[Any]:
    columns = message.c
    return sa.select(
        *(
            sa.select(sa.func.min(columns.run_at))
            .where(columns.priority == priority, columns.run_at.is_not(None))
            .scalar_subquery()
            for priority in _PRIORITIES
        )
    )

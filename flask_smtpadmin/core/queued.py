"""What goes into the outbox, and what the caller gets back for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_smtpadmin.core.mail.mime import Built
from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.states import WAITING, Priority, State


@record(frozen=True, slots=True)
class QueuedMessage:
    """A message as the outbox took it.

    Attributes:
        id: the number of the row; pages, CLI and API take it.
        message_id: the RFC 5322 Message-ID with its angle brackets, the same on every try.
        state: where it stands; ``queued``, ``scheduled`` or ``caught`` for a new one.
        key: the caller's idempotency key, or None.
        created: False when ``key`` was known: this then is the first message with it.
        next_try_at: aware UTC; None when nothing will happen by itself.
    """

    id: int
    message_id: str
    state: State
    key: str | None
    created: bool
    next_try_at: datetime | None

    def document(self) -> dict[str, Any]:
        """Return the message as JSON shows it."""
        return {
            "id": self.id,
            "message_id": self.message_id,
            "state": self.state,
            "key": self.key,
            "created": self.created,
            "next_try_at": self.next_try_at.isoformat() if self.next_try_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the rows of a batch have in common; times as in the tables: naive UTC.

    ``run_at`` is None exactly for ``caught`` and ``cancelled`` messages; ``error`` says why these
    are cancelled. ``server`` is the key the caller asked for, ``on_uncertain`` ``"retry"``,
    ``"hold"`` or None for the app's own setting; ``cleared`` says that they may go out while
    ``MODE`` is not ``live``, ``secret`` that nobody may read them.
    """

    state: State
    priority: Priority
    run_at: datetime | None
    expires_at: datetime | None = None
    type: str | None = None
    server: str | None = None
    on_uncertain: str | None = None
    cleared: bool = False
    secret: bool = False
    error: str | None = None


@record(frozen=True, slots=True)
class Entry:
    """One built message, its idempotency key, and ``terms`` where they are not its batch's."""

    built: Built
    key: str | None = None
    terms: Terms | None = None

    @property
    def key_digest(self) -> str | None:
        """What the unique index compares: exact to the letter whatever the collation."""
        return None if self.key is None else digest(self.key)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are stored together, all or none; ``mixed``: some have terms of their own."""

    entries: Sequence[Entry]
    terms: Terms
    mixed: bool = False

    @property
    def waiting(self) -> int:
        """How many of them will wait, and so need room in the queue."""
        if self.mixed:
            return sum(part.waiting for part in self.parts())
        return len(self.entries) if self.terms.state in WAITING else 0

    def parts(self) -> list[Batch]:
        """Return batches of one kind of terms each."""
        found: dict[int, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(id(entry.terms or self.terms), []).append(entry)
        return [Batch(some, some[0].terms or self.terms) for some in found.values()]


@dataclass(frozen=True, slots=True)
class Flow:
    """Messages that are stored while the next ones are built, all or none.

    ``entries``, ``count`` of them, are gone through once; none has a key or terms of its own.
    """

    entries: Iterator[Entry]
    count: int
    terms: Terms

    @property
    def waiting(self) -> int:
        """How many of them will wait, and so need room in the queue."""
        return self.count if self.terms.state in WAITING else 0


def digest(key: str) -> str:
    """Return the SHA-256 of an idempotency key, 64 hex digits."""
    return hashlib.sha256(key.encode("utf-8")).hexdigest()

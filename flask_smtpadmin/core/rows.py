"""Rows of the outbox as values: what pages, CLI and API show. All times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal

from flask_smtpadmin.core.search import LONGEST, Term, parse
from flask_smtpadmin.core.secrecy import kept_until
from flask_smtpadmin.core.states import (
    CLAIMABLE,
    FAILED,
    STATES,
    WAITING,
    Priority,
    RecipientState,
    State,
    WaitingFor,
)

Range = Literal["today", "7d", "30d"]
RANGES: Final[tuple[Range, ...]] = ("today", "7d", "30d")
PER_PAGE: Final = (25, 50, 100)
#: The filter for failures whose cause is not known.
NO_CAUSE: Final = "none"
#: What each action may start from; the pages show a button for these and no others.
RETRYABLE: Final[tuple[State, ...]] = (
    "dead",
    "uncertain",
    "expired",
    "partial",
    "cancelled",
    "caught",
)
HURRYABLE: Final[tuple[State, ...]] = CLAIMABLE
CANCELLABLE: Final[tuple[State, ...]] = CLAIMABLE
DELETABLE: Final[tuple[State, ...]] = tuple(state for state in STATES if state != "sending")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are meant; every part that is set must hold.

    Attributes:
        state: one state, or ``"failed"`` for dead, partial, uncertain and expired, or
            ``"waiting"`` for queued, scheduled, retrying and sending (the figure Queued).
        q: a search, see :mod:`flask_smtpadmin.core.search`.
        type: an e-mail type's name.
        server: the server asked for or sent through.
        cause: why the last try failed, as ``core.advice`` names it; ``"none"``: no cause is known.
        range: how far back, by the time of the last change of state; ``today``: 24 hours.
    """

    state: State | Literal["failed", "waiting"] | None = None
    q: str = ""
    type: str | None = None
    server: str | None = None
    range: Range | None = None
    cause: str | None = None

    @property
    def states(self) -> tuple[State, ...]:
        """The states that ``state`` stands for; empty: all."""
        if self.state is None:
            return ()
        if self.state == "waiting":
            return WAITING
        return FAILED if self.state == "failed" else (self.state,)

    @property
    def terms(self) -> tuple[Term, ...]:
        """What ``q`` asks for; raises InvalidSearch."""
        return parse(self.q[:LONGEST])

    def document(self) -> dict[str, str]:
        """Return the parts that are set."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message as lists and the head of its own page show it.

    ``server`` is the one asked for, ``last_server`` that of the last attempt, ``sent_via`` the
    one that accepted it. What a ``secret`` one says is shown to nobody; ``wiped``: and no longer
    kept, so that it can be sent no more.
    """

    id: int
    message_id: str
    key: str | None
    state: State
    state_at: datetime
    waiting_for: WaitingFor | None
    priority: Priority
    type: str | None
    subject: str
    sender: str | None
    size: int
    recipients_total: int
    first_recipient: str
    server: str | None
    sent_via: str | None
    last_server: str | None
    created_at: datetime
    next_try_at: datetime | None
    expires_at: datetime | None
    attempts: int
    failures: int
    worker_id: str | None
    cause: str | None
    error: str | None
    on_uncertain: str | None
    resent_from: int | None = None
    secret: bool = False
    wiped: bool = False

    @property
    def kept_until(self) -> datetime | None:
        """Until when what a secret one says is kept; None: it has not ended, or all is wiped."""
        if not self.secret or self.wiped:
            return None
        return kept_until(self.state, self.state_at, self.expires_at)

    @property
    def can_retry(self) -> bool:
        """Whether ``retry`` starts it over."""
        return self.state in RETRYABLE and not self.wiped

    @property
    def can_hurry(self) -> bool:
        """Whether ``retry`` means "send now": it waits already."""
        return self.state in HURRYABLE

    @property
    def can_cancel(self) -> bool:
        """Whether ``cancel`` stops it."""
        return self.state in CANCELLABLE

    @property
    def can_delete(self) -> bool:
        """Whether the row may be removed: not while a worker holds it."""
        return self.state in DELETABLE

    def document(self) -> dict[str, Any]:
        """Return the row as JSON shows it."""
        return _document(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRow:
    """One envelope recipient; ``reply`` is the server's last word on it."""

    id: int
    kind: Literal["to", "cc", "bcc"]
    address: str
    state: RecipientState
    code: int | None
    reply: str | None

    def document(self) -> dict[str, Any]:
        """Return the row as JSON shows it."""
        return _document(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One try; ``finished_at`` None: it is running, or its worker never came back."""

    id: int
    n: int
    worker_id: str
    server: str
    address: str | None
    started_at: datetime
    finished_at: datetime | None
    phase: str
    outcome: str | None
    cause: str | None
    code: int | None
    enhanced: str | None
    reply: str | None
    tls: str | None
    ms: float | None
    session: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the row as JSON shows it."""
        return _document(self)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of messages, newest first; ``next`` and ``previous`` are cursors or None.

    ``unfinished``: the search took long and was stopped; it goes on at ``next`` (or ``previous``,
    where it went that way), though the page is not full.
    """

    messages: tuple[MessageRow, ...]
    next: str | None = None
    previous: str | None = None
    unfinished: bool = False

    def document(self) -> dict[str, Any]:
        """Return ``{"messages": [...], "next": cursor, "unfinished": bool}``."""
        rows = [row.document() for row in self.messages]
        return {"messages": rows, "next": self.next, "unfinished": self.unfinished}


@dataclass(frozen=True, slots=True)
class Detail:
    """One message with its recipients and its attempts in the order of time.

    ``resent_as``: the messages that it was sent again as, and that are still there.
    """

    message: MessageRow
    recipients: tuple[RecipientRow, ...]
    attempts: tuple[AttemptRow, ...]
    resent_as: tuple[int, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the message with ``recipients``, ``attempts`` and ``resent_as``."""
        return {
            **self.message.document(),
            "recipients": [row.document() for row in self.recipients],
            "attempts": [row.document() for row in self.attempts],
            "resent_as": list(self.resent_as),
        }


def _document(row: Any) -> dict[str, Any]:
    values = {item.name: getattr(row, item.name) for item in fields(row)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }

"""A message, its content, its recipients and the tries to send it.

They belong together by the message's number, and no foreign key has it checked: that would take
PostgreSQL a fifth of the time of ``send_many``, SQLite does not do it at all, and whatever stores
or deletes a message here does so with all that belongs to it, in one transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.core.search import index_form
from flask_smtpadmin.storage.models.columns import BigId, Content, Exact, Moment

#: Nothing will happen to such a message by itself and nobody holds it.
RESTING = "run_at IS NULL AND worker_id IS NULL"


class MessageMixin:
    """One mail: where it stands and what is needed to decide about it, without its content.

    ``run_at`` is the time of the next try and NULL when nothing will happen by itself, so the
    claim reads one small index whatever the size of the table.
    """

    __tablename__ = "smtpadmin_message"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(sa.String(255))
    key: Mapped[str | None] = mapped_column(sa.String(255))
    #: SHA-256 of ``key``: collations differ on case and trailing spaces, digests do not
    key_digest: Mapped[str | None] = mapped_column(sa.String(64))
    state: Mapped[str] = mapped_column(sa.String(16))
    state_at: Mapped[datetime] = mapped_column(Moment)
    waiting_for: Mapped[str | None] = mapped_column(sa.String(16))
    priority: Mapped[int] = mapped_column(sa.SmallInteger)
    type: Mapped[str | None] = mapped_column(sa.String(64))
    subject: Mapped[str] = mapped_column(sa.String(255))
    #: From as the message gave it, an RFC 5322 mailbox; NULL: the type's or server's is used
    sender: Mapped[str | None] = mapped_column(sa.String(998))
    #: for MAIL FROM, an address of the message's own; NULL: the server's, else that in From
    envelope_from: Mapped[str | None] = mapped_column(sa.String(320))
    has_reply_to: Mapped[bool] = mapped_column(sa.Boolean)
    smtputf8: Mapped[bool] = mapped_column(sa.Boolean)
    eight_bit: Mapped[bool] = mapped_column(sa.Boolean)
    size: Mapped[int] = mapped_column(sa.Integer)
    recipients_total: Mapped[int] = mapped_column(sa.Integer)
    #: the first recipient, so that lists need no join
    first_recipient: Mapped[str] = mapped_column(sa.String(320))
    #: the server the caller asked for; NULL: the router chooses
    server_key: Mapped[str | None] = mapped_column(sa.String(32))
    #: may go out while MODE is not live: it was redirected, or released by hand
    cleared: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    on_uncertain: Mapped[str | None] = mapped_column(sa.String(8))
    #: what it says opens an account (a reset link, a code): kept sealed, shown to nobody
    secret: Mapped[bool | None] = mapped_column(sa.Boolean)
    created_at: Mapped[datetime] = mapped_column(Moment)
    #: since when it is to go out (``send_at``, else enqueue, else the last manual retry): its age
    #: and the mean time to acceptance count from here
    due_at: Mapped[datetime] = mapped_column(Moment)
    run_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    #: attempts completed in all, failures that count towards the dead letter, crashes of a worker
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    failures: Mapped[int] = mapped_column(sa.Integer, default=0)
    crashes: Mapped[int] = mapped_column(sa.Integer, default=0)
    worker_id: Mapped[str | None] = mapped_column(sa.String(64))
    lease_token: Mapped[str | None] = mapped_column(sa.String(32))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    #: of the last attempt
    cause: Mapped[str | None] = mapped_column(sa.String(48))
    error: Mapped[str | None] = mapped_column(sa.String(512))
    sent_via: Mapped[str | None] = mapped_column(sa.String(32))
    #: the message that somebody sent again as this one; it may be gone by now
    resent_from: Mapped[int | None] = mapped_column(BigId)


class ContentMixin:
    """The bytes of a message, all but the sender block; apart, so that lists stay small."""

    __tablename__ = "smtpadmin_content"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(Content)


class SealedMixin:
    """The content of a secret message, encrypted; apart, so that who reads contents finds none."""

    __tablename__ = "smtpadmin_sealed"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(Content)


def _sought(context: Any) -> str:
    return index_form(context.get_current_parameters()["address"])


class RecipientMixin:
    """One envelope recipient with a fate of its own."""

    __tablename__ = "smtpadmin_recipient"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    message: Mapped[int] = mapped_column(BigId, index=True)
    kind: Mapped[str] = mapped_column(sa.String(3))
    address: Mapped[str] = mapped_column(sa.String(320))
    #: ``address`` as people look for it, see :func:`flask_smtpadmin.core.search.index_form`
    sought: Mapped[str | None] = mapped_column(Exact, default=_sought)
    state: Mapped[str] = mapped_column(sa.String(16))
    code: Mapped[int | None] = mapped_column(sa.SmallInteger)
    reply: Mapped[str | None] = mapped_column(sa.Text)


class AttemptMixin:
    """One try: written before the message is handed over and completed after it."""

    __tablename__ = "smtpadmin_attempt"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    message: Mapped[int] = mapped_column(BigId, index=True)
    n: Mapped[int] = mapped_column(sa.Integer)
    worker_id: Mapped[str] = mapped_column(sa.String(64))
    server_key: Mapped[str] = mapped_column(sa.String(32))
    address: Mapped[str | None] = mapped_column(sa.String(300))
    started_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    #: the furthest step: handed_over, connect, ... sender, recipient, data, body, done
    phase: Mapped[str] = mapped_column(sa.String(16))
    #: sent, partial, retry, dead, uncertain, returned; NULL: never completed
    outcome: Mapped[str | None] = mapped_column(sa.String(16))
    cause: Mapped[str | None] = mapped_column(sa.String(48))
    code: Mapped[int | None] = mapped_column(sa.SmallInteger)
    enhanced: Mapped[str | None] = mapped_column(sa.String(12))
    reply: Mapped[str | None] = mapped_column(sa.Text)
    tls: Mapped[str | None] = mapped_column(sa.String(80))
    ms: Mapped[float | None] = mapped_column(sa.Float)
    #: the session it was part of, as ``smtpadmin_dialogue`` names it
    session: Mapped[str | None] = mapped_column(sa.String(16))


def message_indexes() -> tuple[sa.Index, ...]:
    """Return the indexes, most of them over few rows: each change of state costs one write each.

    PostgreSQL writes to every index of a row it moves, unless the row is left out of it. SQLite
    writes only where an indexed value changes, hence once where the condition has none that does.
    """
    return (
        _partial("due", "run_at IS NOT NULL", "priority", "run_at", "id"),
        _partial("worker", "worker_id IS NOT NULL", "worker_id"),
        _partial("waiting", "waiting_for IS NOT NULL", "waiting_for", "id"),
        _partial("parked", "waiting_for IS NOT NULL", "waiting_for", "server_key", "id"),
        _partial("pinned", "server_key IS NOT NULL AND run_at IS NOT NULL", "server_key", "run_at"),
        _partial("resting", RESTING, "state", "state_at"),
        _partial("key", "key_digest IS NOT NULL", "key_digest", unique=True),
        _partial("state", "worker_id IS NULL", "state", "id", "worker_id"),  # counts read it alone
        _at_rest("message_id", None, "message_id"),
        _at_rest("type", "type IS NOT NULL", "type", "id"),
        _partial("sent_via", "sent_via IS NOT NULL", "sent_via", "id"),
        _partial("server", "server_key IS NOT NULL", "server_key", "id"),
        _partial("cause", "cause IS NOT NULL", "cause", "id"),
        _partial("resent", "resent_from IS NOT NULL", "resent_from"),
    )


def recipient_indexes() -> tuple[Any, ...]:
    """Return the index over addresses; a change of state does not touch it."""
    name = "ix_smtpadmin_recipient_sought"
    return (sa.Index(name, "sought", "message"), *room_for_updates())


def _partial(name: str, where: str, *columns: str, unique: bool = False) -> sa.Index:
    only = sa.text(where)
    name = f"ix_smtpadmin_message_{name}"
    return sa.Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)


def _at_rest(name: str, where: str | None, *columns: str) -> sa.Index:
    """Return an index of what no worker holds on PostgreSQL, elsewhere of all."""
    free = "worker_id IS NULL"
    return sa.Index(
        f"ix_smtpadmin_message_{name}",
        *columns,
        sqlite_where=None if where is None else sa.text(where),
        postgresql_where=sa.text(free if where is None else f"{where} AND {free}"),
    )


def room_for_updates() -> tuple[Any, ...]:
    """Let PostgreSQL keep a row's next version on its page, so that no index need know of it."""
    if sa.__version__.startswith("2.0."):  # it knows storage parameters of indexes only
        return ()
    return ({"postgresql_with": {"fillfactor": 60}},)

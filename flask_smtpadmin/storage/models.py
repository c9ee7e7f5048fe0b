"""The tables, mapped once per metadata on the user's own ``db``.

A ``DeclarativeBase`` of our own shares only ``db.metadata``: the user's base class flavour and
class names never meet ours, while ``create_all`` and Alembic see the tables. Columns use plain
SQLAlchemy types, because Alembic writes the type's name into the user's migration. Times are
naive UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: SQLite counts rows only in an INTEGER primary key.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: MariaDB's DATETIME drops fractions unless told otherwise.
Moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
#: LargeBinary alone is a 64 KiB BLOB on MariaDB; spelled out, Alembic finds no difference.
Content = sa.LargeBinary(2**32 - 1).with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
LongText = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

#: Nothing will happen to such a message by itself and nobody holds it.
RESTING = "run_at IS NULL AND worker_id IS NULL"

_INFO_KEY = "flask_smtpadmin.models"


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


class ContentMixin:
    """The bytes of a message, all but the sender block; apart, so that lists stay small."""

    __tablename__ = "smtpadmin_content"

    id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("smtpadmin_message.id", ondelete="CASCADE"), primary_key=True
    )
    body: Mapped[bytes] = mapped_column(Content)


class RecipientMixin:
    """One envelope recipient with a fate of its own."""

    __tablename__ = "smtpadmin_recipient"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    message: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("smtpadmin_message.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(sa.String(3))
    address: Mapped[str] = mapped_column(sa.String(320))
    state: Mapped[str] = mapped_column(sa.String(16))
    code: Mapped[int | None] = mapped_column(sa.SmallInteger)
    reply: Mapped[str | None] = mapped_column(sa.Text)


class AttemptMixin:
    """One try: written before the message is handed over and completed after it."""

    __tablename__ = "smtpadmin_attempt"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    message: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("smtpadmin_message.id", ondelete="CASCADE"), index=True
    )
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


class DialogueMixin:
    """A part of what was said in one session with a server, without secrets and content."""

    __tablename__ = "smtpadmin_dialogue"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    session: Mapped[str] = mapped_column(sa.String(16))
    part: Mapped[int] = mapped_column(sa.Integer)
    #: the first part of its session on its day (UTC): lists of sessions read no others
    opens_day: Mapped[bool] = mapped_column(sa.Boolean)
    began_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime] = mapped_column(Moment)
    server_key: Mapped[str] = mapped_column(sa.String(32))
    #: worker, test, send_now, health check
    origin: Mapped[str] = mapped_column(sa.String(16))
    worker_id: Mapped[str | None] = mapped_column(sa.String(64))
    address: Mapped[str | None] = mapped_column(sa.String(300))
    tls: Mapped[str | None] = mapped_column(sa.String(80))
    #: transactions that ended in it; those in which the server took nothing, and failed openings
    messages: Mapped[int] = mapped_column(sa.Integer)
    failures: Mapped[int] = mapped_column(sa.Integer)
    #: packed by :mod:`flask_smtpadmin.core.transcript`, compressed by zlib: a tenth of the room
    text: Mapped[bytes] = mapped_column(Content)


class ServerMixin:
    """A server that an admin added, and the health that all workers share about it."""

    __tablename__ = "smtpadmin_server"

    key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    preset: Mapped[str | None] = mapped_column(sa.String(64))
    enabled: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    paused: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(Moment)
    #: ok, unverified, degraded, open, held: what the workers saw; since when and why
    health: Mapped[str] = mapped_column(sa.String(16), default="unverified")
    health_at: Mapped[datetime | None] = mapped_column(Moment)
    #: the settings (their fingerprint) that the health was seen with
    health_fingerprint: Mapped[str | None] = mapped_column(sa.String(16))
    #: how often in a row it was found so
    health_count: Mapped[int | None] = mapped_column(sa.Integer)
    reason: Mapped[str | None] = mapped_column(sa.Text)
    retry_at: Mapped[datetime | None] = mapped_column(Moment)
    last_success_at: Mapped[datetime | None] = mapped_column(Moment)


class SettingMixin:
    """One stored value; ``scope`` is ``app``, ``meta`` or ``server:<key>``."""

    __tablename__ = "smtpadmin_setting"

    scope: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    value: Mapped[str] = mapped_column(LongText)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    updated_by: Mapped[str | None] = mapped_column(sa.String(255))


class WorkerMixin:
    """A worker process and its heartbeat."""

    __tablename__ = "smtpadmin_worker"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(128))
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int] = mapped_column(sa.Integer)
    #: boot id, pid-namespace inode and process start time: is this very process still there?
    identity: Mapped[str] = mapped_column(sa.String(255))
    started_at: Mapped[datetime] = mapped_column(Moment)
    beat_at: Mapped[datetime] = mapped_column(Moment, index=True)
    stopped_at: Mapped[datetime | None] = mapped_column(Moment)
    connections: Mapped[int] = mapped_column(sa.Integer, default=0)
    in_flight: Mapped[int] = mapped_column(sa.Integer, default=0)
    sent: Mapped[int] = mapped_column(sa.Integer, default=0)
    failed: Mapped[int] = mapped_column(sa.Integer, default=0)
    #: queue server as this worker sees it: ok, down, none
    redis: Mapped[str] = mapped_column(sa.String(8), default="none")
    version: Mapped[str] = mapped_column(sa.String(32))
    #: W: how many messages it may hand over without a committed result
    window: Mapped[int] = mapped_column(sa.Integer, default=0)
    #: seconds for which nothing came back of what is in flight
    stalled: Mapped[float] = mapped_column(sa.Float, default=0.0)
    #: why it has no journal; "": it has one
    journal: Mapped[str] = mapped_column(sa.String(255), default="")
    #: JSON: server key -> settings fingerprint
    fingerprints: Mapped[str] = mapped_column(sa.Text)


class QuotaMixin:
    """What was reserved at a server with limits; locked by each transaction that reserves."""

    __tablename__ = "smtpadmin_quota"

    server_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    #: JSON: the limits that ``usage`` was last reserved under
    limits: Mapped[str] = mapped_column(LongText)
    #: JSON of :class:`flask_smtpadmin.core.rate.Usage`
    usage: Mapped[str] = mapped_column(LongText)
    updated_at: Mapped[datetime] = mapped_column(Moment)


class CheckMixin:
    """One check of a server: asked for, under way or done. ``batch`` groups those asked together.

    Values that were typed and not saved are not in it, and secrets never are.
    """

    __tablename__ = "smtpadmin_check"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    batch: Mapped[str] = mapped_column(sa.String(32), index=True)
    #: test (somebody asked for it) or health (the worker looks now and then)
    kind: Mapped[str] = mapped_column(sa.String(8))
    server_key: Mapped[str] = mapped_column(sa.String(32))
    #: whether the saved settings were tried, and which they were
    saved: Mapped[bool] = mapped_column(sa.Boolean)
    fingerprint: Mapped[str] = mapped_column(sa.String(16))
    #: the worker that shall run it; "": the process that was asked
    place: Mapped[str] = mapped_column(sa.String(64))
    host: Mapped[str] = mapped_column(sa.String(255), default="")
    actor: Mapped[str | None] = mapped_column(sa.String(255))
    #: waiting, running, done, cancelled
    state: Mapped[str] = mapped_column(sa.String(12))
    cancel: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    #: JSON of :class:`flask_smtpadmin.core.check.Wish`
    wish: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)
    #: when something was last heard of it
    heard_at: Mapped[datetime] = mapped_column(Moment)
    ok: Mapped[bool | None] = mapped_column(sa.Boolean)
    cause: Mapped[str | None] = mapped_column(sa.String(48))
    seen_as: Mapped[str | None] = mapped_column(sa.String(45))
    certificate_until: Mapped[datetime | None] = mapped_column(Moment)
    #: JSON of :class:`flask_smtpadmin.core.report.Report`
    report: Mapped[str | None] = mapped_column(LongText)
    transcript: Mapped[str | None] = mapped_column(LongText)


class FindingMixin:
    """What the DNS said about a From domain when one server sends for it, last time it was asked.

    Apart from the settings, which every worker reads again and again.
    """

    __tablename__ = "smtpadmin_finding"

    domain: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    server_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    #: a DKIM selector that somebody typed; "": none
    selector: Mapped[str] = mapped_column(sa.String(128))
    checked_at: Mapped[datetime] = mapped_column(Moment)
    checked_by: Mapped[str | None] = mapped_column(sa.String(255))
    #: JSON of :class:`flask_smtpadmin.core.deliverability.findings.Report`
    report: Mapped[str] = mapped_column(LongText)


@dataclass(frozen=True, slots=True)
class Models:
    """The mapped classes of one metadata; users may query them, only we write them."""

    metadata: sa.MetaData
    Message: Any
    Content: Any
    Recipient: Any
    Attempt: Any
    Server: Any
    Setting: Any
    Worker: Any
    Quota: Any
    Check: Any
    Finding: Any
    Dialogue: Any

    def table(self, name: str) -> sa.Table:
        """Return the table of the class ``name`` (``"Message"``)."""
        table = getattr(self, name).__table__
        assert isinstance(table, sa.Table)  # noqa: S101 - narrows the type only
        return table


def build_models(metadata: sa.MetaData) -> Models:
    """Map the tables on ``metadata``; the second call for the same one returns the same classes."""
    known = metadata.info.get(_INFO_KEY)
    if isinstance(known, Models):
        return known
    base = type("SMTPAdminBase", (DeclarativeBase,), {"metadata": metadata})
    models = Models(metadata, *(_map(mixin, base) for mixin in _MIXINS))
    metadata.info[_INFO_KEY] = models
    return models


def _map(mixin: type, base: type) -> type:
    extra = {"__table_args__": _TABLE_ARGS[mixin]()} if mixin in _TABLE_ARGS else {}
    return type(mixin.__name__.removesuffix("Mixin"), (mixin, base), extra)


def _message_indexes() -> tuple[sa.Index, ...]:
    """Return the indexes, most of them over few rows: each change of state costs one write each.

    PostgreSQL writes to every index of a row it moves, unless the row is left out of it.
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
    )


def _partial(name: str, where: str, *columns: str, unique: bool = False) -> sa.Index:
    only = sa.text(where)
    name = f"ix_smtpadmin_message_{name}"
    return sa.Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)


def _dialogue_indexes() -> tuple[sa.Index, ...]:
    """Return the indexes for a session, for the sessions of a day, and for failures and age."""
    name = "ix_smtpadmin_dialogue"
    return (
        sa.Index(f"{name}_session", "session", "id"),
        sa.Index(f"{name}_day", "opens_day", "began_at", "id"),
        sa.Index(f"{name}_began", "began_at", "failures", "session"),
    )


def _room_for_updates() -> tuple[Any, ...]:
    """Let PostgreSQL keep a row's next version on its page, so that no index need know of it."""
    if sa.__version__.startswith("2.0."):  # it knows storage parameters of indexes only
        return ()
    return ({"postgresql_with": {"fillfactor": 60}},)


_TABLE_ARGS: dict[type, Callable[[], tuple[Any, ...]]] = {
    MessageMixin: _message_indexes,
    RecipientMixin: _room_for_updates,
    AttemptMixin: _room_for_updates,
    DialogueMixin: _dialogue_indexes,
}
_MIXINS = (
    MessageMixin,
    ContentMixin,
    RecipientMixin,
    AttemptMixin,
    ServerMixin,
    SettingMixin,
    WorkerMixin,
    QuotaMixin,
    CheckMixin,
    FindingMixin,
    DialogueMixin,
)

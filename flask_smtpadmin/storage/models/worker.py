"""The worker processes."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import Moment


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

"""Work on many messages that somebody asked for."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import BigId, Moment


class JobMixin:
    """One action on all messages of a filter: how far it got, and what came of it."""

    __tablename__ = "smtpadmin_job"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    #: retry, cancel, delete, send_via, release
    action: Mapped[str] = mapped_column(sa.String(16))
    #: JSON of :class:`flask_smtpadmin.core.rows.Filter`
    wanted: Mapped[str] = mapped_column(sa.Text)
    server_key: Mapped[str | None] = mapped_column(sa.String(32))
    actor: Mapped[str | None] = mapped_column(sa.String(255))
    #: running, done, cancelled, failed
    state: Mapped[str] = mapped_column(sa.String(12))
    cancel: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    #: how many matched at the start, and whether that is all
    total: Mapped[int] = mapped_column(sa.Integer)
    exact: Mapped[bool] = mapped_column(sa.Boolean)
    changed: Mapped[int] = mapped_column(sa.Integer, default=0)
    #: left alone: their own time was over; their state did not allow it
    expired: Mapped[int] = mapped_column(sa.Integer, default=0)
    unfit: Mapped[int] = mapped_column(sa.Integer, default=0)
    #: messages up to this id are meant; those up to ``last_id`` are done
    max_id: Mapped[int] = mapped_column(BigId)
    last_id: Mapped[int] = mapped_column(BigId, default=0)
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)
    #: when something was last heard of it
    heard_at: Mapped[datetime] = mapped_column(Moment)

"""What was said with servers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import BigId, Content, Moment


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


def dialogue_indexes() -> tuple[sa.Index, ...]:
    """Return the indexes for a session, for the sessions of a day, and for failures and age."""
    name = "ix_smtpadmin_dialogue"
    return (
        sa.Index(f"{name}_session", "session", "id"),
        sa.Index(f"{name}_day", "opens_day", "began_at", "id"),
        sa.Index(f"{name}_began", "began_at", "failures", "session"),
    )

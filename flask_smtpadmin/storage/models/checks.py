"""Checks of servers and what the DNS said about domains."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import LongText, Moment


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

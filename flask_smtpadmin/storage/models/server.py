"""The servers, what was reserved at them, and the stored settings."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import LongText, Moment


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


class QuotaMixin:
    """What was reserved at a server with limits; locked by each transaction that reserves."""

    __tablename__ = "smtpadmin_quota"

    server_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    #: JSON: the limits that ``usage`` was last reserved under
    limits: Mapped[str] = mapped_column(LongText)
    #: JSON of :class:`flask_smtpadmin.core.rate.Usage`
    usage: Mapped[str] = mapped_column(LongText)
    updated_at: Mapped[datetime] = mapped_column(Moment)

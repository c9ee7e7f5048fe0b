"""The words of e-mails that admins saved over those of the code."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import BigId, LongText, Moment


class TemplateMixin:
    """One saved version; of each name and locale the newest is in force.

    Whether a type is switched off is in ``smtpadmin_setting``, scope ``type``.
    """

    __tablename__ = "smtpadmin_template"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    #: an e-mail type's, or ``@header`` or ``@footer``
    name: Mapped[str] = mapped_column(sa.String(64))
    #: a tag such as ``pt-BR``; "": the type's own language
    locale: Mapped[str] = mapped_column(sa.String(35))
    #: None: there is no such part
    subject: Mapped[str | None] = mapped_column(LongText)
    html: Mapped[str | None] = mapped_column(LongText)
    text: Mapped[str | None] = mapped_column(LongText)
    made_at: Mapped[datetime] = mapped_column(Moment)
    made_by: Mapped[str | None] = mapped_column(sa.String(255))
    #: restored: the words of an earlier version again; reset: none, those of the code count
    note: Mapped[str | None] = mapped_column(sa.String(16))
    #: when a mail could last not be written with it, and why
    failed_at: Mapped[datetime | None] = mapped_column(Moment)
    failure: Mapped[str | None] = mapped_column(sa.String(512))


def template_indexes() -> tuple[sa.Index, ...]:
    """Return the index that finds the versions of a name and locale, the newest last."""
    return (sa.Index("ix_smtpadmin_template_name", "name", "locale", "id"),)

"""The audit trail."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flask_smtpadmin.storage.models.columns import BigId, LongText, Moment


class AuditMixin:
    """One act of a person, of the app or of a worker; only ever added, removed by age alone.

    Where the chain ends and begins is in ``smtpadmin_setting``, scope ``audit``.
    """

    __tablename__ = "smtpadmin_audit"

    #: its place in the chain, given by hand: no gaps
    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str | None] = mapped_column(sa.String(255))
    #: page, cli, api, worker
    origin: Mapped[str] = mapped_column(sa.String(8))
    #: pseudonym of the browser's address
    source: Mapped[str] = mapped_column(sa.String(48))
    action: Mapped[str] = mapped_column(sa.String(32))
    object: Mapped[str] = mapped_column(sa.String(255))
    #: JSON, in the very bytes that the digest is made of
    details: Mapped[str] = mapped_column(LongText)
    #: SHA-256 over the digest before it and this row
    digest: Mapped[str] = mapped_column(sa.String(64))
    #: which key, and its HMAC of the digest; "": there was no key
    signature: Mapped[str] = mapped_column(sa.String(80))


def audit_indexes() -> tuple[sa.Index, ...]:
    """Return the indexes for the days and the objects that somebody looks for."""
    name = "ix_smtpadmin_audit"
    return (
        sa.Index(f"{name}_at", "at"),
        sa.Index(f"{name}_object", "object", "number"),
    )

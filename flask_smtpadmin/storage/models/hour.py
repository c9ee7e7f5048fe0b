"""What happened in an hour, counted."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class HourMixin:
    """How often something happened in one hour, as one worker wrote it with the messages.

    ``place`` is that worker, so that none waits for another's row; "" for what is done by hand,
    by sweeps, and once the hours of a day are added up. No personal data.
    """

    __tablename__ = "smtpadmin_hour"

    #: hours since 1970, UTC
    hour: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    #: a state that messages entered, "-" and a state that they left by hand, or ``refused``
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    #: the cause of a failure, the domain of refused recipients, else ""
    name: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    n: Mapped[int] = mapped_column(sa.BigInteger)

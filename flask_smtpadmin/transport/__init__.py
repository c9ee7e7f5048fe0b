"""Ways to hand a message to a server; the only place that imports aiosmtplib."""

from __future__ import annotations

from flask_smtpadmin.transport.pool import Pool
from flask_smtpadmin.transport.session import Session, open_session, opened

__all__ = ["Pool", "Session", "open_session", "opened"]

"""The commands ``flask smtp ...`` and ``flask smtp-worker``."""

from __future__ import annotations

from flask import Flask

from flask_smtpadmin.cli.smtp import smtp
from flask_smtpadmin.cli.worker import smtp_worker


def register(app: Flask) -> None:
    """Give ``app`` the commands; called by ``init_app``."""
    app.cli.add_command(smtp)
    app.cli.add_command(smtp_worker)

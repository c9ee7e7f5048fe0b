"""Tidepool: team notes. A small product whose mails all go through flask-smtpadmin.

The application factory; everything an app of your own needs is in this folder:

``extensions.py``  the extension objects, ``mail = SMTPAdmin()`` among them
``mails.py``       the eight mails and how each joins the caller's transaction
``access.py``      who may open the e-mail back office
``accounts.py`` ``recovery.py`` ``workspaces.py`` ``account.py``  the pages that cause the mails
``demo/``          only the demo: ``python -m example_app.demo``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, render_template

DEFAULTS: dict[str, Any] = {
    "SQLALCHEMY_DATABASE_URI": "sqlite:///tidepool.db",
    "SESSION_COOKIE_SAMESITE": "Lax",
    # Links in mails start with this: the Host header of a request is the visitor's to choose.
    "SMTPADMIN_BASE_URL": "http://127.0.0.1:5000",
    "SMTPADMIN_APP_NAME": "Tidepool",
    "SMTPADMIN_ACCENT": "#0f6e69",
}


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the app from ``DEFAULTS``, then ``TIDEPOOL_*`` of the environment, then ``config``.

    Raises:
        RuntimeError: no ``SECRET_KEY`` was given.
    """
    from example_app import access, account, accounts, commands, recovery, workspaces
    from example_app.extensions import csrf, db, login_manager, mail

    app = Flask(__name__)
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env("TIDEPOOL")
    app.config.from_mapping(config or {})
    if not app.config["SECRET_KEY"]:
        raise RuntimeError("Set TIDEPOOL_SECRET_KEY to a long random text that stays the same.")
    app.config["SESSION_COOKIE_SECURE"] = app.config["SMTPADMIN_BASE_URL"].startswith("https:")

    db.init_app(app)
    csrf.init_app(app)
    login_manager.init_app(app)
    mail.init_app(app, db)

    access.init_app(app)
    commands.init_app(app)
    app.register_blueprint(account.blueprint)
    app.register_blueprint(accounts.blueprint)
    app.register_blueprint(recovery.blueprint)
    app.register_blueprint(workspaces.blueprint)
    app.register_error_handler(404, _not_found)
    return app


def _not_found(_error: Exception) -> tuple[str, int]:
    return render_template("errors/404.html"), 404

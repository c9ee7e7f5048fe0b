"""A Flask app with SQLAlchemy and SMTPAdmin, as a user of the package would build it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

if TYPE_CHECKING:
    from flask_smtpadmin import SMTPAdmin


class Site(NamedTuple):
    """An app with its database and its mail; ``app, db, mail = make_app()`` unpacks it."""

    app: Flask
    db: SQLAlchemy
    mail: SMTPAdmin


def build_site(database_url: str, config: dict[str, Any], *, create: bool = True) -> Site:
    """Build a site on ``database_url``; ``config`` holds further app.config keys.

    TESTING stays off unless asked for, so that mail is queued and delivered as in production.
    """
    from flask_smtpadmin import SMTPAdmin

    app = Flask("site")
    app.config.update(SECRET_KEY="tests only", SQLALCHEMY_DATABASE_URI=database_url, **config)
    db = SQLAlchemy(app)
    mail = SMTPAdmin(app, db)
    if create:
        with app.app_context():
            db.create_all()
    return Site(app, db, mail)


#: Threads that end by themselves, and write down what they found before that.
_BRIEF = tuple(f"smtpadmin-{work}" for work in ("check", "job", "recorder", "rounds", "templates"))


def close_site(site: Site) -> None:
    """Give back every database connection: an open one would fail the test that leaks it.

    A thread that is about to write would open another one after this.
    """
    with site.app.app_context():
        site.db.session.remove()
        for thread in threading.enumerate():
            if thread.name.startswith(_BRIEF):
                thread.join(5)
        for engine in site.db.engines.values():
            engine.dispose()
    state = site.app.extensions.get("smtpadmin")
    database = getattr(state, "database", None)
    if database is not None:
        database.dispose()

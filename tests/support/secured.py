"""A site with accounts: Flask-Security on top of it, and somebody who reads their mail."""

from __future__ import annotations

import re
import threading
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask_security import RoleMixin, Security, SQLAlchemyUserDatastore, UserMixin, hash_password
from flask_sqlalchemy import SQLAlchemy

from flask_smtpadmin.adapters.flask_security import MailUtil
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.state import State
from flask_smtpadmin.worker.supervisor import Supervisor
from support.apps import Site
from support.smtp import MailServer

ADA = "ada@example.com"
PASSWORD = "correct horse"
#: Hashes that take no time, and forms without tokens.
SETTINGS: dict[str, Any] = {
    "WTF_CSRF_ENABLED": False,
    "SECURITY_PASSWORD_SALT": "tests only",
    "SECURITY_PASSWORD_HASH": "plaintext",
    "SECURITY_PASSWORD_SCHEMES": ["plaintext"],
    "SECURITY_HASHING_SCHEMES": ["hex_md5"],
    "SECURITY_DEPRECATED_HASHING_SCHEMES": [],
    "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
    "SECURITY_TOTP_SECRETS": {"1": "TjQ9Qa31VOrfEzuPy4VHQWPCTmRzCnFzMKLxXYiZu9B"},
    "SECURITY_TOTP_ISSUER": "tests",
    "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["email"],
}


def _models(db: SQLAlchemy) -> tuple[Any, Any]:
    """Return the classes of users and roles."""

    class Role(db.Model, RoleMixin):  # type: ignore[name-defined,misc]  # made as the app runs
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(80), unique=True)
        user_id = db.Column(db.ForeignKey("user.id"))

    class User(db.Model, UserMixin):  # type: ignore[name-defined,misc]  # made as the app runs
        id = db.Column(db.Integer, primary_key=True)
        email = db.Column(db.String(255), unique=True)
        password = db.Column(db.String(255))
        active = db.Column(db.Boolean)
        fs_uniquifier = db.Column(db.String(64), unique=True)
        confirmed_at = db.Column(db.DateTime)
        tf_primary_method = db.Column(db.String(64))
        tf_totp_secret = db.Column(db.String(255))
        roles = db.relationship(Role)

    return User, Role


class Secured:
    """A site with accounts, a browser, and a mail server that its worker delivers to."""

    def __init__(self, site: Site, smtp: MailServer) -> None:
        self.app, self.db, self.mail = site
        self.smtp = smtp
        self.state: State = self.app.extensions["smtpadmin"]
        self.User, role = _models(self.db)
        self.datastore = SQLAlchemyUserDatastore(self.db, self.User, role)
        self.security = Security(self.app, self.datastore, mail_util_cls=MailUtil)
        with self.app.app_context():
            self.db.create_all()
        self.client = self.app.test_client()

    def register(self, **values: Any) -> None:
        """Create Ada's account without any mail."""
        with self.app.app_context():
            self.datastore.create_user(email=ADA, password=hash_password(PASSWORD), **values)
            self.db.session.commit()

    def post(self, path: str, **values: Any) -> Any:
        """Post a form as JSON and return the answer."""
        return self.client.post(path, json=values)

    def sign_up(self) -> Any:
        """Fill in the form for an account of Ada's and return the answer."""
        return self.post("/register", email=ADA, password=PASSWORD, password_confirm=PASSWORD)

    def sign_in(self, password: str = PASSWORD) -> Any:
        """Sign Ada in with a password and return the answer."""
        return self.post("/login", email=ADA, password=password)

    def queued(self) -> list[Any]:
        """Return the messages that are committed, by id."""
        id_ = self.state.models.table("Message").c.id
        with self.state.database.read() as connection:
            numbers = list(connection.scalars(sa.select(id_).order_by(id_)))
        return [self.state.queue.get(number).message for number in numbers]

    def delivered(self) -> EmailMessage:
        """Let a worker deliver what waits, and return what the server got last."""
        worker = threading.Thread(target=Supervisor(self.state, Options(burst=True)).run)
        worker.start()
        worker.join(60)
        assert not worker.is_alive()
        return self.smtp.received[-1].message

    def on_disk(self) -> bytes:
        """Return all that the database file holds, and its journal."""
        with self.app.app_context():
            file = str(self.db.engine.url.database)
        files = [Path(file), Path(f"{file}-wal")]
        return b"".join(one.read_bytes() for one in files if one.exists())


def plain(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def path_in(text: str) -> str:
    """Return the path of the first link in a text."""
    found = re.search(r"https?://[^\s)]+", text)
    assert found is not None, text
    return urlsplit(found[0]).path

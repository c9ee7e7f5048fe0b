"""The app under test. ``flask --app benchmarks.site`` finds where everything is in BENCH_*.

``python -m benchmarks.site many N`` prints how long ``send_many`` takes for N mails, and
``typed N`` how long ``send_type`` takes to N people.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from benchmarks import mails
from flask_smtpadmin import Message, SMTPAdmin
from flask_smtpadmin.state import State

#: Mails in one ``send_many``.
CHUNK = 1000


def create_app() -> Flask:
    """Return an app with mail, every feature on; a queue with a limit, but a wide one."""
    app = Flask("bench", instance_path=tempfile.gettempdir())
    app.config.update(
        SECRET_KEY="bench",
        SQLALCHEMY_DATABASE_URI=os.environ["BENCH_DATABASE"],
        SMTPADMIN_REDIS_URL=os.environ.get("BENCH_REDIS"),
        SMTPADMIN_MAX_QUEUE=int(os.environ.get("BENCH_MAX_QUEUE", "2000000")),
    )
    db = SQLAlchemy(app)
    app.extensions["bench"] = SMTPAdmin(app, db)
    return app


class Site:
    """The app in this process: to fill its queue and to look into its tables."""

    def __init__(self, environ: dict[str, str]) -> None:
        before = dict(os.environ)
        os.environ.update(environ)
        try:
            self.app = create_app()
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.environ = environ
        self.mail: SMTPAdmin = self.app.extensions["bench"]
        self.state: State = self.app.extensions["smtpadmin"]
        with self.app.app_context():
            self.app.extensions["sqlalchemy"].create_all()

    def fill(self, count: int) -> None:
        """Queue ``count`` mails by ``send_many``."""
        with self.app.app_context():
            for start in range(0, count, CHUNK):
                numbers = range(start, min(count, start + CHUNK))
                self.mail.send_many([message(number) for number in numbers])

    def worker(
        self, port: int, connections: int, *options: str
    ) -> tuple[list[str], dict[str, str]]:
        """Return command and environment of a worker that delivers to ``port``."""
        command = [sys.executable, "-m", "flask", "--app", "benchmarks.site", "smtp-worker"]
        environ = {
            **self.environ,
            "SMTPADMIN_HOST": "127.0.0.1",
            "SMTPADMIN_PORT": str(port),
            "SMTPADMIN_TLS_MODE": "none",
        }
        return [*command, "--connections", str(connections), *options], environ

    def close(self) -> None:
        """Close every connection to the database and to Redis."""
        self.state.database.dispose()
        with self.app.app_context():
            for engine in self.app.extensions["sqlalchemy"].engines.values():
                engine.dispose()


@contextmanager
def open_site(environ: dict[str, str]) -> Iterator[Site]:
    """Make the app and its tables, and close all connections at the end."""
    site = Site(environ)
    try:
        yield site
    finally:
        site.close()


def message(number: int, **options: Any) -> Message:
    """Return one of the mails."""
    return Message(
        mails.subject(number),
        [mails.recipient(number)],
        mails.BODY,
        sender=mails.SENDER,
        **options,
    )


def many(count: int) -> None:
    """Print how long it takes to queue ``count`` mails."""
    with open_site(dict(os.environ)) as site:
        site.fill(10)
        site.state.doorbell.ring_now()  # what is done once, as importing rq is, is not counted
        began = time.perf_counter()
        site.fill(count)
        print(json.dumps({"seconds": time.perf_counter() - began}))


def typed(count: int) -> None:
    """Print how long ``send_type`` takes to ``count`` people."""
    with open_site(dict(os.environ)) as site, site.app.app_context():
        site.mail.email_type(
            "order",
            subject=mails.TEMPLATE_SUBJECT,
            html=mails.TEMPLATE_HTML,
            text=mails.TEMPLATE_TEXT,
            sample=mails.values(0),
            sender=mails.SENDER,
        )
        people = {mails.recipient(number): mails.values(number) for number in range(count)}
        site.mail.send_type("order", {mails.recipient(0): mails.values(0)})
        site.state.doorbell.ring_now()  # what is done once is not counted
        began = time.perf_counter()
        site.mail.send_type("order", people)
        print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    {"many": many, "typed": typed}[sys.argv[1]](int(sys.argv[2]))

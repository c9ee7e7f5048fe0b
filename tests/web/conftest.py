"""A site whose access check the test decides, and a browser without a screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from support.apps import Site
from werkzeug.test import TestResponse

from flask_smtpadmin import Message, SMTPAdmin
from flask_smtpadmin.core.actor import Actor
from flask_smtpadmin.core.deeds import Job
from flask_smtpadmin.state import State
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.web import limits
from flask_smtpadmin.web.access import RIGHTS

PREFIX = "/admin/email"


@dataclass
class Office:
    """The back office of one site as a person with ``rights`` sees it."""

    app: Flask
    mail: SMTPAdmin
    client: FlaskClient
    rights: set[str] = field(default_factory=lambda: set(RIGHTS))
    answer: Any = None
    asked: list[str] = field(default_factory=list)

    @property
    def state(self) -> State:
        """The site's state."""
        state: State = self.app.extensions["smtpadmin"]
        return state

    def get(self, path: str = "/", **options: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(PREFIX + path, **options)

    def page(self, path: str = "/") -> str:
        """Return a page's source, which must be there."""
        response = self.get(path)
        assert response.status_code == 200, response.text[:2000]
        return response.text

    def token(self) -> str:
        """Return a CSRF token of this visitor's session."""
        kept, self.rights = self.rights, set(RIGHTS)
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/test").text)
        self.rights = kept
        assert found
        return found[1]

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form with a good token."""
        form = {"csrf_token": self.token(), **(data or {})}
        return self.client.post(PREFIX + path, data=form, **options)

    def add(self, state: str = "queued", **columns: Any) -> int:
        """Queue a message, put it straight into ``state`` and return its number."""
        subject = columns.pop("subject", "Hello")
        to = columns.pop("to", "grace@example.com")
        body = columns.pop("body", "What it says.")
        message = Message(subject, recipients=[to], body=body, sender="app@example.com")
        with self.app.app_context():
            number = self.mail.send(message).id
            table = self.state.models.table("Message")
            values = {"state": state, "state_at": utcnow(), **columns}
            if state not in {"queued", "scheduled", "retrying"}:
                values.setdefault("run_at", None)
            with self.state.database.write() as connection:
                connection.execute(sa.update(table).where(table.c.id == number).values(values))
        return number

    def do_all(self, path: str, **form: str) -> Job:
        """Confirm a deed on all that match, wait for the job and return it."""
        response = self.post(path, {"all": "1", "confirm": "1", **form})
        assert response.status_code == 303, response.text[:2000]
        number = response.location.rpartition("/")[2]
        ends = time.monotonic() + 20
        while True:
            with self.app.app_context():
                job = self.state.jobs.get(number)
            if job.over or time.monotonic() > ends:
                return job
            time.sleep(0.02)

    def add_worker(self, **columns: Any) -> None:
        """Put a worker with a fresh heartbeat into the table."""
        now = utcnow()
        values = {
            "id": "w1",
            "name": "worker-1",
            "host": "app-1",
            "pid": 4711,
            "identity": "x",
            "started_at": now - timedelta(hours=1),
            "beat_at": now,
            "connections": 10,
            "in_flight": 0,
            "window": 80,
            "stalled": 0.0,
            "journal": "",
            "sent": 1234,
            "failed": 0,
            "redis": "ok",
            "version": "0.1.0",
            "fingerprints": "{}",
        }
        with self.app.app_context(), self.state.database.write() as connection:
            table = self.state.models.table("Worker")
            connection.execute(sa.insert(table).values({**values, **columns}))

    def add_attempt(self, number: int, **columns: Any) -> None:
        """Write an attempt of a message that the server refused."""
        now = utcnow()
        values = {
            "message": number,
            "n": 1,
            "worker_id": "w1",
            "server_key": "default",
            "started_at": now - timedelta(seconds=3),
            "finished_at": now - timedelta(seconds=1),
            "phase": "recipient",
            "outcome": "dead",
            "cause": "recipient_unknown",
            "code": 550,
            "enhanced": "5.1.1",
            "reply": "550 5.1.1 no such user",
            "tls": "TLSv1.3",
            "ms": 500.0,
        }
        with self.app.app_context(), self.state.database.write() as connection:
            table = self.state.models.table("Attempt")
            connection.execute(sa.insert(table).values({**values, **columns}))

    def state_of(self, number: int) -> str:
        """Return a message's state."""
        with self.app.app_context():
            return self.state.queue.get(number).message.state

    def field(self, name: str, path: str = "/servers/default") -> tuple[str, str]:
        """Return the origin and the variable that a page names for a field."""
        pattern = rf'data-field="{name}" data-origin="(\w+)" data-variable="([^"]*)"'
        found = re.search(pattern, self.page(path))
        assert found, f"no field {name}"
        return found[1], found[2]

    def save(self, key: str = "default", **values: str) -> None:
        """Save settings of a server as a page would."""
        with self.app.app_context():
            create = key not in self.state.settings.snapshot().servers
            self.state.settings.save_server(key, values, create=create)

    def server(self, key: str = "default") -> Any:
        """Return a server as it is in force."""
        with self.app.app_context():
            return self.state.settings.snapshot().servers[key]


def furnish(site: Site) -> Office:
    """Give a site an access check that the test decides, and a person."""
    office = Office(site.app, site.mail, site.app.test_client())

    @site.mail.access_check
    def may(right: str) -> Any:
        office.asked.append(right)
        return office.answer if office.answer is not None else right in office.rights

    @site.mail.actor_loader
    def who() -> Actor:
        return Actor("1", "Ada Lovelace", "ada@example.com")

    return office


@pytest.fixture
def office(make_app: Callable[..., Site]) -> Office:
    """Return the back office of a site on a fresh SQLite file, all rights granted."""
    limits.forget()
    return furnish(make_app())


@pytest.fixture
def make_office(make_app: Callable[..., Site]) -> Callable[..., Office]:
    """Build back offices with further ``app.config`` keys."""
    limits.forget()

    def build(**config: Any) -> Office:
        return furnish(make_app(**config))

    return build

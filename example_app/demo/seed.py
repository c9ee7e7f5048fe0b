"""What the demo starts with: people, a workspace, two mail servers, mails in several states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask

from example_app.digest import digests
from example_app.extensions import db, mail
from example_app.mails import (
    send_account_locked,
    send_digests,
    send_invitation,
    send_test,
    send_welcome,
)
from example_app.models import Invitation, Membership, Note, User, Workspace, now
from flask_smtpadmin import Message
from flask_smtpadmin.state import current_state

ADMIN = "ada@tidepool.example"
PASSWORD = "tidepool-demo"  # noqa: S105 - made to be shown; the demo listens on loopback only

PEOPLE = {ADMIN: "Ada Adams", "ben@tidepool.example": "Ben Brook", "cleo@tidepool.example": "Cleo"}
NOTES = (
    "Welcome to Tidepool. Write down what the team should know.",
    "Low tide on Saturday at 07:40. Bring boots, a bucket and the identification cards.",
    "Found so far: 14 beadlet anemones, 3 shore crabs, 1 very annoyed blenny.",
)


@dataclass(frozen=True, slots=True)
class MailPorts:
    """Where the demo's two mail servers listen on the loopback address."""

    catcher: int
    silent: int


def seed(app: Flask, ports: MailPorts) -> None:
    """Fill the empty database of ``app``."""
    with app.test_request_context():  # url_for() of the mails' links needs one
        db.create_all()
        _add_servers(ports)
        _add_people()
        _add_mails()


def seed_first_visit(app: Flask) -> None:
    """Fill the empty database of ``app`` with an admin, whose welcome mail waits, and no server."""
    with app.test_request_context():
        db.create_all()
        user = User(email=ADMIN, name=PEOPLE[ADMIN], is_admin=True)
        user.set_password(PASSWORD)
        db.session.add(user)
        db.session.flush()
        send_welcome(user)
        db.session.commit()


def _add_servers(ports: MailPorts) -> None:
    """Store the servers as the pages would, so that the pages can change them."""
    settings = current_state().settings
    local = {"host": "127.0.0.1", "tls_mode": "none", "auth": "none"}
    catcher = local | {
        "name": "Inbox of the demo",
        "port": str(ports.catcher),
        "from_email": "hello@tidepool.example",
    }
    silent = local | {
        "name": "Never answers",
        "description": "Takes the call and says nothing: see what a test of it tells.",
        "port": str(ports.silent),
        "from_email": "hello@tidepool.example",
        "timeout": "5",
        "priority": "10",
    }
    settings.save_server("default", catcher)
    settings.save_server("silent", silent, create=True)


def _add_people() -> None:
    workspace = Workspace(name="Rock pool survey")
    for email, name in PEOPLE.items():
        user = User(email=email, name=name, is_admin=email == ADMIN)
        user.set_password(PASSWORD)
        workspace.memberships.append(Membership(user=user))
    db.session.add(workspace)
    db.session.flush()
    ada, *_ = people = [membership.user for membership in workspace.memberships]
    workspace.notes.extend(Note(text=text, author=ada) for text in NOTES)
    invitation = Invitation(workspace=workspace, email="dora@tidepool.example", invited_by=ada)
    db.session.add(invitation)
    db.session.flush()
    for user in people:
        send_welcome(user)
    send_invitation(invitation)
    send_digests(digests(since=now() - timedelta(days=1)))
    send_account_locked(people[1], 10, 30, "203.0.113.7")
    send_test(ADMIN, sent_by=ADMIN)
    db.session.commit()


def _add_mails() -> None:
    """Send what the catcher refuses, what waits, and what was cancelled."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    mail.send_many(
        [
            _note("Your weekly digest", "nobody@tidepool.example"),
            _note("Tide table for December", "nobody.else@tidepool.example"),
        ],
        type="digest",
    )
    mail.send(_note("Photos of the survey", "full@tidepool.example"), type="notification")
    both = [ADMIN, "nobody@tidepool.example"]
    mail.send(Message("Minutes of the meeting", recipients=both, body="Attached next time."))
    mail.send(_note("Your weekly digest", ADMIN), type="digest", send_at=tomorrow)
    mail.send(_note("Through the silent server", "ben@tidepool.example"), server="silent")
    cancelled = mail.send(_note("Sent too early", "cleo@tidepool.example"), send_at=tomorrow)
    mail.queue.cancel(cancelled.id)


def _note(subject: str, to: str) -> Message:
    return Message(
        subject,
        recipients=[to],
        body=f"Hello,\n\n{subject} is here.\n\nTidepool\n",
        html=f"<p>Hello,</p><p><strong>{subject}</strong> is here.</p><p>Tidepool</p>",
    )

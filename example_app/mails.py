"""The four mails of Tidepool.

Each is handed to ``mail.send()``, which stores it and returns; ``flask smtp-worker`` delivers it.
A mail sent while the session holds changes goes out if and only if those changes are committed.
``key`` makes a mail unique: a form posted twice in the same minute sends it once.
"""

from __future__ import annotations

import time
from typing import Any

from flask import render_template

from example_app.extensions import mail
from example_app.links import link
from example_app.models import Invitation, User
from example_app.tokens import invitation_token, magic_link_token, password_reset_token
from flask_smtpadmin import Message


def send_welcome(user: User) -> None:
    """Greet ``user``, who was just added: part of the transaction that adds the account."""
    message = _message(
        "Welcome to Tidepool", user.email, "welcome", user=user, url=link("workspaces.index")
    )
    mail.send(message, type="welcome", key=f"welcome:{user.id}")


def send_invitation(invitation: Invitation) -> None:
    """Invite an address: part of the transaction that adds the invitation."""
    url = link("workspaces.invitation", token=invitation_token(invitation))
    message = _message(
        f"{invitation.invited_by.name} invites you to {invitation.workspace.name}",
        invitation.email,
        "invitation",
        invitation=invitation,
        url=url,
    )
    mail.send(message, type="workspace_invitation", key=f"invitation:{invitation.id}:{_minute()}")


def send_password_reset(user: User) -> None:
    """Send the link that sets a new password; nobody waits for other mail in front of it."""
    url = link("recovery.set_password", token=password_reset_token(user))
    message = _message(
        "Set a new Tidepool password", user.email, "password_reset", user=user, url=url
    )
    key = f"password-reset:{user.id}:{_minute()}"
    mail.send(message, type="password_reset", key=key, priority="urgent", expires_in=3600)


def send_magic_link(user: User) -> None:
    """Send the link that signs ``user`` in; after its quarter of an hour it is not sent at all."""
    url = link("recovery.use_magic_link", token=magic_link_token(user))
    message = _message(
        "Your sign-in link for Tidepool", user.email, "magic_link", user=user, url=url
    )
    key = f"magic-link:{user.id}:{user.magic_links_used}:{_minute()}"
    mail.send(message, type="magic_link", key=key, priority="urgent", expires_in=900)


def _message(subject: str, to: str, template: str, **context: Any) -> Message:
    return Message(
        subject,
        recipients=[to],
        body=render_template(f"email/{template}.txt", **context),
        html=render_template(f"email/{template}.html", subject=subject, **context),
    )


def _minute() -> int:
    return int(time.time()) // 60

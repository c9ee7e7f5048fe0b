"""The eight mails of Tidepool: the standard ones of flask-smtpadmin.

``mail.send_type()`` writes one, stores it and returns; ``flask smtp-worker`` delivers it. A mail
sent while the session holds changes goes out if and only if those changes are committed. ``keys``
make a mail unique: a form posted twice in the same minute sends it once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from example_app.extensions import mail
from example_app.links import link
from example_app.models import DataExport, Invitation, User, now
from example_app.tokens import (
    digest_off_token,
    invitation_token,
    magic_link_token,
    password_reset_token,
)

#: What somebody new does first.
STEPS = (
    "Open a workspace for your team",
    "Write the first note",
    "Invite the people you work with",
)


def send_welcome(user: User) -> None:
    """Greet ``user``, who was just added: part of the transaction that adds the account."""
    context = {
        "name": user.name,
        "email": user.email,
        "link": link("workspaces.index"),
        "steps": STEPS,
    }
    mail.send_type("welcome", user.email, context, keys=[f"welcome:{user.id}"])


def send_invitation(invitation: Invitation) -> None:
    """Invite an address: part of the transaction that adds the invitation."""
    context = {
        "inviter": invitation.invited_by.name,
        "inviter_email": invitation.invited_by.email,
        "workspace": invitation.workspace.name,
        "link": link("workspaces.invitation", token=invitation_token(invitation)),
    }
    key = f"invitation:{invitation.id}:{_minute()}"
    mail.send_type("workspace-invitation", invitation.email, context, keys=[key])


def send_password_reset(user: User, device: str = "") -> None:
    """Send the link that sets a new password; nobody waits for other mail in front of it."""
    url = link("recovery.set_password", token=password_reset_token(user))
    context = {"name": user.name, "link": url, "device": device}
    key = f"password-reset:{user.id}:{_minute()}"
    mail.send_type("password-reset", user.email, context, keys=[key])


def send_magic_link(user: User, device: str = "") -> None:
    """Send the link that signs ``user`` in; after its quarter of an hour it is not sent at all."""
    url = link("recovery.use_magic_link", token=magic_link_token(user))
    context = {"name": user.name, "link": url, "device": device}
    key = f"magic-link:{user.id}:{user.magic_links_used}:{_minute()}"
    mail.send_type("magic-link", user.email, context, keys=[key])


def send_account_locked(user: User, attempts: int, minutes: int, place: str) -> None:
    """Tell ``user`` that nobody can sign in for a while, and why: part of what locks it."""
    context = {
        "name": user.name,
        "email": user.email,
        "attempts": attempts,
        "minutes": minutes,
        "place": place,
        "link": link("recovery.forgot_password"),
    }
    mail.send_type("account-locked", user.email, context)


def send_data_export_ready(export: DataExport) -> None:
    """Tell somebody that the copy of their data can be fetched: part of what makes the copy."""
    context = {
        "name": export.user.name,
        "file": export.file_name,
        "size": len(export.content.encode()),
        "days": DataExport.DAYS,
        "until": f"{export.ends_at:%d %B %Y}".lstrip("0"),
        "link": link("account.download", export_id=export.id),
    }
    mail.send_type("data-export-ready", export.user.email, context)


def send_digests(digests: Mapping[User, list[dict[str, Any]]]) -> int:
    """Send everybody what is new, all in one go; return how many mails that are."""
    if not digests:
        return 0
    shared = {
        "period": "since yesterday",
        "link": link("workspaces.index"),
        "settings_link": link("account.show"),
    }
    people = {
        user.email: {"name": user.name, "groups": found, "unsubscribe_link": _digest_off(user)}
        for user, found in digests.items()
    }
    keys = [f"digest:{user.id}:{now():%Y-%m-%d}" for user in digests]
    return len(mail.send_type("notification-digest", people, shared, keys=keys))


def send_test(address: str, sent_by: str) -> None:
    """Send a mail that only says that mail works."""
    mail.send_type("test", address, {"sent_by": sent_by, "link": link("smtpadmin.overview")})


def _digest_off(user: User) -> str:
    """Return the address behind the button of mail programs, which want it to be https."""
    address = link("account.digest_off", token=digest_off_token(user))
    return address if address.startswith("https:") else ""


def _minute() -> int:
    return int(time.time()) // 60

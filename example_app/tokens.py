"""Signed, expiring tokens for links in mails.

A token carries a claim that stops being true once it was used (a mark of the old password, the
count of used magic links), so it works once and no table of tokens is needed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa
from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from example_app.extensions import db
from example_app.models import Invitation, User

Purpose = Literal["password-reset", "magic-link", "invitation", "digest-off"]

LIFETIMES: dict[Purpose, timedelta] = {
    "password-reset": timedelta(hours=1),
    "magic-link": timedelta(minutes=15),
    "invitation": timedelta(days=7),
    "digest-off": timedelta(days=365),
}


def password_reset_token(user: User) -> str:
    """Return a token that ends with the password it is meant to replace."""
    return _sign("password-reset", [user.id, user.password_mark])


def user_of_password_reset(token: str) -> User | None:
    """Return whose password ``token`` may set, or None when it is forged, used or too old."""
    user_id, mark = _read("password-reset", token) or (None, None)
    user = db.session.get(User, user_id) if user_id else None
    return user if user is not None and user.password_mark == mark else None


def magic_link_token(user: User) -> str:
    """Return a token that signs ``user`` in once."""
    return _sign("magic-link", [user.id, user.magic_links_used])


def user_of_magic_link(token: str) -> User | None:
    """Return whom ``token`` would sign in; it stays usable (mail scanners open links too)."""
    user_id, used = _read("magic-link", token) or (None, None)
    user = db.session.get(User, user_id) if user_id else None
    return user if user is not None and user.magic_links_used == used else None


def spend_magic_link(token: str) -> User | None:
    """Use ``token`` up and return whom it signs in; of two at the same time one wins."""
    user = user_of_magic_link(token)
    if user is None:
        return None
    spend = (
        sa.update(User)
        .where(User.id == user.id, User.magic_links_used == user.magic_links_used)
        .values(magic_links_used=User.magic_links_used + 1)
    )
    spent = cast("sa.CursorResult[Any]", db.session.execute(spend)).rowcount == 1
    db.session.commit()
    return user if spent else None


def invitation_token(invitation: Invitation) -> str:
    """Return the token of the link that is mailed to the invited address."""
    return _sign("invitation", [invitation.id, invitation.email])


def invitation_of(token: str) -> Invitation | None:
    """Return the invitation, or None when ``token`` is forged, too old or was accepted."""
    invitation_id, email = _read("invitation", token) or (None, None)
    invitation = db.session.get(Invitation, invitation_id) if invitation_id else None
    if invitation is None or invitation.email != email or invitation.accepted_at is not None:
        return None
    return invitation


def digest_off_token(user: User) -> str:
    """Return a token that switches the digest off, and nothing else."""
    return _sign("digest-off", [user.id])


def user_of_digest_off(token: str) -> User | None:
    """Return whose digest ``token`` switches off, or None when it is forged or too old."""
    (user_id,) = _read("digest-off", token) or (None,)
    return db.session.get(User, user_id) if user_id else None


def _sign(purpose: Purpose, claim: list[Any]) -> str:
    return _serializer(purpose).dumps(claim)


def _read(purpose: Purpose, token: str) -> list[Any] | None:
    max_age = int(LIFETIMES[purpose].total_seconds())
    try:
        claim: list[Any] = _serializer(purpose).loads(token, max_age=max_age)
    except BadData:
        return None
    return claim


def _serializer(purpose: Purpose) -> URLSafeTimedSerializer:
    fallbacks = current_app.config.get("SECRET_KEY_FALLBACKS") or []
    keys = [*reversed(fallbacks), current_app.config["SECRET_KEY"]]
    return URLSafeTimedSerializer(keys, salt=f"tidepool.{purpose}")

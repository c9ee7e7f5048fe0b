"""Locks an account for a while after many attempts to sign in that failed.

Whoever guesses learns nothing from it: a locked account answers like a wrong password. The person
is told by mail.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from example_app.extensions import db
from example_app.mails import send_account_locked
from example_app.models import User, now

ATTEMPTS = 10
LOCKED_FOR = timedelta(minutes=30)


def is_locked(user: User) -> bool:
    """Say whether nobody can sign in to ``user`` now."""
    return user.locked_until is not None and now() < user.locked_until


def count_failure(user: User, place: str) -> None:
    """Count an attempt that failed, from an IP address; the last one locks the account."""
    count = sa.update(User).where(User.id == user.id)
    db.session.execute(count.values(failed_sign_ins=User.failed_sign_ins + 1))
    db.session.refresh(user)
    if user.failed_sign_ins >= ATTEMPTS:
        user.locked_until = now() + LOCKED_FOR
        user.failed_sign_ins = 0
        send_account_locked(user, ATTEMPTS, int(LOCKED_FOR.total_seconds()) // 60, place)
    db.session.commit()


def forget_failures(user: User) -> None:
    """Begin counting anew: ``user`` has signed in."""
    if user.failed_sign_ins:
        user.failed_sign_ins = 0
        db.session.commit()

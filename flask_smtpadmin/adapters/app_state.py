"""The way from an app that was written for something else to its SMTPAdmin."""

from __future__ import annotations

from email.utils import parseaddr

from flask import Flask

from flask_smtpadmin.core.errors import ConfigurationError, InvalidMessage
from flask_smtpadmin.state import NAME, SETTINGS_AGE, State

Mailbox = str | tuple[str, str]


def state_of(app: Flask, adapter: str) -> State:
    """Return the State of ``app``; ``adapter`` is the class that needs it.

    Raises:
        ConfigurationError: the app has no SMTPAdmin; the text says what to add.
    """
    state = app.extensions.get(NAME)
    if not isinstance(state, State):
        raise ConfigurationError(
            f"{adapter} puts mail into the queue of SMTPAdmin, and {app.name!r} has none. Add "
            "SMTPAdmin(app, db) from flask_smtpadmin, db being its Flask-SQLAlchemy object."
        )
    return state


def check_envelope(state: State, *, asked: Mailbox, sender: Mailbox) -> None:
    """Refuse an envelope sender that a message cannot have: a server has one, or From is it.

    Raises:
        InvalidMessage: ``asked`` is neither the address in ``sender`` nor the setting's.
    """
    wanted = _address(asked)
    server = state.settings.snapshot(max_age=SETTINGS_AGE).default
    if wanted.lower() not in {_address(sender).lower(), server.envelope_from.lower()}:
        raise InvalidMessage(
            f"a message has no envelope sender of its own: set ENVELOPE_FROM to {wanted} for the "
            "server that it goes through",
            field="envelope_from",
        )


def _address(mailbox: Mailbox) -> str:
    return mailbox[1] if isinstance(mailbox, tuple) else parseaddr(mailbox)[1]

"""The way from an app that was written for something else to its SMTPAdmin."""

from __future__ import annotations

from flask import Flask

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.state import NAME, State


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

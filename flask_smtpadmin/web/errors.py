"""Pages for what went wrong: no right, an old form, no tables, no such thing."""

from __future__ import annotations

import logging
from typing import Final

from flask import Response
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from flask_smtpadmin.core.errors import NotFound, SchemaMissing, SMTPAdminError, WrongState
from flask_smtpadmin.web.access import Right
from flask_smtpadmin.web.render import bare

log = logging.getLogger(__name__)

_MEANING: Final[dict[Right, str]] = {
    "view": "see these pages",
    "operate": "test, retry, cancel or pause",
    "configure": "change settings or delete",
    "read_content": "read what messages say",
    "privacy": "see addresses in clear",
}
_WORDS: Final = {
    400: ("This request cannot be understood", "Go back and try it again."),
    403: ("You may not open this page", "Ask whoever runs this app for access."),
    404: ("There is nothing at this address", "It may have been deleted, or the link is wrong."),
    405: ("This address only takes a form", "Use the button on the page it belongs to."),
}


def no_access_check() -> Response:
    """Tell the developer what to add: without an access check nobody gets in."""
    return bare("errors/no_access_check", status=403)


def no_secret_key() -> Response:
    """Tell the developer that forms need a SECRET_KEY."""
    return bare("errors/no_secret_key", status=500)


def forbidden(right: Right) -> Response:
    """Say which right is lacking."""
    return bare(
        "errors/error",
        status=403,
        icon="lock",
        title="You may not do this",
        text=f"Your account may not {_MEANING[right]} here. Ask whoever runs this app for access.",
        detail=f"Missing right: {right}",
        way_back=right != "view",
    )


def form_expired() -> Response:
    """Say that the CSRF token is missing or too old."""
    return bare(
        "errors/error",
        status=400,
        icon="hourglass",
        title="The form has expired",
        text="Nothing was changed. Go back, reload the page and send the form again.",
    )


def http_error(error: HTTPException) -> Response:
    """Show an HTTP error of our own routes with its plain meaning."""
    status = error.code or 400
    title, text = _WORDS.get(status, _WORDS[400])
    return bare("errors/error", status=status, icon="search", title=title, text=text)


def database_error(error: DBAPIError) -> Response:
    """Say that the database is locked, away or read-only; what the driver said is for the log."""
    log.error("A page failed: %s", error, exc_info=error)
    return bare(
        "errors/error",
        status=503,
        icon="database",
        title="The database did not answer",
        text="It is busy or cannot be reached. Nothing was changed. Try again in a moment.",
    )


def own_error(error: SMTPAdminError) -> Response:
    """Show an error of the package: what it says is written for people."""
    if isinstance(error, SchemaMissing):
        return bare("errors/schema_missing", status=503, text=str(error))
    if isinstance(error, NotFound):
        return bare(
            "errors/error",
            status=404,
            icon="search",
            title=f"No such {error.kind}",
            text=f"{error} It may have been deleted.",
        )
    if isinstance(error, WrongState):
        return bare(
            "errors/error", status=409, icon="info", title="Nothing was changed", text=str(error)
        )
    log.error("A page failed: %s", error, exc_info=error)
    return bare(
        "errors/error", status=500, icon="warning", title="This did not work", text=str(error)
    )

"""Pages for what went wrong: no right, an old form, no tables, no such thing."""

from __future__ import annotations

import logging
from typing import Final

from flask import Response
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from flask_smtpadmin.core.errors import (
    ContentSecret,
    NotFound,
    SchemaMissing,
    SMTPAdminError,
    WrongState,
)
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.web.access import Right
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.render import bare

log = logging.getLogger(__name__)

_MEANING: Final[dict[Right, str]] = {
    "view": mark("Your account may not see these pages here."),
    "operate": mark("Your account may not test, retry, cancel or pause here."),
    "configure": mark("Your account may not change settings or delete here."),
    "read_content": mark("Your account may not read what messages say here."),
    "privacy": mark("Your account may not see addresses in clear here."),
}
_WORDS: Final = {
    400: (mark("This request cannot be understood"), mark("Go back and try it again.")),
    403: (mark("You may not open this page"), mark("Ask whoever runs this app for access.")),
    404: (
        mark("There is nothing at this address"),
        mark("It may have been deleted, or the link is wrong."),
    ),
    413: (
        mark("This form is too large"),
        mark("Nothing was changed. Go back and make its texts shorter; each may have 200 KB."),
    ),
    405: (
        mark("This address only takes a form"),
        mark("Use the button on the page it belongs to."),
    ),
}
#: By the kind of what is not there: heading and sentence.
_NO_SUCH: Final = {
    "message": (mark("No such message"), mark("There is no message %(key)s.")),
    "server": (mark("No such server"), mark("There is no server %(key)s.")),
    "test": (mark("No such test"), mark("There is no test %(key)s.")),
    "worker": (mark("No such worker"), mark("There is no worker %(key)s.")),
    "job": (mark("No such job"), mark("There is no job %(key)s.")),
    "session": (mark("No such session"), mark("There is no session %(key)s.")),
    "preset": (mark("No such preset"), mark("There is no preset %(key)s.")),
    "e-mail type": (mark("No such e-mail type"), mark("There is no e-mail type %(key)s.")),
    "language": (mark("No such language"), mark("There are no words in %(key)s.")),
    "version": (mark("No such version"), mark("Version %(key)s is no longer kept.")),
    "": (mark("No such %(kind)s"), mark("There is no %(kind)s %(key)s.")),
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
        title=_("You may not do this"),
        text=f"{_(_MEANING[right])} {_('Ask whoever runs this app for access.')}",
        detail=_("Missing right: %(right)s", right=right),
        way_back=right != "view",
    )


def form_expired() -> Response:
    """Say that the CSRF token is missing or too old."""
    return bare(
        "errors/error",
        status=400,
        icon="hourglass",
        title=_("The form has expired"),
        text=_("Nothing was changed. Go back, reload the page and send the form again."),
    )


def http_error(error: HTTPException) -> Response:
    """Show an HTTP error of our own routes with its plain meaning."""
    status = error.code or 400
    title, text = _WORDS.get(status, _WORDS[400])
    return bare("errors/error", status=status, icon="search", title=_(title), text=_(text))


def database_error(error: DBAPIError) -> Response:
    """Say that the database is locked, away or read-only; what the driver said is for the log."""
    log.error("A page failed: %s", error, exc_info=error)
    return bare(
        "errors/error",
        status=503,
        icon="database",
        title=_("The database did not answer"),
        text=_("It is busy or cannot be reached. Nothing was changed. Try again in a moment."),
    )


def own_error(error: SMTPAdminError) -> Response:
    """Show an error of the package: what it says is written for people."""
    if isinstance(error, SchemaMissing):
        return bare("errors/schema_missing", status=503, text=spoken(error))
    if isinstance(error, NotFound):
        return _not_found(error)
    if isinstance(error, ContentSecret):
        title = _("Kept secret")
        return bare("errors/error", status=403, icon="lock", title=title, text=spoken(error))
    if isinstance(error, WrongState):
        title = _("Nothing was changed")
        return bare("errors/error", status=409, icon="info", title=title, text=spoken(error))
    log.error("A page failed: %s", error, exc_info=error)
    title = _("This did not work")
    return bare("errors/error", status=500, icon="warning", title=title, text=spoken(error))


def _not_found(error: NotFound) -> Response:
    title, text = _NO_SUCH.get(error.kind, _NO_SUCH[""])
    said = _(text, key=repr(error.key), kind=error.kind)
    return bare(
        "errors/error",
        status=404,
        icon="search",
        title=_(title, kind=error.kind),
        text=f"{said} {_('It may have been deleted.')}",
    )

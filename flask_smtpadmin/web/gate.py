"""The one door: the right first, then the CSRF token, before any view runs."""

from __future__ import annotations

from typing import Any, Final

from flask import current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from flask_smtpadmin.state import VISITOR
from flask_smtpadmin.web import access, errors
from flask_smtpadmin.web.access import Right
from flask_smtpadmin.web.pieces import LONGEST_FORM
from flask_smtpadmin.web.routes import RIGHT_OF
from flask_smtpadmin.web.tokens import token_is_good

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def stand_aside(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Take our pages out of an app-wide ``CSRFProtect``, which would ask before the right.

    Flask calls this ahead of every ``before_request`` function; the gate checks the token itself.
    """
    protect = current_app.extensions.get("csrf")
    if protect is not None and request.blueprint is not None:
        protect.exempt(current_app.blueprints[request.blueprint])


def check_request() -> ResponseReturnValue | None:
    """Let the request through (None) or answer it: 403 without the right, 400 without a token."""
    request.environ[VISITOR] = access.visitor
    right = RIGHT_OF[(request.endpoint or "").rpartition(".")[2]]
    if right == "public":
        return None
    return _refuse_person(right) or _refuse_form()


def _refuse_person(right: Right) -> ResponseReturnValue | None:
    if not access.checked():
        return errors.no_access_check()
    answer = access.ask(right)
    if isinstance(answer, Response):
        return current_app.make_response(answer)
    return None if answer else errors.forbidden(right)


def _refuse_form() -> ResponseReturnValue | None:
    if not current_app.secret_key:
        return errors.no_secret_key()
    if request.method in SAFE:
        return None
    if (request.content_length or 0) > LONGEST_FORM:  # before anything of it is read
        return errors.http_error(RequestEntityTooLarge())
    if token_is_good():
        return None
    return errors.form_expired()

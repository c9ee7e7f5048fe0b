"""The public status word, and what is said about addresses that lead nowhere."""

from __future__ import annotations

import logging

from flask import Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from flask_smtpadmin.core.errors import SMTPAdminError
from flask_smtpadmin.core.figures import assess
from flask_smtpadmin.state import current_state

log = logging.getLogger(__name__)


def healthz() -> Response:
    """Answer ``ok`` (200) or ``unhealthy`` (503): one word, nothing about why."""
    word, code = ("ok", 200) if _healthy() else ("unhealthy", 503)
    return Response(word, code, content_type="text/plain")


def _healthy() -> bool:
    """Say whether mail that waits can go out; no when the database does not even answer."""
    state = current_state()
    try:
        figures, workers = state.summary.figures(), state.summary.workers()
        status = assess(figures, workers, state.settings.snapshot(), redis="none")
    except (SMTPAdminError, SQLAlchemyError) as error:
        log.warning("The health check failed: %s", type(error).__name__)
        return False
    return status.healthy


def elsewhere(rest: str) -> Response:
    """Say 405 for an address that only takes a form, else 404."""
    if _takes_a_form():
        raise MethodNotAllowed(valid_methods=["POST"])
    raise NotFound(rest)


def _takes_a_form() -> bool:
    adapter = current_app.create_url_adapter(request)
    try:
        return adapter is not None and adapter.match(request.path, method="POST") is not None
    except HTTPException:
        return False

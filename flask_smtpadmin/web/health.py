"""The public status word, and what is said about addresses that lead nowhere."""

from __future__ import annotations

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from flask_smtpadmin.core.figures import assess
from flask_smtpadmin.state import current_state


def healthz() -> Response:
    """Answer ``ok`` (200) or ``unhealthy`` (503): one word, nothing about why."""
    state = current_state()
    status = assess(
        state.summary.figures(), state.summary.workers(), state.settings.snapshot(), redis="none"
    )
    word, code = ("ok", 200) if status.healthy else ("unhealthy", 503)
    return Response(word, code, content_type="text/plain")


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

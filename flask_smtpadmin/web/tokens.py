"""The CSRF token of our forms: made for a page, looked at by the gate."""

from __future__ import annotations

from typing import Final

from flask import current_app, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

#: A form field of this name, or this header, carries the token.
TOKEN_FIELD: Final = "csrf_token"  # noqa: S105 - the name of a field
TOKEN_HEADER: Final = "X-CSRFToken"  # noqa: S105 - the name of a header


def form_token() -> str:
    """Return the token for a form on the page being made."""
    return str(generate_csrf(token_key=TOKEN_FIELD))


def token_is_good() -> bool:
    """Say whether the request carries a token of this very session that has not expired.

    ``WTF_CSRF_ENABLED = False`` counts only while the app is ``TESTING``.
    """
    if current_app.testing and current_app.config.get("WTF_CSRF_ENABLED", True) is False:
        return True
    given = request.form.get(TOKEN_FIELD) or request.headers.get(TOKEN_HEADER)
    try:
        validate_csrf(given, token_key=TOKEN_FIELD)
    except ValidationError:
        return False
    return True

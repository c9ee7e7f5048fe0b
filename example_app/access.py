"""Who is signed in, who may open the e-mail back office, and the headers of every page."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Flask, redirect, request, url_for
from flask_login import current_user

from example_app.extensions import db, login_manager, mail
from example_app.models import User

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as BaseResponse

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def init_app(app: Flask) -> None:
    """Send signed-out visitors to the sign-in page and set ``HEADERS`` where none are set."""
    login_manager.login_view = "accounts.log_in"
    login_manager.login_message = "Sign in to see this page."
    app.after_request(_set_headers)


def signed_in() -> User:
    """Return the account that is signed in; for pages behind ``login_required``."""
    return cast("User", current_user)


@login_manager.user_loader
def load_user(session_id: str) -> User | None:
    """Return the account of a session, unless its password has changed since."""
    user_id, _, mark = session_id.partition(":")
    user = db.session.get(User, int(user_id)) if user_id.isdecimal() else None
    return user if user is not None and user.password_mark == mark else None


@mail.access_check
def may_use_back_office(_right: str) -> bool | BaseResponse:
    """Let admins do everything in the back office and everybody else nothing."""
    if not current_user.is_authenticated:
        return redirect(url_for("accounts.log_in", next=request.full_path.rstrip("?")))
    return signed_in().is_admin


def _set_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

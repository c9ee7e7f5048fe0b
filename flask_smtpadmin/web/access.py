"""Who may do what: the rights, the app's own check, and the person who asks."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from flask import current_app, request
from werkzeug.wrappers import Response

from flask_smtpadmin.core.actor import Actor
from flask_smtpadmin.core.audit import Who
from flask_smtpadmin.state import current_state

#: view: pages; operate: test, retry, cancel, pause; configure: settings, servers, delete, tests of
#: unsaved values; read_content: bodies; privacy: clear addresses (masked without it).
Right = Literal["view", "operate", "configure", "read_content", "privacy"]
RIGHTS: Final[tuple[Right, ...]] = get_args(Right)
_ANSWERS: Final = "flask_smtpadmin.rights"


def checked() -> bool:
    """Say whether the app told us who may come in at all."""
    return current_state().hooks.access_check is not None


def ask(right: Right) -> bool | Response:
    """Put ``right`` to the app's access check: yes, no, or its own answer to the browser.

    Asked once a request: ``g`` would last longer where the app's context is open around several.
    Without an access check the answer is no.

    Raises:
        TypeError: the check returned something else; letting that in would be a guess.
    """
    answers: dict[str, bool | Response] = request.environ.setdefault(_ANSWERS, {})
    if right not in answers:
        check = current_state().hooks.access_check
        answer = current_app.ensure_sync(check)(right) if check is not None else False
        answers[right] = _understood(answer)
    return answers[right]


def may(right: Right) -> bool:
    """Say whether the person at the page has ``right`` (an answer of the app's own is a no)."""
    return ask(right) is True


def current_actor() -> Actor | None:
    """Return who is at the page: from the actor loader, else Flask-Login's current user."""
    loader = current_state().hooks.actor_loader
    found = current_app.ensure_sync(loader)() if loader is not None else _login_user()
    return found if found is None or isinstance(found, Actor) else _actor_like(found)


def actor_name() -> str | None:
    """Return what the records keep of the person: the e-mail address, else name or id."""
    actor = current_actor()
    return (actor.email or actor.name or actor.id)[:255] if actor else None


def visitor() -> Who:
    """Return the person at the page as the audit trail names them."""
    return Who(actor_name(), "page", request.remote_addr or "")


def _understood(answer: Any) -> bool | Response:
    if isinstance(answer, Response):
        return answer
    if not answer or isinstance(answer, (bool, int)):
        return bool(answer)
    raise TypeError(
        f"access_check returned {type(answer).__name__}; return True, False or a Response."
    )


def _login_user() -> Actor | None:
    if not hasattr(current_app, "login_manager"):
        return None
    from flask_login import current_user

    if not getattr(current_user, "is_authenticated", False):
        return None
    return _actor_like(current_user)


def _actor_like(user: Any) -> Actor:
    """Read a user object of any make by the names that most of them have."""
    identity = user.get_id() if hasattr(user, "get_id") else getattr(user, "id", "")
    email = str(getattr(user, "email", "") or "")
    name = getattr(user, "name", None) or getattr(user, "username", None) or email
    return Actor(id=str(identity), name=str(name or ""), email=email)

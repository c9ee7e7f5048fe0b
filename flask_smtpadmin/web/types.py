"""The kinds of mail that the app sends: all of them, and whether they go out."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from flask_smtpadmin import catalogue
from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.state import current_state
from flask_smtpadmin.storage.templates import FOOTER, HEADER
from flask_smtpadmin.web import access
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.render import done, page

#: How a type is registered, for apps that have none yet.
_EXAMPLE: Final = """\
@mail.email_type(
    "welcome",
    subject="Welcome to {{ app_name }}",
    html="<p>Hello {{ name }}, good to have you.</p>",
    trigger="user registration",
    sample={"name": "Ada"},
)
def welcome(user):
    return {"name": user.name}

mail.send_type("welcome", user.email, {"user": user})
"""


def types() -> Response:
    """List the types with how their latest mail fared."""
    state = current_state()
    snapshot = state.settings.snapshot(max_age=1.0)
    return page(
        "types",
        here="Types",
        types=catalogue.types(state),
        around={name: catalogue.own_version(state, name) for name in (HEADER, FOOTER)},
        around_failing=catalogue.frame_failing(state),
        example=_EXAMPLE,
        configured=any(server.configured for server in snapshot.servers.values()),
    )


def type_switch(name: str) -> Response:
    """Let mail of a type go out (``on`` is 1), or keep it back."""
    state = current_state()
    kind = state.hooks.types.get(name)
    back: dict[str, Any] = {"name": name} if request.form.get("page") == "type" else {}
    endpoint = "type_page" if back else "types"
    if request.form.get("on") == "1":
        state.templates.switch(name, on=True, actor=access.actor_name())
        return done(_("%(title)s is switched on.", title=_(kind.title)), endpoint, **back)
    try:
        catalogue.switch_off(state, name, actor=access.actor_name())
    except ConfigurationError as error:
        return done(spoken(error), endpoint, tone="warn", **back)
    words = _(
        "%(title)s is switched off. What the app sends of it is kept as cancelled.",
        title=_(kind.title),
    )
    return done(words, endpoint, tone="warn", **back)

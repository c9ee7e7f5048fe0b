"""All servers at a glance, and the buttons beside each."""

from __future__ import annotations

from flask import Response

from flask_smtpadmin.core.errors import ConfigurationError, NotFound
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access
from flask_smtpadmin.web.render import done, page


def servers() -> Response:
    """List the servers with their state, the default first."""
    state = current_state()
    found = in_order(tuple(state.settings.snapshot().servers.values()))
    allowances = state.summary.allowances(found)
    standing = state.checks.standing(found)
    return page("servers", here="Servers", servers=found, allowances=allowances, standing=standing)


def server_pause(key: str) -> Response:
    """Stop handing mail to one server."""
    name = _name(key)
    current_state().settings.set_paused(key, paused=True, actor=access.actor_name())
    return done(f"{name} is paused. Its messages wait.", "servers", tone="warn")


def server_resume(key: str) -> Response:
    """Hand mail to the server again."""
    name = _name(key)
    state = current_state()
    state.settings.set_paused(key, paused=False, actor=access.actor_name())
    state.doorbell.ring()
    return done(f"{name} is used again.", "servers")


def server_delete(key: str) -> Response:
    """Remove what was saved of a server; variables of the environment stay."""
    name = _name(key)
    try:
        current_state().settings.delete_server(key, actor=access.actor_name())
    except ConfigurationError as error:
        return done(f"Nothing was changed. {error}", "servers", tone="warn")
    if key == "default":
        return done("The saved settings of the default server were cleared.", "servers")
    return done(f"{name} was deleted.", "servers")


def in_order(found: tuple[Server, ...]) -> tuple[Server, ...]:
    """Return the default server first, then by priority and key."""
    return tuple(sorted(found, key=lambda item: (item.key != "default", item.priority, item.key)))


def _name(key: str) -> str:
    server = current_state().settings.snapshot().servers.get(key)
    if server is None:
        raise NotFound("server", key)
    return server.name or server.key

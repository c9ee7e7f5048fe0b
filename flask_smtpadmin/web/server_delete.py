"""Deleting a server: what would happen to it and to the mail that waits for it, then the deed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Response, request

from flask_smtpadmin.core.errors import ConfigurationError, NotFound
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access
from flask_smtpadmin.web.formats import number as counted
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import ngettext, spoken
from flask_smtpadmin.web.render import done, page

#: Seconds that a count for the question may take.
_PATIENCE: Final = 0.5


def server_delete_ask(key: str) -> Response:
    """Name the server, its routes and the mail that waits for it, and ask."""
    server, servers = _known(key)
    found = current_state().queue.tally(_waiting(key), patience=_PATIENCE)
    others = [it for it in servers.values() if it.key != key and it.usable]
    return page(
        "server_delete",
        here="Servers",
        server=server,
        stored=any(field.stored for field in server.fields.values()) or key != "default",
        outside=_outside(server),
        waiting=found.total,
        waiting_words=_many(found.total, exact=found.exact),
        others=others,
        heirs=", ".join(it.name or it.key for it in others if not it.routes),
    )


def server_delete(key: str) -> Response:
    """Remove what was saved of a server; variables of the environment stay."""
    server, _servers = _known(key)
    name = server.name or key
    state = current_state()
    try:
        state.settings.delete_server(key, actor=access.actor_name())
    except ConfigurationError as error:
        return done(_("Nothing was changed. %(why)s", why=spoken(error)), "servers", tone="warn")
    if key == "default":
        words = _("The saved settings of the default server were cleared.")
    else:
        words = _("%(name)s was deleted.", name=name)
    if request.form.get("let_go") == "1":
        count = state.queue.let_go(key)
        words += " " + ngettext(
            "%(count)s message that waited for it goes through any server now.",
            "%(count)s messages that waited for it go through any server now.",
            count,
        )
    return done(words, "servers")


def _known(key: str) -> tuple[Server, Mapping[str, Server]]:
    servers = current_state().settings.snapshot().servers
    if key not in servers:
        raise NotFound("server", key)
    return servers[key], servers


def _waiting(key: str) -> Filter:
    return Filter(state="waiting", server=key)


def _many(count: int, *, exact: bool) -> str:
    words = ngettext("%(count)s message", "%(count)s messages", count)
    return words if exact else _("More than %(count)s messages", count=counted(count - 1))


def _outside(server: Server) -> tuple[str, ...]:
    """Return the variables and keys outside the database that go on setting the server."""
    fields = server.fields.values()
    kept = (it.variable for it in fields if it.origin in {"environment", "app_config"})
    return tuple(dict.fromkeys(filter(None, kept)))

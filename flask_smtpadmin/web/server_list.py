"""All servers in the order in which they are tried, and the buttons beside each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, request

from flask_smtpadmin.core.errors import InvalidSettings, NotFound
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.settings.order import Move, in_order, levels, locked
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.render import done, page


@dataclass(frozen=True, slots=True)
class Place:
    """One server of the list.

    Attributes:
        server: which one.
        rank: the number of its level, from 1 on.
        others: the names of those it shares the mail with.
        weights: the sum of the weights of all that share.
        locked_by: the variable that sets its priority, or "".
        first: whether nothing is tried before it, nor beside it; ``last`` likewise.
    """

    server: Server
    rank: int
    others: tuple[str, ...]
    weights: int
    locked_by: str
    first: bool
    last: bool


def servers() -> Response:
    """List the servers as they are tried."""
    state = current_state()
    snapshot = state.settings.snapshot()
    found = in_order(snapshot.servers.values())
    return page(
        "servers",
        here="Servers",
        places=places(found),
        allowances=state.summary.allowances(found),
        standing=state.checks.standing(found),
        paused=snapshot.paused,
        moved=request.args.get("moved", ""),
    )


def places(found: Iterable[Server]) -> tuple[Place, ...]:
    """Return each server with its place in the order."""
    by_key = {server.key: server for server in found}
    order = levels(by_key.values())
    return tuple(
        _place(by_key, level, key, rank, len(order))
        for rank, level in enumerate(order, 1)
        for key in level
    )


def _place(by_key: dict[str, Server], level: list[str], key: str, rank: int, ranks: int) -> Place:
    server, alone = by_key[key], len(level) == 1
    return Place(
        server,
        rank,
        others=tuple(by_key[it].name or it for it in level if it != key),
        weights=sum(by_key[it].weight for it in level),
        locked_by=(server.fields["priority"].variable or "") if locked(server) else "",
        first=alone and rank == 1,
        last=alone and rank == ranks,
    )


def server_move(key: str) -> Response:
    """Let a server be tried earlier or later: ``by`` one step, or ``before`` another one."""
    _name(key)
    step = request.form.get("by", type=int, default=0)
    if not step and "before" not in request.form:
        return done(_("The order is as it was."), "servers", tone="info")
    move = Move(key, by=(step > 0) - (step < 0), before=request.form.get("before", ""))
    settings = current_state().settings
    before = settings.snapshot().servers
    try:
        after = settings.move_server(move, actor=access.actor_name()).servers
    except InvalidSettings as error:
        words = _("Nothing was changed. %(why)s", why=_(error.problems[0].message))
        return done(words, "servers", tone="warn", moved=key)
    if levels(before.values()) == levels(after.values()):
        return done(_("The order is as it was."), "servers", tone="info", moved=key)
    return done(_standing(key, places(after.values())), "servers", moved=key)


def _standing(key: str, order: tuple[Place, ...]) -> str:
    """Say when a server is tried now."""
    at = next(index for index, place in enumerate(order) if place.server.key == key)
    place = order[at]
    name = place.server.name or key
    if place.others:
        others = ", ".join(place.others)
        return _("%(name)s shares the mail with %(others)s now.", name=name, others=others)
    if at == 0:
        return _("%(name)s is tried first now.", name=name)
    before = order[at - 1].server
    return _("%(name)s is tried after %(other)s now.", name=name, other=before.name or before.key)


def server_pause(key: str) -> Response:
    """Stop handing mail to one server."""
    name = _name(key)
    current_state().settings.set_paused(key, paused=True, actor=access.actor_name())
    return done(_("%(name)s is paused. Its messages wait.", name=name), "servers", tone="warn")


def server_resume(key: str) -> Response:
    """Hand mail to the server again."""
    name = _name(key)
    state = current_state()
    state.settings.set_paused(key, paused=False, actor=access.actor_name())
    state.doorbell.ring()
    return done(_("%(name)s is used again.", name=name), "servers")


def _name(key: str) -> str:
    server = current_state().settings.snapshot().servers.get(key)
    if server is None:
        raise NotFound("server", key)
    return server.name or server.key

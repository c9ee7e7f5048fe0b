"""The page that tests a saved server: every step, and a test message."""

from __future__ import annotations

from flask import Response, request

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, checking
from flask_smtpadmin.web.render import page
from flask_smtpadmin.web.server_list import in_order


def test() -> Response:
    """Show the form; a GET connects to nothing."""
    servers = all_servers()
    wanted = request.args.get("server", "default")
    return page("test", here="Test", servers=servers, key=wanted, to=first_recipient(wanted))


def test_run() -> Response:
    """Test a saved server; with the script step by step, without it the page waits."""
    key = request.form.get("server", "default")
    server = current_state().settings.snapshot().servers.get(key)
    if server is None:
        raise NotFound("server", key)
    wanted = checking.order(server, request.form.get("to", ""))
    if checking.streams():
        return checking.stream(wanted)
    report = checking.run(wanted)
    return page(
        "test",
        here="Test",
        servers=all_servers(),
        key=key,
        to=wanted.to,
        order=wanted,
        report=report,
    )


def all_servers() -> tuple[Server, ...]:
    """Return the servers for the select box."""
    return in_order(tuple(current_state().settings.snapshot(max_age=1.0).servers.values()))


def first_recipient(key: str) -> str:
    """Return whom a test goes to unless another is typed: the person at the page."""
    actor = access.current_actor()
    if actor is not None and actor.email:
        return actor.email
    server = current_state().settings.snapshot(max_age=1.0).servers.get(key)
    return server.test_address if server else ""

"""The page that finds a server's settings from an e-mail address."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, render_template, request, stream_with_context
from werkzeug.datastructures import MultiDict

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.findings import Finding, Probe
from flask_smtpadmin.delivery.finding import LIMIT, FindOptions, domain_of, run_find
from flask_smtpadmin.delivery.policies import host_policy
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, limits
from flask_smtpadmin.web.checking import STREAM, streams
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.render import page
from flask_smtpadmin.web.server_form import FORM, ServerForm, fresh, shown
from flask_smtpadmin.web.server_pages import free_key, show, target_of

_HERE: Final = "Servers"
#: Seconds beyond the search's own limit before the page gives up on its thread.
_GRACE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, for which server ("" for a new one); ``problem``: why nothing is."""

    address: str
    target: str = ""
    problem: str = ""


def server_find() -> Response:
    """Show the form; nothing is looked up."""
    actor = access.current_actor()
    target = target_of(request.args.get("server", ""))
    return _page(Wanted(actor.email if actor else "", target))


def server_find_run() -> Response:
    """Look for the settings of an address, live where the script asks."""
    wanted = _wanted()
    if not wanted.problem:
        current_state().note_find(wanted.address)
    if streams():
        return _stream(wanted)
    found = None if wanted.problem else run_find(wanted.address, **_options(wanted))
    return _page(wanted, found, status=422 if wanted.problem else 200)


def server_find_use() -> Response:
    """Open the server form with what was found; nothing is saved."""
    target = target_of(request.form.get("server", ""))
    preset = request.form.get("preset") or "custom"
    form = shown(target, preset) if target else fresh(preset, free_key(preset))
    values = _prefilled(form)
    form.form = FORM(formdata=MultiDict(values))
    return show(form, new=not target, found=values)


def _prefilled(form: ServerForm) -> dict[str, str]:
    """Return the fields to fill in; who signs in and sends only where nothing says it yet."""
    values = {name: request.form.get(name, "") for name in ("host", "port", "tls_mode")}
    address, provider = request.form.get("address", ""), form.provider()
    known = provider if provider is not None and provider.category != "custom" else None
    if not form.base.name:
        values["name"] = known.name if known else address.rpartition("@")[2]
    if known is None or "password" in known.ways:
        values["auth"] = request.form.get("auth", "password")
    by_address = known is None or known.username_kind == "address"
    if by_address and values.get("auth") != "none" and not form.base.username:
        values["username"] = address
    if not form.base.from_email and (known is None or known.category == "mailbox"):
        values["from_email"] = address
    return values


def _wanted() -> Wanted:
    """Look at what was asked for before anything connects; counts towards the rate limit."""
    address = request.form.get("address", "").strip()
    target = target_of(request.form.get("server", ""))
    try:
        domain_of(address)
    except InvalidMessage as error:
        return Wanted(
            address, target, _("The address cannot be used: %(why)s.", why=_(error.reason))
        )
    wait = limits.seconds_to_wait()
    if wait:
        return Wanted(address, target, limits.too_many(wait))
    return Wanted(address, target)


def _options(wanted: Wanted) -> FindOptions:
    state = current_state()
    snapshot = state.settings.snapshot()
    server = snapshot.servers.get(wanted.target, snapshot.default)
    return FindOptions(
        resolver=state.resolver, policy=host_policy(snapshot), ca_file=server.ca_file
    )


def _page(wanted: Wanted, found: Finding | None = None, *, status: int = 200) -> Response:
    return page("find", status=status, here=_HERE, wanted=wanted, found=found)


def _stream(wanted: Wanted) -> Response:
    """Answer with a line of JSON for each row as it comes, and the whole result as the last."""
    lines = _lines(wanted) if not wanted.problem else iter([_last(wanted, None)])
    response = Response(stream_with_context(lines), content_type=STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # a proxy would hold the rows back
    return response


def _lines(wanted: Wanted) -> Iterator[str]:
    events: queue.Queue[Probe | Finding | Exception] = queue.Queue()
    cancel = threading.Event()
    options = _options(wanted) | FindOptions(progress=events.put)

    def work() -> None:
        try:
            events.put(run_find(wanted.address, cancel=cancel, **options))
        except Exception as error:  # noqa: BLE001 - handed to the page, which raises it
            events.put(error)

    threading.Thread(target=work, name="smtpadmin-find", daemon=True).start()
    try:
        while isinstance(event := events.get(timeout=LIMIT + _GRACE), Probe):
            yield _line(row=render_template("smtpadmin/find_row.html", probe=event))
        if isinstance(event, Exception):
            raise event
        yield _last(wanted, event)
    finally:
        cancel.set()  # the browser went away: nobody waits for the rest


def _last(wanted: Wanted, found: Finding | None) -> str:
    return _line(html=render_template("smtpadmin/find_result.html", wanted=wanted, found=found))


def _line(**values: Any) -> str:
    return json.dumps(values) + "\n"

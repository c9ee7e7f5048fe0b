"""The page that tests saved servers, here or on a worker, and the results of tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args

from flask import Response, make_response, redirect, request, url_for

from flask_smtpadmin.checkup import Part
from flask_smtpadmin.core.check import Check, Scenario, Wish
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.figures import WorkerRow
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.settings.order import in_order
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, checking, type_trial
from flask_smtpadmin.web.pieces import piece
from flask_smtpadmin.web.render import done, page, report_text, shown_address
from flask_smtpadmin.words_in_force import in_force

_HERE = "Test"
#: What the select boxes send for "each of them".
_EACH = "each"
_FEW = 10


def test() -> Response:
    """Show the form and the latest tests; a GET connects to nothing."""
    return _show(request.args.get("server", "default"))


def test_run() -> Response:
    """Begin a test; the script goes to its page at once, without it this waits for the end."""
    key = request.form.get("server", "default")
    server = current_state().settings.snapshot().servers.get(key)
    if server is None:
        raise NotFound("server", key)
    wish = _wish()
    if request.form.get("type"):
        return _send_sample(server, wish, request.form["type"])
    parts = [Part(one, place) for place in _places() for one in _wishes(wish)]
    asked = checking.ask(server, parts)
    if asked.problem:
        return _show(key, wish, asked)
    batch = checking.begin(asked)
    if not request.form.get("live"):
        found = checking.followed(batch)
        if all(check.over for check in found):
            return _show(key, wish, asked, found)
    return make_response(redirect(url_for(".test_result", batch=batch), 303))


def _send_sample(server: Server, wish: Wish, name: str) -> Response:
    """Send an e-mail of a registered type with its sample; its own page shows what follows."""
    thing = piece(name)
    texts = in_force(current_state(), thing.kind).texts
    told = type_trial.sent(thing, texts, wish.to, server.key)
    if "number" not in told:
        return _show(server.key, wish, checking.Asked(server, problem=told["text"]))
    return done(told["text"], "message", number=told["number"])


def test_result(batch: str) -> Response:
    """Show the tests that were begun together, as far as they got."""
    found = _found(batch)
    return page("test_result", here=_HERE, **_result(found))


def test_cancel(batch: str) -> Response:
    """End the tests that are under way."""
    _found(batch)
    current_state().checks.cancel(batch)
    return make_response(redirect(url_for(".test_result", batch=batch), 303))


def test_report(batch: str) -> Response:
    """Give the reports and the dialogues as a text file."""
    found = _found(batch)
    current_state().audit.record("check.download", f"test:{batch}")
    text = "\n\n".join(report_text(check) for check in found)
    response = make_response(shown_address(text))
    response.mimetype = "text/plain"
    response.headers["Content-Disposition"] = f'attachment; filename="smtp-test-{batch}.txt"'
    return response


def form_values(key: str, wish: Wish | None = None) -> dict[str, Any]:
    """Return what ``test_form.html`` needs, on whatever page it stands."""
    return {
        "servers": all_servers(),
        "senders": _senders(),
        "workers": _workers(),
        "key": key,
        "wish": wish or Wish(to=first_recipient(key)),
    }


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


def _show(
    key: str,
    wish: Wish | None = None,
    asked: checking.Asked | None = None,
    found: Sequence[Check] = (),
) -> Response:
    latest = current_state().checks.latest(_FEW)
    values = form_values(key, wish)
    return page("test", here=_HERE, latest=latest, asked=asked, checks=found, **values)


def _result(found: Sequence[Check]) -> dict[str, Any]:
    servers = current_state().settings.snapshot(max_age=1.0).servers
    return {
        "checks": found,
        "server": servers.get(found[0].server),
        "over": all(check.over for check in found),
    }


def _found(batch: str) -> tuple[Check, ...]:
    found = current_state().checks.batch(batch)
    if not found:
        raise NotFound("test", batch)
    return found


def _wish() -> Wish:
    scenario = request.form.get("scenario", "ladder")
    count = request.form.get("count", "").strip()
    return Wish(
        to=request.form.get("to", ""),
        sender=request.form.get("sender", ""),
        scenario=cast("Scenario", scenario if scenario in get_args(Scenario) else "ladder"),
        count=int(count) if scenario == "volume" and count.isdecimal() else 1,
    )


def _wishes(wish: Wish) -> list[Wish]:
    """Return one wish for each From address where somebody wants each of them tried."""
    if wish.sender != _EACH:
        return [wish]
    return [
        Wish(to=wish.to, sender=sender, scenario=wish.scenario, count=wish.count)
        for sender in _senders()
    ]


def _places() -> list[str]:
    """Return where to run it: here (""), on one worker, or on each one and here."""
    wanted = request.form.get("place", "")
    known = [worker.id for worker in _workers()]
    if wanted == _EACH:
        return ["", *known]
    if wanted and wanted not in known:
        raise NotFound("worker", wanted)
    return [wanted]


def _workers() -> tuple[WorkerRow, ...]:
    return tuple(worker for worker in current_state().summary.workers() if worker.live)


def _senders() -> tuple[str, ...]:
    """Return the From addresses that some server has or takes mail from."""
    servers = all_servers()
    found = [server.from_email for server in servers]
    found += [route for server in servers for route in server.routes if not route.startswith("@")]
    return tuple(dict.fromkeys(address for address in found if address))

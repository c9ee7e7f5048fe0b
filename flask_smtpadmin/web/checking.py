"""A check run from a page: it waits for the report, or streams the steps as they finish."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, render_template, request, stream_with_context

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.diagnose import LIMIT, STEPS, Report, Step, run_check
from flask_smtpadmin.delivery.policies import host_policy
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import limits

STREAM: Final = "application/x-ndjson"
#: Seconds beyond the check's own limit before the page gives up on its thread.
_GRACE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be checked; ``problem`` says why nothing can be tried at all."""

    server: Server
    to: str = ""
    problem: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the steps that will be tried."""
        return STEPS if self.to else STEPS[: STEPS.index("sign_in") + 1]


def order(server: Server, to: str) -> Order:
    """Look at what was asked for before anything connects; counts towards the rate limit."""
    to = to.strip()
    try:
        if to:
            to = parse_address(to, field="to").email
    except InvalidMessage as error:
        return Order(server, to, f"The recipient cannot be used: {error.reason}")
    if not server.configured:
        return Order(server, to, "There is no host to connect to yet.")
    if server.problems:
        return Order(server, to, server.problems[0].message)
    wait = limits.seconds_to_wait()
    if wait:
        return Order(server, to, f"Ten tests a minute are enough. Try again in {wait:.0f} s.")
    return Order(server, to)


def run(wanted: Order) -> Report | None:
    """Check and wait for the report; None when the order has a problem."""
    if wanted.problem:
        return None
    return run_check(wanted.server, to=wanted.to or None, policy=_policy())


def streams() -> bool:
    """Say whether the script asks, which shows each step as it comes."""
    return request.accept_mimetypes.best == STREAM


def stream(wanted: Order) -> Response:
    """Answer with a line of JSON for each finished step and the whole report as the last."""
    lines = _lines(wanted) if not wanted.problem else iter([_last(wanted, None)])
    response = Response(stream_with_context(lines), content_type=STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # a proxy would hold the steps back
    return response


def _lines(wanted: Order) -> Iterator[str]:
    events: queue.Queue[Step | Report | Exception] = queue.Queue()
    cancel = threading.Event()
    policy = _policy()

    def work() -> None:
        try:
            to = wanted.to or None
            events.put(
                run_check(wanted.server, to=to, progress=events.put, policy=policy, cancel=cancel)
            )
        except Exception as error:  # noqa: BLE001 - handed to the page, which raises it
            events.put(error)

    threading.Thread(target=work, name="smtpadmin-check", daemon=True).start()
    try:
        while isinstance(event := events.get(timeout=LIMIT + _GRACE), Step):
            yield _line(step=event.document())
        if isinstance(event, Exception):
            raise event
        yield _last(wanted, event)
    finally:
        cancel.set()  # the browser went away: nobody waits for the rest


def _policy() -> HostPolicy:
    return host_policy(current_state().settings.snapshot(max_age=1.0))


def _last(wanted: Order, report: Report | None) -> str:
    return _line(html=render_template("smtpadmin/report.html", order=wanted, report=report))


def _line(**values: Any) -> str:
    return json.dumps(values) + "\n"

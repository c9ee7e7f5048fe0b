"""The server itself, tried by hand: every step, or one sign-in that must be refused."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from flask_smtpadmin.checkup.order import Order
from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.hosts import covers, exact
from flask_smtpadmin.core.report import Report, Step
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.words import mark, said
from flask_smtpadmin.delivery.diagnose import run_check
from flask_smtpadmin.delivery.facts import facts
from flask_smtpadmin.delivery.policies import host_policy
from flask_smtpadmin.state import State

_REDIS: Final = {True: "answers", False: "does not answer", None: "not used"}
OPEN_DOOR: Final = "accepts_any_password"
_UNREGISTERED: Final = mark(
    "The server sees this host as %(now)s, which is not among the registered addresses "
    "(%(known)s). Register %(exact)s with the provider."
)
_OTHER: Final = mark(
    "The server sees this host as %(now)s; before, it was %(before)s. Where the provider has a "
    "list of allowed addresses, add %(exact)s."
)


def by_hand(state: State, order: Order) -> Report:
    """Climb the ladder to the server, with what this process knows about itself."""
    wish, wrong = order.wish, order.wish.scenario == "wrong_password"
    server = _with_wrong_password(order.server) if wrong else order.server
    report = run_check(
        server,
        to=None if wrong else wish.to or None,
        sender=wish.sender or None,
        progress=None if wrong else order.progress,
        policy=host_policy(state.settings.snapshot()),
        cancel=order.stop,
        transcript=order.transcript,
    )
    report = replace(report, runtime=surroundings(state, order))
    report = _expected(report) if wrong else report
    return replace(report, warnings=(*report.warnings, *_moved(state, order.server, report)))


def surroundings(state: State, order: Order) -> dict[str, str]:
    """Return facts about this process and what it is connected to."""
    return {**facts(order.server), "redis": _REDIS[state.doorbell.healthy()]}


def _with_wrong_password(server: Server) -> Server:
    """Return the server with a password that nobody has."""
    return replace(server, password=secrets.token_urlsafe(12))


def _expected(report: Report) -> Report:
    """Turn the report round: a refused password is what this test wants to see."""
    steps = list(report.steps)
    last = steps[-1]
    if report.ok and last.state == "ok":
        told = mark("signed in with a password that was made up for this test")
        steps[-1] = replace(last, state="failed", detail=told)
        known = advice(OPEN_DOOR)
        return replace(report, ok=False, steps=tuple(steps), cause=OPEN_DOOR, advice=known.text)
    if last.state == "failed" and advice(report.cause).family == "auth":
        steps[-1] = replace(last, state="ok", detail=mark("refused, as it should be"))
        return replace(report, ok=True, steps=tuple(steps), cause="", advice="")
    if last.state == "skipped" and report.ok:
        steps[-1] = Step(last.name, "skipped", 0.0, mark("this server asks for no password"))
        return replace(report, steps=tuple(steps))
    return report


def _moved(state: State, server: Server, report: Report) -> tuple[str, ...]:
    """Say when the server sees this host under an address that it did not have before."""
    if not report.seen_as:
        return ()
    registered = server.registered_addresses
    if registered and not any(covers(item, report.seen_as) for item in registered):
        known = ", ".join(registered)
        return (said(_UNREGISTERED, now=report.seen_as, known=known, exact=exact(report.seen_as)),)
    before = state.checks.last_seen_as(server.key)
    if registered or before in {"", report.seen_as}:
        return ()
    return (said(_OTHER, now=report.seen_as, before=before, exact=exact(report.seen_as)),)

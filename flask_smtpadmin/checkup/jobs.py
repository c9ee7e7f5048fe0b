"""Checks as jobs: written down, run in a thread or by a worker, cancelled, and looked at."""

from __future__ import annotations

import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from flask_smtpadmin.checkup.by_hand import by_hand, surroundings
from flask_smtpadmin.checkup.order import Order, Stop
from flask_smtpadmin.checkup.through_queue import Trial
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.dialogues import Origin
from flask_smtpadmin.core.report import Report, Step
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.diagnose import LIMIT
from flask_smtpadmin.state import State

log = logging.getLogger(__name__)

#: Says whether whoever runs a check is about to end.
Ending: TypeAlias = Callable[[], bool]
#: Seconds that the queue has at least, however long the server took.
_LEAST: Final = 5.0


def _never() -> bool:
    """Go on for as long as it takes."""
    return False


@dataclass(frozen=True, slots=True)
class Part:
    """One check of several that are asked for together; ``place``: the worker that runs it."""

    wish: Wish
    place: str = ""


def report_on(state: State, order: Order) -> Report:
    """Run a check to its end in this thread and return the report; 30 s in all."""
    ends = time.monotonic() + LIMIT
    wish = order.wish
    if wish.scenario == "volume":
        report = Report(order.server.key, ok=True, steps=(), runtime=surroundings(state, order))
    else:
        report = by_hand(state, order)
    if "sent" in wish.steps and report.ok and not order.stop.is_set():
        report = Trial(state, order, max(_LEAST, ends - time.monotonic())).run(report)
    tried = {step.name for step in report.steps}
    rest = [Step(name, "skipped") for name in wish.steps if name not in tried]
    return report.with_steps(*rest)


def begin(
    state: State,
    server: Server,
    parts: Sequence[Part],
    *,
    saved: bool = True,
    actor: str | None = None,
) -> str:
    """Write the checks down, start those that are run here, and return the batch's id.

    One after the other in a thread of their own; where the database has one connection only
    (in-memory SQLite) they are done when this returns.
    """
    batch = secrets.token_hex(8)
    mine: list[tuple[str, Order]] = []
    for position, part in enumerate(parts):
        host = "" if part.place else socket.gethostname()
        number = state.checks.add(
            server,
            part.wish,
            saved=saved,
            place=part.place,
            host=host,
            actor=actor,
            batch=batch,
            number=f"{batch}{position:02d}",
        )
        if not part.place:
            mine.append((number, Order(server=server, wish=part.wish, saved=saved)))
    if state.database.in_memory:
        _run_all(state, mine)
    elif mine:
        threading.Thread(
            target=_run_all, args=(state, mine), name="smtpadmin-check", daemon=True
        ).start()
    return batch


def run_here(state: State, order: Order, *, actor: str | None = None) -> Report:
    """Run one check in this thread, keep its result, and return it."""
    number = state.checks.add(
        order.server, order.wish, saved=order.saved, host=socket.gethostname(), actor=actor
    )
    return _run(state, number, order)


def serve_waiting(state: State, worker_id: str, ending: Ending = _never) -> bool:
    """Run a check that waits for this worker, if one does; return whether one did.

    ``ending``: says that the worker ends, and the check with it.
    """
    check = state.checks.take(worker_id, socket.gethostname())
    if check is None:
        return False
    server = state.settings.snapshot().servers.get(check.server)
    if server is not None:
        _run(state, check.id, Order(server=server, wish=check.wish), ending)
    return True


def look(state: State, server: Server, number: str, *, place: str, ending: Ending = _never) -> bool:
    """Sign in to see whether the server is well, unless somebody does under this ``number``."""
    if not state.checks.add_once(server, number, place=place, host=socket.gethostname()):
        return False
    _run(state, number, Order(server=server, wish=Wish(), kind="health"), ending)
    return True


def _run_all(state: State, orders: Sequence[tuple[str, Order]]) -> None:
    for number, order in orders:
        try:
            _run(state, number, order)
        except Exception:  # the page says that nobody works on it any more
            log.exception("A check of server %s failed", order.server.key)


def _run(state: State, number: str, order: Order, ending: Ending = _never) -> Report:
    """Run one check that is written down, keep each step as it ends, and the result."""
    done: list[Step] = []
    stop = Stop(lambda: ending() or state.checks.cancelled(number))

    def keep(step: Step) -> None:
        done.append(step)
        order.progress(step)
        so_far = Report(order.server.key, ok=False, steps=tuple(done))
        try:
            wanted = state.checks.progress(number, so_far)
        except SQLAlchemyError:  # a busy database costs the page a step, not the check its end
            log.warning("A step of a check could not be stored.", exc_info=True)
        else:
            if not wanted:
                stop.set()

    with state.pushed():
        recorder = state.recorder(state.settings.snapshot())
        transcript = recorder.begin(order.server)
        watched = replace(order, progress=keep, stop=stop, transcript=transcript)
        report = report_on(state, watched)
        state.checks.finish(number, report, transcript.text())
        origin: Origin = "test" if order.kind == "test" else "health check"
        recorder.keep(transcript, order.server.key, origin)
        if report.ok and order.saved and order.wish.scenario != "wrong_password":
            state.checks.praise(order.server)
    return report

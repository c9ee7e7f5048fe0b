"""Work on many messages, in a thread of its own and in short transactions with pauses between."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.state import State

log = logging.getLogger(__name__)

#: Seconds between two transactions, at least: workers write, too.
_PAUSE: Final = 0.05


def begin(state: State, deed: Deed, *, actor: str | None = None) -> str:
    """Write a job down, start it, and return its id.

    Where the database has one connection only (in-memory SQLite) it is done when this returns.

    Raises:
        InvalidSearch: the filter cannot be meant.
    """
    number = state.jobs.add(deed, actor=actor)
    _start(state, number)
    return number


def go_on(state: State, number: str) -> bool:
    """Take over a job whose process has ended; False: somebody works on it, or it is over."""
    if not state.jobs.take_over(number):
        return False
    _start(state, number)
    return True


def _start(state: State, number: str) -> None:
    if state.database.in_memory:
        _work(state, number)
        return
    threading.Thread(target=_work, args=(state, number), name="smtpadmin-job", daemon=True).start()


def _work(state: State, number: str) -> None:
    try:
        while True:
            began = time.monotonic()
            more = state.jobs.step(state.jobs.get(number))
            state.doorbell.ring()
            if not more:
                return
            time.sleep(max(_PAUSE, time.monotonic() - began))
    except Exception:
        log.exception("Job %s broke off", number)
        state.jobs.fail(number)

"""How often one person may start a test: ten times a minute (RELIABILITY rule K10)."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import Final

from flask import request

from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access
from flask_smtpadmin.web.language import gettext as _

TESTS: Final = 10
PERIOD: Final = 60.0

_lock = threading.Lock()
_started: defaultdict[str, deque[float]] = defaultdict(deque)


def seconds_to_wait(count: int = 1) -> float:
    """Count tests for the person at the page; return 0, or how long they must wait first.

    A person who is known by name is counted over all web processes, everybody else in this one.
    """
    actor, name = access.current_actor(), access.actor_name()
    if name and current_state().checks.recent(name, PERIOD) + count > max(TESTS, count):
        return PERIOD / 2
    return take(actor.id if actor else request.remote_addr or "", time.monotonic())


def too_many(wait: float) -> str:
    """Say when, in seconds, the next test may be started."""
    return _("Ten tests a minute are enough. Try again in %(seconds)s s.", seconds=f"{wait:.0f}")


def take(name: str, now: float, most: int = TESTS) -> float:
    """Count one deed of ``name`` at ``now`` (monotonic seconds); return 0 or the time to wait."""
    with _lock:
        started = _started[name]
        while started and started[0] <= now - PERIOD:
            started.popleft()
        if len(started) >= most:
            return started[0] + PERIOD - now
        started.append(now)
        _drop_idle(now)
        return 0.0


def forget() -> None:
    """Start counting afresh."""
    with _lock:
        _started.clear()


def _drop_idle(now: float) -> None:
    """Drop people who have not tested for a while, so that the table stays small."""
    idle = [
        name for name, started in _started.items() if not started or started[-1] <= now - PERIOD
    ]
    for name in idle:
        del _started[name]

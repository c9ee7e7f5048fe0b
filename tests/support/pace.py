"""A worker whose leases, heartbeats and sweeps run faster, and whose clock a test may move.

Imported by the worker's process itself, see :func:`quicken`: everything else there is as always.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.workers import WorkerSite

#: The rhythm of rescue: everything that says after how many seconds a worker counts as gone.
RHYTHM = (
    "LEASE",
    "LEASE_MARGIN",
    "BEAT_EVERY",
    "_FIRST_BEAT",
    "SILENT_AFTER",
    "APART",
    "_SWEEP_EVERY",
    "IDLE_TIMEOUT",
)
#: Whole seconds are not divided below this: a busy machine may stand still for some of them.
LEAST = 9

_LINES = """
import sys
sys.path.insert(0, {tests!r})
from support.pace import hurry, move_clock
hurry({pace!r})
move_clock({clock!r})
"""


def quicken(site: WorkerSite, pace: float) -> Callable[[float], None]:
    """Let the workers of ``site`` live ``pace`` times as fast; return what moves their clock.

    The clock is that of the host for SQLite, and that of the database's answers elsewhere.
    """
    clock = site.folder / "clock"
    lines = _LINES.format(tests=str(Path(__file__).parents[1]), pace=pace, clock=str(clock))
    with (site.folder / "worker_app.py").open("a", encoding="utf-8") as app:
        app.write(lines)

    def jump(seconds: float) -> None:
        new = clock.with_suffix(".new")
        new.write_text(str(seconds), encoding="utf-8")
        new.replace(clock)

    jump(0)
    return jump


def hurry(pace: float) -> None:
    """Divide the rhythm of rescue in this process by ``pace``."""
    for name in RHYTHM:
        modules = [module for module in _ours() if hasattr(module, name)]
        assert modules, name
        for module in modules:
            value = getattr(module, name)
            setattr(module, name, _divided(value, pace))


def _divided(value: Any, pace: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_divided(one, pace) for one in value)
    return max(LEAST, round(value / pace)) if isinstance(value, int) else value / pace


def move_clock(path: str) -> None:
    """Let the time in this process be off by the seconds that stand in the file ``path``."""
    from flask_smtpadmin.storage import clock, database

    def off() -> timedelta:
        return timedelta(seconds=float(Path(path).read_text(encoding="utf-8")))

    real = database.utcnow

    def utcnow() -> datetime:
        return real() + off()

    for module in _ours():
        if getattr(module, "utcnow", None) is real:
            module.utcnow = utcnow
    look = clock.Clock.look

    def look_and_move(self: Any, connection: Any) -> None:
        look(self, connection)
        if self._base is not None:
            self._base = (self._base[0] + off(), self._base[1])

    clock.Clock.look = look_and_move  # type: ignore[method-assign]  # that is what it is for


def _ours() -> list[Any]:
    from flask_smtpadmin.worker import supervisor

    assert supervisor
    modules = dict(sys.modules).items()
    return [module for name, module in modules if name.startswith("flask_smtpadmin")]

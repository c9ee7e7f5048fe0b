"""How large a promise's test is, how long it waits, and where its figures go.

Each promise has a file ``tests/promises/test_r<number>_<noun>.py``::

    @promise("R4")
    def test_no_duplicates(any_site, report, dice):
        \"\"\"R4: 10,000 mails, 8 processes ...: 0 duplicates, 0 lost.\"\"\"
        mails = size(10_000, ci=500)          # full size with `make chaos`, small in `make test`
        time.sleep(seconds(60))               # 60 s divided by the time scale
        report(mails=mails, lost=lost, duplicates=doubled)   # before the assertions
        assert lost == doubled == 0

``report`` takes figures at any time, later ones replace earlier ones; outcome, database, seconds
and seed are added by themselves. ``dice`` is a ``random.Random`` whose seed is printed. Databases:
the fixture ``database_url`` runs a test on all three at any size, ``any_database_url`` on all three
at full size and on SQLite alone in ``make test``; ``make chaos DB=postgresql`` selects one.
"""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

T = TypeVar("T", bound=Callable[..., Any])

#: Read at import: the tests themselves run in a scrubbed environment.
FULL = os.environ.get("SMTPADMIN_CHAOS") == "full"
TIME_SCALE = float(os.environ.get("SMTPADMIN_CHAOS_TIME_SCALE") or (10 if FULL else 40))
SEED = int(os.environ.get("SMTPADMIN_CHAOS_SEED") or random.SystemRandom().randrange(2**32))
DATABASE = os.environ.get("SMTPADMIN_CHAOS_DB") or None
RESULTS = os.environ.get("SMTPADMIN_CHAOS_RESULTS") or None
COMMAND = os.environ.get("SMTPADMIN_CHAOS_COMMAND") or "make test"

os.environ["SMTPADMIN_CHAOS_SEED"] = str(SEED)  # one seed for all processes of a run

DATABASES = ("sqlite", "postgresql", "mariadb")
PROMISES = tuple(f"R{number}" for number in range(1, 21)) + tuple(f"H{n}" for n in range(1, 10))


def size(full: int, *, ci: int) -> int:
    """Return how many there shall be of something."""
    return full if FULL else ci


def seconds(full: float) -> float:
    """Return how long to wait where the promise says ``full`` seconds."""
    return full / TIME_SCALE


def promise(*names: str) -> Callable[[T], T]:
    """Mark a test with the promises that it measures (``make chaos ONLY=R1`` selects by it)."""
    assert set(names) <= set(PROMISES), names

    def mark(test: T) -> T:
        for name in names:
            test = getattr(pytest.mark, name.lower())(test)
        return cast("T", pytest.mark.promise(*names)(test))

    return mark


def databases(*, everywhere: bool) -> list[Any]:
    """Return the parameters of a fixture that names databases."""
    names = DATABASES if everywhere or FULL else DATABASES[:1]
    if DATABASE:
        names = (DATABASE,)
    marks = {"postgresql": pytest.mark.postgresql, "mariadb": pytest.mark.mariadb}
    return [pytest.param(name, marks=marks.get(name, ())) for name in names]


class Report:
    """The figures of one test, written as one line of JSON when it has ended."""

    def __init__(self, node: pytest.Function) -> None:
        self.figures: dict[str, Any] = {}
        self.seed = SEED
        self._node = node
        self._began = time.monotonic()

    def __call__(self, **figures: Any) -> None:
        """Keep what was measured; later figures of a name replace earlier ones."""
        self.figures.update(figures)

    def write(self, database: str, outcome: str) -> None:
        """Append the line, if a file was named."""
        if RESULTS is None:
            return
        mark = self._node.get_closest_marker("promise")
        line = {
            "promises": list(mark.args) if mark else [],
            "says": (self._node.function.__doc__ or "").split("\n")[0],
            "test": self._node.nodeid.partition("promises/")[2],
            "database": database,
            "size": "full" if FULL else "small",
            "figures": self.figures,
            "outcome": outcome,
            "seconds": round(time.monotonic() - self._began, 1),
            "seed": SEED,
            "scale": TIME_SCALE,
            **surroundings(),
        }
        with Path(RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def surroundings() -> dict[str, str]:
    """Return command, date, commit and machine of a run."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "command": COMMAND,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit.stdout.strip() or "?",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
    }

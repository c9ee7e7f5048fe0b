"""What a benchmark found: tables, lines that pass or fall short, and where and when it was."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import ROOT

FOLDER = ROOT / "build" / "benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One promise: ``value`` must reach ``bound``, or with ``at_most`` not exceed it.

    ``spread``: the lowest and the highest value of the single runs.
    """

    what: str
    value: float
    bound: float
    unit: str = "x"
    at_most: bool = False
    goal: float | None = None
    spread: tuple[float, float] | None = None

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    @property
    def verdict(self) -> str:
        """``pass``, ``pass, goal reached`` or ``short``."""
        if not self.holds:
            return "short"
        reached = self.goal is not None and self.value >= self.goal
        return "pass, goal reached" if reached else "pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one benchmark; the first of ``columns`` names the rows."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: Sequence[Line] = ()
    notes: Sequence[str] = ()
    circumstances: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Write it to ``build/benchmarks`` and print it."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        document = json.dumps(asdict(self), indent=2)
        (FOLDER / f"{self.name}.json").write_text(document + "\n")
        print(f"\n{self.title}")
        widths = [max(len(row[at]) for row in (self.columns, *self.rows)) for at in _range(self)]
        for row in (self.columns, *self.rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
        for line in self.lines:
            print(describe(line))


def load(name: str) -> Result | None:
    """Read what the last run of a benchmark left, if there was one."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    document["lines"] = [
        Line(**{**line, "spread": line["spread"] and tuple(line["spread"])})
        for line in document["lines"]
    ]
    return Result(**document)


def describe(line: Line) -> str:
    """Say in one line of text what was promised and what came out."""
    sign = "<=" if line.at_most else ">="
    goal = "" if line.goal is None else f", goal {line.goal:g}"
    spread = "" if line.spread is None else f" ({line.spread[0]:.3g} to {line.spread[1]:.3g})"
    bound = f"{sign} {line.bound:g}{goal}"
    return f"  {line.verdict:18} {line.what}: {line.value:.3g}{spread} {line.unit}, {bound}"


def ratio(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    bound: float,
    goal: float | None = None,
) -> Line:
    """Compare two series whose runs took turns: the ratio of the medians, and of each turn."""
    turns = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    value = statistics.median(ours) / statistics.median(theirs)
    return Line(what=what, value=value, bound=bound, goal=goal, spread=(min(turns), max(turns)))


def cost_ratio(what: str, ours: Sequence[float], theirs: Sequence[float], bound: float) -> Line:
    """Compare two series of which the smaller is the better."""
    return replace(ratio(what, ours, theirs, bound), at_most=True)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that ``percent`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def circumstances(**more: str) -> dict[str, str]:
    """Say what was run, when, from which commit and on which machine."""
    module = Path(sys.argv[0]).stem
    target = "benchmarks" if module == "__main__" else f"benchmarks.{module}"
    return {
        "command": shlex.join(["python", "-m", target, *sys.argv[1:]]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": f"commit {_commit()}",
        "machine": _machine(),
        "versions": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        **more,
    }


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", "flask_smtpadmin")
    except (OSError, subprocess.CalledProcessError):
        return "not a checkout"
    return f"{commit} and uncommitted changes" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {processor}, {memory:.0f} GB, Linux {platform.release()}; "
        f"load when it began {os.getloadavg()[0]:.2f}"
    )


def _range(result: Result) -> range:
    return range(len(result.columns))

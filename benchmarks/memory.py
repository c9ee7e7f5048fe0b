"""Memory of a worker: idle, and after 20,000 and 100,000 mails, beside the app alone.

The app alone is a process that imported it and made it, without a worker.
"""

from __future__ import annotations

import subprocess
import sys
import time

import sqlalchemy as sa

from benchmarks.copies import fill_with_copies
from benchmarks.options import parse
from benchmarks.result import Line, Result, circumstances
from benchmarks.servers import DATABASES, Servers
from benchmarks.sink import Sink, best_sink
from benchmarks.site import Site
from benchmarks.timing import Command, resident, running, watch

#: MB that a worker may have above the app alone, and may grow while it delivers.
ABOVE, GROWTH = 40, 5
_IMPORT = "from benchmarks.site import create_app; create_app(); print('made', flush=True); input()"
#: Seconds for a process to come to rest.
_REST = 3.0


def imported(site: Site) -> float:
    """Return the memory of a process that did nothing but make the app."""
    command = Command([sys.executable, "-c", _IMPORT], site.environ)
    process = subprocess.Popen(
        command.line,
        env=command.complete,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        return resident(process)
    finally:
        process.communicate(b"\n")


def worker(site: Site, sink: Sink, steps: list[int], connections: int) -> list[float]:
    """Return the memory of a worker, idle and after so many mails in all."""
    from support.processes import wait_until

    with running([Command(*site.worker(sink.port, connections))]) as processes:
        wait_until(lambda: _at_work(site), timeout=60)
        time.sleep(_REST)
        found, sent = [resident(processes[0])], 0
        for mails in steps:
            before = sink.accepted()
            fill_with_copies(site, mails - sent)
            watch(sink, before, mails - sent, processes)
            sent = mails
            time.sleep(_REST)
            found.append(resident(processes[0]))
    return found


def _at_work(site: Site) -> bool:
    """Say whether a worker has signed on."""
    with site.state.database.read() as connection:
        workers = sa.select(sa.func.count()).select_from(site.state.models.table("Worker"))
        return bool(connection.execute(workers).scalar_one())


def _megabytes(what: str, value: float, bound: float) -> Line:
    return Line(what=f"memory {what}", value=value, bound=bound, unit="MB", at_most=True)


def main() -> None:
    """Measure on both databases and save the result."""
    options = parse(__doc__, mails=100_000, runs=1)
    steps = [options.mails // 5, options.mails]
    rows, lines = [], []
    with Servers() as servers, best_sink(servers.folder, own=options.own_sink) as sink:
        told = circumstances(sink=sink.name)
        for database in DATABASES:
            with servers.site(database) as site:
                app = imported(site)
                found = worker(site, sink, steps, options.connections)
            rows.append([database, *(f"{figure:.1f}" for figure in (app, *found))])
            grown = f"growth from {steps[0]:,} to {steps[1]:,} mails, {database}"
            lines += [
                _megabytes(f"above the app alone, {database}", max(found) - app, ABOVE),
                _megabytes(grown, found[2] - found[1], GROWTH),
            ]
    Result(
        name="memory",
        title="Memory of one worker, MB resident",
        columns=("database", "app alone", "idle", *(f"after {n:,}" for n in steps)),
        rows=rows,
        lines=lines,
        circumstances=told,
    ).save()


if __name__ == "__main__":
    main()

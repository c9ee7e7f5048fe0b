"""Long queues: what a claim and a delivered mail cost with 1,000, 100,000 and a million queued.

The claim is the package's own, 50 messages in a transaction of its own. Delivery is timed for the
first tenth of a queue, at most 20,000 mails a run, and for all of the shortest one. The sizes take
turns. ``--full`` adds the million.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

import sqlalchemy as sa

from benchmarks.copies import fill_with_copies
from benchmarks.options import Options, parse
from benchmarks.result import Line, Result, circumstances, cost_ratio, percentile
from benchmarks.servers import DATABASES, Servers
from benchmarks.sink import Sink, best_sink
from benchmarks.site import Site
from benchmarks.timing import Command, Run, running, watch
from flask_smtpadmin.storage.claims import Claims
from flask_smtpadmin.storage.database import utcnow

SMALLEST = 1000
#: Messages in one claim, and claims for one percentile.
CLAIM, CLAIMS = 50, 100
_WORKER = "benchmark"


@dataclass(slots=True)
class Figures:
    """What was measured with one size; milliseconds, and runs of delivery."""

    filled: float = 0.0
    claims: list[float] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


def claim(site: Site, figures: Figures, times: int) -> None:
    """Time claims, and put what they took out of the way."""
    claims = Claims(site.state.models, _WORKER)
    for _ in range(times):
        began = time.perf_counter()
        with site.state.database.write() as connection:
            taken = claims.claim(connection, utcnow(), CLAIM)
        figures.claims.append((time.perf_counter() - began) * 1000)
        if len(taken) != CLAIM:
            raise RuntimeError(f"a claim took {len(taken)} messages")
    table = site.state.models.table("Message")
    gone = {"state": "cancelled", "worker_id": None, "lease_token": None, "lease_until": None}
    with site.state.database.write() as connection:
        ours = sa.and_(table.c.state == "sending", table.c.worker_id == _WORKER)
        connection.execute(sa.update(table).where(ours).values(gone))


def deliver(site: Site, sink: Sink, mails: int, options: Options) -> Run:
    """Deliver the first mails of the queue and stop the worker then."""
    before = sink.accepted()
    worker = Command(*site.worker(sink.port, options.connections))
    with running([worker]) as processes:
        run = watch(sink, before, mails, processes)
        processes[0].send_signal(signal.SIGTERM)
        processes[0].wait()
    return run


def turn(site: Site, sink: Sink, size: int, figures: Figures, options: Options) -> None:
    """Take one turn with one size; a short queue is used up and filled anew."""
    short = size <= SMALLEST
    claim(site, figures, size // CLAIM if short else max(1, CLAIMS // options.runs))
    if short:
        fill_with_copies(site, size)
    mails = min(options.mails, size if short else size // 10)
    figures.runs.append(deliver(site, sink, mails, options))
    if short:
        fill_with_copies(site, size)


def measure(
    servers: Servers, sink: Sink, database: str, sizes: Sequence[int], options: Options
) -> dict[int, Figures]:
    """Measure all sizes on one database, in turns."""
    found = {size: Figures() for size in sizes}
    with ExitStack() as stack:
        sites = {}
        for size in sizes:
            site = stack.enter_context(servers.site(database, BENCH_MAX_QUEUE="0"))
            sites[size] = site
            began = time.perf_counter()
            fill_with_copies(site, size)
            found[size].filled = time.perf_counter() - began
        for _ in range(options.runs):
            for size, site in sites.items():
                turn(site, sink, size, found[size], options)
    return found


def compare(database: str, size: int, small: Figures, large: Figures) -> list[Line]:
    """Hold one size against the smallest."""
    claims = [percentile(figures.claims, 95) for figures in (small, large)]
    times = [[1 / run.rate for run in figures.runs] for figures in (small, large)]
    what = f"{size:,} queued, {database}"
    return [
        Line(what=f"claim p95, {what}", value=claims[1] / claims[0], bound=1.3, at_most=True),
        cost_ratio(f"time for a mail, {what}", times[1], times[0], 1.3),
    ]


def row(database: str, size: int, figures: Figures) -> list[str]:
    """Return one row of the table."""
    rates = [run.rate for run in figures.runs]
    return [
        f"{size:,} queued, {database}",
        f"{percentile(figures.claims, 50):.2f}",
        f"{percentile(figures.claims, 95):.2f}",
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f} to {max(rates):,.0f}",
        f"{median(run.cpu_per_mail for run in figures.runs):.3f}",
        f"{figures.filled:.1f}",
    ]


def main() -> None:
    """Measure all sizes on both databases and save the result."""
    options = parse(__doc__, mails=20_000)
    sizes = [SMALLEST, 100_000, *([1_000_000] if options.full else [])]
    rows, lines = [], []
    with Servers() as servers, best_sink(servers.folder, own=options.own_sink) as sink:
        told = circumstances(sink=sink.name)
        for database in DATABASES:
            found = measure(servers, sink, database, sizes, options)
            rows += [row(database, size, figures) for size, figures in found.items()]
            for size in sizes[1:]:
                lines += compare(database, size, found[SMALLEST], found[size])
    Result(
        name="sizes",
        title="Long queues",
        columns=(
            "queue",
            "claim of 50, p50 ms",
            "p95 ms",
            "mails/s",
            "lowest to highest",
            "CPU ms a mail",
            "filled in s",
        ),
        rows=rows,
        lines=lines,
        circumstances=told,
    ).save()


if __name__ == "__main__":
    main()

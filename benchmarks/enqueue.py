"""Enqueueing: what ``send()`` costs the caller, and how fast ``send_many`` is.

``send()`` in a transaction of its own takes turns with the barest way to store that row: the
database driver alone, one INSERT with the values ready, and COMMIT. ``send_many`` takes turns with
django-post_office's and with Flask-Mail rendering the same mails to bytes and storing nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import ROOT
from benchmarks.options import Options, parse
from benchmarks.peers.environment import interpreter
from benchmarks.result import Line, Result, circumstances, cost_ratio, percentile, ratio
from benchmarks.servers import DATABASES, Servers
from benchmarks.site import Site, message

#: Calls of each kind in one turn, and calls that make one figure of the spread.
TURN, BLOCK = 10, 100

#: Turns that are not counted.
WARM_UP = 5


@contextmanager
def bare_insert(site: Site, tables: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Give a function that stores the rows of one message by the driver alone.

    The connection is set up as the package's own is. The values are those of the message stored
    last; only keys and Message-ID are new each time. ``tables`` begins with Message.
    """
    engine = site.state.database.engine
    with engine.connect() as pooled:
        driver: Any = pooled.connection.dbapi_connection
        cursor = driver.cursor()
        sqlite = engine.dialect.name == "sqlite"
        message, *others = [
            _insert(cursor, site.state.models.table(name).name, "?" if sqlite else "%s")
            for name in tables
        ]
        driver.commit()

        def store(number: int) -> None:
            if sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            statement, row = message
            row["message_id"] = f"<bare-{number}@example.com>"
            if not others:
                cursor.execute(statement, list(row.values()))
            else:
                cursor.execute(f"{statement} RETURNING id", list(row.values()))
                ((key,),) = cursor.fetchall()
            for statement, row in others:
                row["id" if "body" in row else "message"] = key
                cursor.execute(statement, list(row.values()))
            driver.commit()

        yield store


def _insert(cursor: Any, table: str, place: str) -> tuple[str, dict[str, Any]]:
    """Return an INSERT and the values of the last row; the database numbers what it can."""
    cursor.execute(f"SELECT * FROM {table} ORDER BY id DESC LIMIT 1")
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, cursor.fetchone(), strict=True))
    if "body" not in row:
        del row["id"]
    places = ", ".join([place] * len(row))
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row


@dataclass(slots=True)
class Times:
    """Milliseconds of single calls, and all their CPU time in this thread, in seconds."""

    calls: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def take(self, call: Callable[[int], object], numbers: Sequence[int]) -> None:
        """Time a call with each number."""
        cpu = time.thread_time()
        for number in numbers:
            began = time.perf_counter()
            call(number)
            self.calls.append((time.perf_counter() - began) * 1000)
        self.cpu += time.thread_time() - cpu

    @property
    def figures(self) -> list[str]:
        """Percentiles, and the CPU time of a call."""
        shown = [f"{percentile(self.calls, p):.3f}" for p in (50, 95, 99)]
        return [*shown, f"{self.cpu / len(self.calls) * 1000:.3f}"]

    @property
    def turns(self) -> list[float]:
        """The median of each block of calls."""
        return [median(self.calls[at : at + BLOCK]) for at in range(0, len(self.calls), BLOCK)]


def sends(servers: Servers, database: str, options: Options) -> tuple[list[list[str]], list[Line]]:
    """Compare ``send()`` with the bare INSERT of its row, and of all its rows."""
    with servers.site(database, BENCH_MAX_QUEUE="10000") as site, site.app.app_context():
        site.mail.send(message(0))
        one, three = ["Message"], ["Message", "Content", "Recipient"]
        with bare_insert(site, one) as row, bare_insert(site, three) as rows:
            ways: dict[str, Callable[[int], object]] = {
                "send()": lambda n: site.mail.send(message(n)),
                "bare INSERT of its row": row,
                "bare INSERTs of its three rows": rows,
            }
            times = {name: Times() for name in ways}
            for turn in range(-WARM_UP, max(options.mails, BLOCK) // TURN):
                for name, way in ways.items():
                    taken = times[name] if turn >= 0 else Times()
                    taken.take(way, range(turn * TURN, (turn + 1) * TURN))
                if turn % 50 == 49:
                    _forget(site)
            site.fill(9000 - site.state.queue.counts()["queued"])
            crowded = times["send() with 9,000 waiting"] = Times()
            crowded.take(ways["send()"], range(BLOCK))
    table = [[f"{name}, {database}", *taken.figures] for name, taken in times.items()]
    send, bare = (times[name].turns for name in ("send()", "bare INSERT of its row"))
    what = f"send() against a bare INSERT and COMMIT, {database}"
    return table, [cost_ratio(what, send, bare, 3)]


def _forget(site: Site) -> None:
    """Keep the queue below MAX_QUEUE; what was sent stays in the table."""
    table = site.state.models.table("Message")
    with site.state.database.write() as connection:
        connection.execute(table.update().values(state="sent", run_at=None))


def batches(servers: Servers, options: Options) -> tuple[list[list[str]], list[Line]]:
    """Compare ``send_many`` with its peers, in mails per second."""
    count = options.mails
    rates: dict[str, list[float]] = {}
    for _ in range(options.runs):
        for database in DATABASES:
            ours, theirs = turn(servers, database, "many", count)
            rates.setdefault(f"send_many, {database}", []).append(ours)
            rates.setdefault(f"django-post_office send_many, {database}", []).append(theirs)
        seconds = peer("flask_mail_rq", "render", count)
        rates.setdefault("Flask-Mail, rendering alone", []).append(count / seconds)
    lines = []
    for database in DATABASES:
        many = rates[f"send_many, {database}"]
        peers = rates[f"django-post_office send_many, {database}"]
        lines.append(ratio(f"send_many against django-post_office's, {database}", many, peers, 4))
        rendering = rates["Flask-Mail, rendering alone"]
        lines.append(ratio(f"send_many against Flask-Mail's MIME, {database}", many, rendering, 1))
    return spread(rates), lines


def turn(servers: Servers, database: str, verb: str, count: int) -> tuple[float, float]:
    """Return mails per second of ours and of django-post_office's, one after the other."""
    with servers.site(database) as site:
        ours = count / timed(sys.executable, "site", verb, count, **site.environ)
    with servers.database(database) as url:
        theirs = count / peer("post_office", verb, count, BENCH_DATABASE=url)
    return ours, theirs


def spread(rates: dict[str, list[float]]) -> list[list[str]]:
    """Return a row for each contender: median, lowest and highest."""
    return [
        [name, f"{median(one):,.0f}", f"{min(one):,.0f} to {max(one):,.0f}"]
        for name, one in rates.items()
    ]


def peer(module: str, verb: str, count: int, **environ: str) -> float:
    """Return the seconds that a peer takes, in the environment of the peers."""
    return timed(str(interpreter()), f"peers.{module}", verb, count, **environ)


def timed(python: str, module: str, verb: str, count: int, **environ: str) -> float:
    """Return the seconds that a process of its own says it took: nobody inherits our garbage."""
    os.sync()  # nor waits for the disk on our account
    command = [python, "-m", f"benchmarks.{module}", verb, str(count)]
    environ = {**os.environ, **environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def main() -> None:
    """Measure both and save the results."""
    options = parse(__doc__, mails=5000)
    with Servers() as servers:
        told = circumstances()
        table, lines = [], []
        for database in DATABASES:
            more = sends(servers, database, options)
            table += more[0]
            lines += more[1]
        Result(
            name="send",
            title="send(), milliseconds a call",
            columns=("what", "p50", "p95", "p99", "CPU"),
            rows=table,
            lines=lines,
            circumstances=told,
        ).save()
        table, lines = batches(servers, options)
        Result(
            name="send_many",
            title="send_many, 1,000 mails a call",
            columns=("what", "mails/s", "lowest to highest"),
            rows=table,
            lines=lines,
            circumstances=told,
        ).save()


if __name__ == "__main__":
    main()

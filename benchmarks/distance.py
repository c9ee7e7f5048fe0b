"""Delivery over a distance: a server 40 ms away, 10 connections.

What counts there is the number of round trips a mail takes. One worker of this package beside
aiosmtplib's ``sendmail`` in a loop, and two workers beside one, on PostgreSQL.
"""

from __future__ import annotations

from functools import partial

from benchmarks.delivery import COLUMNS, Contender, package, rounds, rows, sendmail_loop
from benchmarks.options import parse
from benchmarks.proxy import ONE_WAY, distance
from benchmarks.result import Line, Result, circumstances, ratio
from benchmarks.servers import Servers
from benchmarks.sink import best_sink

_SQLITE = "this package, SQLite, 1 worker"
_ONE = "this package, PostgreSQL, 1 worker"
_TWO = "this package, PostgreSQL, 2 workers"
_LOOP = "aiosmtplib sendmail loop"


def main() -> None:
    """Run everybody behind the proxy and save the result."""
    options = parse(__doc__, mails=2000)
    connections = options.connections
    with Servers() as servers, best_sink(servers.folder, own=options.own_sink) as sink:
        told = circumstances(sink=sink.name)
        field = [
            Contender(_SQLITE, partial(package, servers, "SQLite", 1, connections)),
            Contender(_ONE, partial(package, servers, "PostgreSQL", 1, connections)),
            Contender(_TWO, partial(package, servers, "PostgreSQL", 2, connections), 2),
            Contender(_LOOP, partial(sendmail_loop, connections), 0.25),
        ]
        with distance(sink.port) as port:
            runs = rounds(sink, port, field, options)
        rates = {name: [run.rate for run in series] for name, series in runs.items()}
        Result(
            name="distance",
            title=f"Delivery with a {ONE_WAY * 2000:.0f} ms round trip, "
            f"{connections} connections a worker",
            columns=COLUMNS,
            rows=rows(runs),
            lines=[
                ratio("SQLite against aiosmtplib's loop", rates[_SQLITE], rates[_LOOP], 3.5),
                ratio("PostgreSQL against aiosmtplib's loop", rates[_ONE], rates[_LOOP], 3.5),
                ratio("two workers against one, PostgreSQL", rates[_TWO], rates[_ONE], 1.6),
                Line(what="mails lost or doubled", value=0, bound=0, unit="mails", at_most=True),
            ],
            notes=["A run in which the sink did not accept exactly the mails there were fails."],
            circumstances=told,
        ).save()


if __name__ == "__main__":
    main()

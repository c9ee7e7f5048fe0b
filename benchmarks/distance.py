"""Delivery over a distance: a server 40 ms away, 10 connections.

What counts there is the number of round trips a mail takes. One worker of this package beside
aiosmtplib's ``sendmail`` in a loop, and two workers beside one, on PostgreSQL.
"""

from __future__ import annotations

from functools import partial

from benchmarks.delivery import COLUMNS, Contender, Package, rounds, rows, sendmail_loop
from benchmarks.options import parse
from benchmarks.proxy import ONE_WAY, distance
from benchmarks.result import Result, circumstances, ratio
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
            Contender(_SQLITE, Package(servers, "SQLite", 1, connections).prepare),
            Contender(_ONE, Package(servers, "PostgreSQL", 1, connections).prepare),
            Contender(_TWO, Package(servers, "PostgreSQL", 2, connections).prepare, 2),
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
            ],
            notes=["Two workers shared one queue, and the sink accepted each mail once."],
            circumstances=told,
        ).save()


if __name__ == "__main__":
    main()

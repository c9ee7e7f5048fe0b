"""A retry of 100,000 dead letters: whether the pages and urgent mail have to wait for it.

The deed is asked for and confirmed as by a browser. While its job runs and a worker delivers what
it queues, the list and the overview are looked at, and mails of the highest priority are sent, one
after the other. ``--mails`` is the number of dead letters.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask.testing import FlaskClient

from benchmarks.copies import fill_with_copies
from benchmarks.mails import SENDER
from benchmarks.options import Options, parse
from benchmarks.result import Line, Result, circumstances, percentile
from benchmarks.servers import DATABASES, Servers
from benchmarks.sink import Taker
from benchmarks.site import Site
from benchmarks.timing import Command, running
from benchmarks.wakeup import listening
from flask_smtpadmin import Message

_PREFIX = "/admin/email"
_LIST = f"{_PREFIX}/messages?state=dead"
_URGENT = "urgent@example.com"
#: Seconds between two looks, and milliseconds that a look or an urgent mail may take.
_PAUSE, BOUND = 0.1, 1000.0
#: Before the job: as many looks, to compare.
_BEFORE = 20


class UrgentTaker(Taker):
    """Takes all mail and tells of what went to one address alone."""

    _urgent = False

    def __init__(self, accepted: Callable[[], None]) -> None:
        super().__init__(lambda: accepted() if self._urgent else None)

    def _take_line(self) -> bytes:
        line = self._buffer.partition(b"\n")[0]
        if line[:4].upper() == b"RCPT":
            self._urgent = _URGENT.encode() in line
        return super()._take_line()


@dataclass(slots=True)
class Times:
    """Milliseconds: of the question and the beginning, of single looks and urgent mails."""

    question: float = 0.0
    begin: float = 0.0
    before: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    urgent: list[float] = field(default_factory=list)
    seconds: float = 0.0


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long ``call`` took."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def look(client: FlaskClient) -> float:
    """Look at the list and the overview, and return how long the slower one took."""
    paths = (_LIST, f"{_PREFIX}/")
    return max(milliseconds(lambda path=path: client.get(path)) for path in paths)  # type: ignore[misc]  # a default binds it


def token(client: FlaskClient) -> str:
    """Return what a form of the list brings."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(_LIST).text)
    if found is None:
        raise RuntimeError("the list has no form")
    return found[1]


def bury(site: Site, count: int) -> None:
    """Store ``count`` dead letters."""
    fill_with_copies(site, count)
    table = site.state.models.table("Message")
    dead = {"state": "dead", "run_at": None, "attempts": 3, "failures": 3}
    with site.state.database.write() as connection:
        connection.execute(sa.update(table).where(table.c.state == "queued").values(dead))


def retry(servers: Servers, database: str, count: int) -> Times:
    """Retry ``count`` dead letters and measure all around it."""
    times = Times()
    with servers.site(database, BENCH_MAX_QUEUE="0") as site, listening(UrgentTaker) as bell:
        site.mail.access_check(lambda _right: True)
        bury(site, count)
        client = site.app.test_client()
        with site.app.app_context(), running([Command(*site.worker(bell.port, 10))]):
            times.before = [look(client) for _ in range(_BEFORE)]
            form = {"action": "retry", "all": "1", "csrf_token": token(client)}
            address = f"{_PREFIX}/messages/bulk?state=dead"
            times.question = milliseconds(lambda: client.post(address, data=form))
            began = time.perf_counter()
            times.begin = milliseconds(lambda: client.post(address, data={**form, "confirm": "1"}))
            while site.state.jobs.running() or not times.pages:
                times.pages.append(look(client))
                sent = time.perf_counter()
                urgent = Message("Your code", [_URGENT], "123456", sender=SENDER)
                site.mail.send(urgent, priority="urgent")
                times.urgent.append((bell.wait() - sent) * 1000)
                time.sleep(_PAUSE)
            times.seconds = time.perf_counter() - began
        left = site.state.queue.counts()["dead"]
        if left:
            raise RuntimeError(f"{left} dead letters are left")
    return times


def main() -> None:
    """Measure on both databases and save the result."""
    options: Options = parse(__doc__, mails=100_000, runs=1)
    rows, lines = [], []
    with Servers() as servers:
        told = circumstances()
        for database in DATABASES:
            times = retry(servers, database, options.mails)
            figures = (times.before, times.pages, times.urgent)
            rows.append(
                [
                    database,
                    f"{times.question:.0f}",
                    f"{times.begin:.0f}",
                    f"{times.seconds:.1f} s",
                    *(f"{percentile(f, 50):.0f} / {percentile(f, 95):.0f}" for f in figures),
                ]
            )
            for name, found in (("pages", times.pages), ("an urgent mail", times.urgent)):
                what = f"p95 of {name} during a retry of {options.mails:,}, {database}"
                line = percentile(found, 95)
                lines.append(Line(what=what, value=line, bound=BOUND, unit="ms", at_most=True))
    Result(
        name="wide",
        title=f"Retry of {options.mails:,} dead letters, milliseconds (p50 / p95)",
        columns=("database", "question", "begin", "job", "pages before", "pages", "urgent mail"),
        rows=rows,
        lines=lines,
        notes=("A look is the slower one of the list and the overview.",),
        circumstances=told,
    ).save()


if __name__ == "__main__":
    main()

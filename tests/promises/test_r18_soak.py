"""A day like any other, with a fault a minute: nothing grows, gets lost or comes late."""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from support.crowd import Crowd, copies, lost, unexplained
from support.outages import LockedFile
from support.promises import FULL, Report, promise
from support.queue_server import QueueServer
from support.smtp import MailServer
from support.workers import WorkerSite

#: Messages a second; seconds of the run, between two faults, and before the first look at memory.
RATE = 5
LENGTH = 3600.0 if FULL else 60.0 if os.environ.get("CI") else 20.0
EVERY, WARM = (60.0, 300.0) if FULL else (5.0, 5.0)
#: Threads in which asyncio resolves names: they are started as they are needed, and stay.
RESOLVERS = min(32, (os.cpu_count() or 1) + 4)
#: What full pools hold open: ten connections to the server, five to SQLite of three files each.
FILES = 10 + 5 * 3


@dataclass(frozen=True)
class Gauge:
    """What a process holds: memory in KiB, threads, open files."""

    rss: int
    threads: int
    files: int

    @classmethod
    def of(cls, pid: int) -> Gauge:
        """Read it from /proc (proc(5))."""
        proc = Path(f"/proc/{pid}")
        lines = (proc / "status").read_text(encoding="utf-8").splitlines()
        status = dict(line.split(":", 1) for line in lines)
        files = len(list((proc / "fd").iterdir()))
        return cls(int(status["VmRSS"].split()[0]), int(status["Threads"]), files)


class Faults:
    """What goes wrong for a second; the first worker is left alone, so that it can be watched."""

    def __init__(self, crowd: Crowd, bell: QueueServer, smtp: MailServer, dice: random.Random):
        self._crowd, self._bell, self._smtp, self._dice = crowd, bell, smtp, dice
        self.count = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._go_wrong)

    def _go_wrong(self) -> None:
        kinds = [self._killed, self._stopped, self._no_bell, self._flushed, self._refused]
        if self._crowd.site.state.database.dialect == "sqlite":
            kinds.append(self._locked)
        while not self._done.wait(EVERY - 1):
            with self._dice.choice(kinds)():
                time.sleep(1)
            self.count += 1

    @contextmanager
    def _killed(self) -> Iterator[None]:
        self._crowd.replace(self._crowd.workers[1])
        yield

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._crowd.workers[1].send_signal(signal.SIGSTOP)
        yield
        self._crowd.workers[1].send_signal(signal.SIGCONT)

    @contextmanager
    def _no_bell(self) -> Iterator[None]:
        self._bell.kill()
        yield
        self._bell.start()

    @contextmanager
    def _flushed(self) -> Iterator[None]:
        client = self._bell.client()
        client.flushall()
        client.close()
        yield

    @contextmanager
    def _refused(self) -> Iterator[None]:
        self._smtp.refuse = {"r0@example.com": "450 4.7.1 later"}
        yield
        self._smtp.refuse = {}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        file = LockedFile(str(self._crowd.site.state.database.engine.url))
        file.crash()
        yield
        file.start()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def mail_for(site: WorkerSite, length: float) -> dict[int, float]:
    """Send at a steady rate; return when each message was sent, by its id."""
    began, sent = time.monotonic(), {}
    while time.monotonic() < began + length:
        moment = time.monotonic()
        sent[site.send(1)[0]] = moment
        time.sleep(max(0.0, began + len(sent) / RATE - time.monotonic()))
    return sent


def watch_arrivals(smtp: MailServer) -> Callable[[], dict[str, float]]:
    """Note when the server accepts what; the result tells it by Message-ID, the first copy."""
    moments: list[float] = []
    smtp.on_accept = lambda: moments.append(time.monotonic())

    def arrivals() -> dict[str, float]:
        seen: dict[str, float] = {}
        for mail, moment in zip(smtp.received, moments, strict=True):
            seen.setdefault(next(iter(copies([mail.content]))), moment)
        return seen

    return arrivals


@pytest.mark.slow
@promise("R18")
def test_a_long_run_with_faults(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    redis_server: QueueServer,
    smtp: MailServer,
    report: Report,
):
    """R18: 1 h, 5 mails/s, a fault a minute: memory +5 % at most, 0 lost, p95 to the 250 <= 5 s."""
    url = redis_server.url
    site = worker_site(any_database_url, SMTPADMIN_REDIS_URL=url, SMTPADMIN_RETRY_DELAY=2.0)
    arrivals = watch_arrivals(smtp)
    with Crowd(site, 2) as crowd:
        watched = crowd.workers[0]
        crowd.wait()
        sent = mail_for(site, WARM)
        before = Gauge.of(watched.pid)
        with Faults(crowd, redis_server, smtp, random.Random(report.seed)) as faults:
            sent |= mail_for(site, LENGTH - WARM)
        site.wait_for_states(timeout=90, sent=len(sent))
        after = Gauge.of(watched.pid)
    seen = arrivals()
    took = [seen[row.message_id] - sent[row.id] for row in site.rows()]
    p95, growth = statistics.quantiles(took, n=20)[-1], after.rss / before.rss - 1
    errors = site.log.read_text().count("Traceback")
    report(mails=len(sent), faults=faults.count, lost=lost(site, smtp), p95_s=round(p95, 2))
    report(memory_growth_percent=round(growth * 100, 1), files=after.files - before.files)
    report(threads=after.threads - before.threads, unhandled=errors)
    assert lost(site, smtp) == unexplained(site, smtp) == errors == 0
    assert p95 <= (5 if FULL else 15)  # seconds; a worker takes some to start on a busy machine
    assert growth < 0.05
    assert after.files - before.files <= FILES
    assert after.threads - before.threads <= RESOLVERS

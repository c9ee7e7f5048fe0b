"""A worker that runs into the limits of its host: disk, memory, open files."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.crowd import doubled, lost, unexplained
from support.processes import wait_until
from support.promises import Report, promise, size
from support.smtp import MailServer
from support.workers import WorkerSite

MAILS = size(2_000, ci=200)
SECONDS = size(30, ci=2)


@contextmanager
def limited(pid: int, what: int, most: int) -> Iterator[None]:
    """Give a process no more than ``most`` of something for a while (getrlimit(2))."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (most, before[1]))
    yield
    resource.prlimit(pid, what, before)


@pytest.fixture
def site(sqlite_url: str, worker_site: Callable[..., WorkerSite]) -> WorkerSite:
    """Return a site that retries soon."""
    return worker_site(sqlite_url, SMTPADMIN_RETRY_DELAY=1.0)


@promise("H4")
def test_a_full_disk(site: WorkerSite, smtp: MailServer, report: Report):
    """H4: no file may grow for 30 s, not even the journal: all is sent afterwards, and once."""
    site.send(MAILS)
    smtp.pause, smtp.most = 0.01, MAILS // 10
    worker = site.start()
    wait_until(lambda: len(smtp.received) == smtp.most)
    with limited(worker.pid, resource.RLIMIT_FSIZE, 0):
        smtp.most = math.inf
        time.sleep(SECONDS)
        stood = MAILS - site.states()["sent"]
    site.wait_for_states(timeout=90, sent=MAILS)
    report(mails=MAILS, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert stood, "it was full too late"
    assert worker.poll() is None
    assert lost(site, smtp) == doubled(smtp) == 0


@promise("H7")
def test_no_more_open_files(site: WorkerSite, smtp: MailServer, report: Report):
    """H7: room for three more open files for 30 s: the worker stays, all is sent, and once."""
    worker = site.start()
    wait_until(lambda: "delivers mail" in site.log.read_text())
    files = len(list(Path(f"/proc/{worker.pid}/fd").iterdir()))
    with limited(worker.pid, resource.RLIMIT_NOFILE, files + 3):
        site.send(MAILS)
        time.sleep(SECONDS)
    site.wait_for_states(timeout=90, sent=MAILS)
    report(mails=MAILS, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert worker.poll() is None
    assert lost(site, smtp) == doubled(smtp) == 0


@promise("H6")
def test_no_more_memory(site: WorkerSite, smtp: MailServer, report: Report):
    """H6: memory for 10 of 40 MB of mail: whether it stays or ends, nothing is lost or unknown."""
    site.send(20)
    worker = site.start()
    site.wait_for_states(sent=20)
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[0])
    with limited(worker.pid, resource.RLIMIT_AS, pages * resource.getpagesize() + 10 * 2**20):
        site.send(20, size=2 * 2**20)
        time.sleep(SECONDS)
    ended = worker.poll() is not None
    if ended:
        site.start()
    site.wait_for_states(timeout=90, sent=40)
    report(mails=40, restarts=int(ended), lost=lost(site, smtp), duplicates=doubled(smtp))
    assert lost(site, smtp) == unexplained(site, smtp) == 0

"""The database goes away in the middle of the work, at any moment and at the worst one."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from support.crowd import doubled, lost, unexplained
from support.outages import Outage
from support.processes import wait_until
from support.promises import Report, promise, size
from support.smtp import MailServer
from support.workers import WorkerSite

MAILS = size(5_000, ci=400)
OUTAGES = size(20, ci=2)
WINDOW = 80


def at_the_worst_moment(outage: Outage, smtp: MailServer) -> None:
    """Let the server take the database away when it accepts a message, before it says 250."""
    away = threading.Event()

    def take_it_down() -> None:
        if len(smtp.received) == MAILS // 2:
            outage.crash()
            away.set()

    smtp.on_accept = take_it_down
    assert away.wait(60)
    time.sleep(1.5)  # the journal is not asked in the first second


@promise("R7", "H4")
def test_restarts_lose_nothing(
    outage: Outage,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R7: 20 database restarts in 5,000 mails: 0 lost, at most 2 doubles, the worker stays up.

    SQLite: somebody else holds the write lock for up to 8 s, longer than the worker waits for it.
    """
    site = worker_site(outage.url, SMTPADMIN_RETRY_DELAY=1.0)
    site.send(MAILS)
    smtp.pause = 0.01
    worker = site.start()
    for number in range(OUTAGES):
        point = (number + dice.random()) * 0.9 * MAILS / OUTAGES
        wait_until(lambda point=point: len(smtp.received) >= point, timeout=60, every=0.001)
        outage.crash()
        time.sleep(dice.uniform(0, size(8, ci=1) if number == 1 else 1))
        outage.start()
    site.state.database.dispose()
    site.wait_for_states(timeout=120, sent=MAILS)
    report(mails=MAILS, outages=OUTAGES, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert worker.poll() is None
    assert lost(site, smtp) == unexplained(site, smtp) == 0
    assert doubled(smtp) <= 2


@pytest.mark.full_size  # the next one does the same and more
@promise("R7", "H4")
def test_an_outage_between_acceptance_and_its_record(
    outage: Outage,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
):
    """R7: the database goes at the very moment a server accepts: 0 lost, 0 doubles."""
    site = worker_site(outage.url)
    site.send(MAILS)
    worker = site.start()
    at_the_worst_moment(outage, smtp)
    outage.start()
    site.state.database.dispose()
    site.wait_for_states(timeout=120, sent=MAILS)
    report(mails=MAILS, outages=1, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert worker.poll() is None
    assert lost(site, smtp) == doubled(smtp) == 0


@promise("R7", "H4", "H1")
def test_the_journal_remembers_what_the_database_could_not_be_told(
    outage: Outage,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
):
    """R7: the same, and the worker is killed before the database is back: at most 2 doubles."""
    site = worker_site(outage.url, SMTPADMIN_RETRY_DELAY=1.0)
    site.send(MAILS)
    worker = site.start()
    at_the_worst_moment(outage, smtp)
    site.kill(worker)
    outage.start()
    site.state.database.dispose()
    site.burst("--wait", "20")
    report(mails=MAILS, kills=1, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert lost(site, smtp) == unexplained(site, smtp) == 0
    assert doubled(smtp) <= 2

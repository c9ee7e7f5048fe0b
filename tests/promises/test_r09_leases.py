"""What a living worker holds is left alone, however late it is; what it writes too late is void.

The rhythm of rescue (leases of 60 s and so on) runs faster by the time scale, as the waits do.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from support.crowd import Crowd, doubled, lost, unexplained
from support.outages import Outage
from support.pace import quicken
from support.processes import wait_until
from support.promises import FULL, TIME_SCALE, Report, promise, size
from support.smtp import MailServer
from support.workers import WorkerSite

MAILS = size(1_000, ci=200)
PACE = TIME_SCALE if FULL else 20.0
DAY = 86_400.0


def wait(seconds: float) -> None:
    """Let as much time pass as is ``seconds`` for the workers."""
    time.sleep(seconds / PACE)


def stop_outside_a_transaction(
    site: WorkerSite, worker: subprocess.Popen[bytes], dice: random.Random
) -> None:
    """Stop a worker; on SQLite not while it holds the one lock there is, which stops everybody."""
    while True:
        worker.send_signal(signal.SIGSTOP)
        if site.state.database.dialect != "sqlite":
            return
        try:
            with closing(sqlite3.connect(site.folder / "app.db", timeout=0.1)) as file:
                file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            worker.send_signal(signal.SIGCONT)
            time.sleep(dice.random() / 50)
        else:
            return


def rescues(site: WorkerSite) -> int:
    """Count how often a worker took messages from another one."""
    return site.log.read_text().count("is gone")


def under_way(site: WorkerSite, smtp: MailServer) -> Crowd:
    """Start two workers and wait until both are in the middle of the work."""
    smtp.pause = 0.05
    crowd = Crowd(site, 2, "--connections", "2")

    def holders() -> set[str]:
        return {row.worker_id for row in site.rows() if row.state == "sending"}

    wait_until(lambda: len(holders()) == 2, timeout=60)
    return crowd


def unharmed(site: WorkerSite, smtp: MailServer, report: Report) -> None:
    """Fail unless all was sent once and nothing was taken from anybody."""
    site.wait_for_states(timeout=120, sent=MAILS)
    report(mails=MAILS, rescues=rescues(site), duplicates=doubled(smtp))
    assert rescues(site) == doubled(smtp) == lost(site, smtp) == 0


@promise("R9", "H1")
def test_a_worker_stopped_for_a_minute_keeps_its_messages(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R9: SIGSTOP for 60 s: nobody takes what it holds, nothing goes out twice."""
    site = worker_site(any_database_url)
    quicken(site, PACE)
    site.send(MAILS)
    with under_way(site, smtp) as crowd:
        stopped = dice.choice(crowd.workers)
        stopped.send_signal(signal.SIGSTOP)
        wait(60)
        stopped.send_signal(signal.SIGCONT)
        unharmed(site, smtp, report)


@promise("R9", "H1")
def test_what_a_worker_writes_after_its_rescue_is_void(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R9: SIGSTOP for 5 min: rescued; its late results change no row, each double is known."""
    site = worker_site(any_database_url, SMTPADMIN_RETRY_DELAY=1.0)
    quicken(site, PACE)
    site.send(MAILS)
    with under_way(site, smtp) as crowd:
        stopped = dice.choice(crowd.workers)
        stop_outside_a_transaction(site, stopped, dice)
        wait_until(lambda: rescues(site), timeout=300 / PACE + (0 if FULL else 30), every=0.1)
        site.wait_for_states(timeout=120, sent=MAILS)
        before = site.rows()
        stopped.send_signal(signal.SIGCONT)
        wait(30)
        changed = sum(one != other for one, other in zip(before, site.rows(), strict=True))
        assert stopped.poll() is None
    report(mails=MAILS, rescues=rescues(site), duplicates=doubled(smtp), rows_changed_late=changed)
    assert changed == unexplained(site, smtp) == lost(site, smtp) == 0


@promise("R9", "H4")
def test_a_slow_database_costs_nobody_a_message(
    outage: Outage, worker_site: Callable[..., WorkerSite], smtp: MailServer, report: Report
):
    """R9: the database does not answer for 30 s: nobody takes anything from anybody."""
    site = worker_site(outage.url)
    quicken(site, PACE)
    site.send(MAILS)
    with under_way(site, smtp):
        outage.of.freeze()
        wait(30)
        outage.of.thaw()
        unharmed(site, smtp, report)


@promise("R9", "H5")
@pytest.mark.parametrize("jump", [3600.0, -3600.0, DAY, -DAY] if FULL else [3600.0])
def test_a_clock_that_jumps_costs_nobody_a_message(
    jump: float,
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
):
    """R9: the clock jumps by an hour or a day and back: nobody takes anything from anybody."""
    site = worker_site(any_database_url)
    move = quicken(site, PACE)
    site.send(MAILS)
    with under_way(site, smtp):
        move(jump)
        wait(60)
        move(0)
        unharmed(site, smtp, report)
    report(jump_s=int(jump))


@promise("R9")
def test_ten_minutes_until_the_server_accepts(
    any_database_url: str, worker_site: Callable[..., WorkerSite], smtp: MailServer, report: Report
):
    """R9: the server takes 10 min for its 250: the lease is renewed all the time, 1 copy."""
    site = worker_site(any_database_url)
    quicken(site, PACE)
    site.send(4)
    smtp.pause = size(600, ci=60) / PACE
    with Crowd(site, 2):
        # one connection may take several, one behind the other
        site.wait_for_states(timeout=4 * smtp.pause + 30, sent=4)
    report(mails=4, waited_s=size(600, ci=60), rescues=rescues(site), duplicates=doubled(smtp))
    assert rescues(site) == doubled(smtp) == 0

"""A worker that is killed, told to stop, or stopped for a while: nothing is lost."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable

import pytest
from support.processes import wait_until
from support.smtp import MailServer
from support.workers import WorkerSite

WINDOW = 80


def message_ids(smtp: MailServer) -> Counter[str]:
    """Count how often each Message-ID was received."""
    return Counter(str(mail.message["Message-ID"]) for mail in smtp.received)


def test_sigkill_loses_nothing_and_doubles_at_most_the_window(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Killed in the middle of 500: 500 distinct Message-IDs, duplicates <= W, each on record."""
    site = worker_site()
    site.send(500)
    victim = site.start()
    wait_until(lambda: len(smtp.received) >= 150, timeout=30, every=0.001)
    site.kill(victim)
    assert 0 < site.states()["sent"] < 500, "it was killed in the middle"
    summary = site.burst("--wait", "5")
    ids = message_ids(smtp)
    assert len(ids) == 500
    assert site.states() == {"sent": 500}
    doubles = sum(ids.values()) - 500
    assert doubles <= WINDOW
    unsure = [row for row in site.rows("Attempt") if row.outcome == "uncertain"]
    assert doubles <= len(unsure) <= WINDOW
    assert summary["sent"] + doubles >= 350


def test_hold_never_sends_twice(worker_site: Callable[..., WorkerSite], smtp: MailServer):
    """Under ``hold`` what was in a killed worker's hands is shown as uncertain, not sent again."""
    site = worker_site(SMTPADMIN_ON_UNCERTAIN="hold")
    site.send(300)
    victim = site.start()
    wait_until(lambda: len(smtp.received) >= 60, timeout=30, every=0.001)
    site.kill(victim)
    site.burst()
    ids = message_ids(smtp)
    assert max(ids.values()) == 1
    rows = {row.message_id: row.state for row in site.rows()}
    assert all(rows[number] in {"sent", "uncertain"} for number in ids)
    assert {n for n, state in rows.items() if state == "sent"} <= set(ids)
    assert Counter(rows.values())["uncertain"] <= WINDOW


@pytest.mark.parametrize("signals", [1, 2], ids=["once", "twice"])
def test_sigterm_loses_and_doubles_nothing(
    signals: int, worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Told to stop under load it finishes what is in flight and exits 0; the rest stays due."""
    site = worker_site()
    site.send(500)
    worker = site.start()
    wait_until(lambda: len(smtp.received) >= 100, timeout=30, every=0.001)
    for _ in range(signals):
        worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=10)
    assert worker.returncode == 0, site.log.read_text()
    states = site.states()
    assert states["sending"] == 0
    if signals == 1:
        assert states["sent"] == len(smtp.received)
    assert site.rows("Worker")[0].stopped_at is not None
    site.burst("--wait", "60" if signals == 2 else "0")
    ids = message_ids(smtp)
    assert len(ids) == 500
    if signals == 1:
        assert max(ids.values()) == 1

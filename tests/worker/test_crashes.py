"""A worker that a message kills, or that is told to stop: nothing is lost."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest
from support.processes import wait_until
from support.scripted import scripted_server
from support.smtp import MailServer
from support.workers import WorkerSite

from flask_smtpadmin.delivery.ending import GRACE


def message_ids(smtp: MailServer) -> Counter[str]:
    """Count how often each Message-ID was received."""
    return Counter(str(mail.message["Message-ID"]) for mail in smtp.received)


def test_what_stood_beside_a_poisoned_message_is_not_condemned_with_it(
    worker_site: Callable[..., WorkerSite],
):
    """Two mails kill whatever worker has them: three crashes each, and all the others are sent."""
    workers: list[int] = []

    def kill_the_worker(command: str) -> str:
        if "<r7@" in command or "<r8@" in command:
            os.kill(workers[-1], signal.SIGKILL)
        return "250 2.1.5 ok"

    with scripted_server({"rcpt": kill_the_worker}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port, SMTPADMIN_DEAD_LETTER_THRESHOLD=9)
        site.send(60)
        for _ in range(7):
            worker = site.start("--burst")
            workers.append(worker.pid)
            worker.communicate(timeout=60)
            if worker.returncode == 0:
                break
    assert site.states() == {"sent": 58, "dead": 2}
    dead = [row for row in site.rows() if row.state == "dead"]
    assert {(row.cause, row.crashes) for row in dead} == {("worker_crash", 3)}


def test_a_late_sigterm_does_not_spoil_a_good_ending(worker_site: Callable[..., WorkerSite]):
    """The second one meets a process that has ended its work and is about to exit: still 0."""
    site = worker_site()
    worker = site.start()
    wait_until(lambda: site.log.exists() and "delivers mail" in site.log.read_text())
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "has ended" in site.log.read_text(), every=0.001)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=GRACE - 5)
    assert worker.returncode == 0


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
    worker.communicate(timeout=GRACE - 5)
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

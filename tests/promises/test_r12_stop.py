"""Workers that are told to stop under load: soon, and in good order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

from support.crowd import doubled, lost
from support.processes import wait_until
from support.promises import FULL, Report, promise, size
from support.scripted import Silence, scripted_server
from support.smtp import MailServer
from support.workers import WorkerSite

STOPS = size(200, ci=4)
#: Mails that a worker sends, about, before it is told to stop.
EACH = 40
#: Seconds within which a worker has to end.
LIMIT = 30.0


def tell_to_stop(worker: subprocess.Popen[bytes], number: int) -> None:
    """Send SIGTERM: to the process, to its group, or both, as a parent that passes it on does."""
    if number % 3:
        os.killpg(worker.pid, signal.SIGTERM)
    if number % 3 != 1:
        worker.send_signal(signal.SIGTERM)


@promise("R12")
def test_sigterm_under_load_loses_and_doubles_nothing(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R12: 200 SIGTERMs under load, also to the process group: 0 lost, 0 doubles, <= 30 s each.

    The server takes up to 0.3 s for its last reply. Each worker exits 0 and signs off.
    """
    site = worker_site(any_database_url)
    mails = 2 * STOPS * EACH
    site.send(mails)
    smtp.pause = 0.3
    longest = 0.0
    for number in range(STOPS):
        worker = site.start()
        point = min(len(smtp.received) + 1 + dice.randrange(EACH), mails)
        wait_until(lambda point=point: len(smtp.received) >= point, timeout=120, every=0.001)
        began = time.monotonic()
        tell_to_stop(worker, number)
        worker.communicate(timeout=2 * LIMIT)
        longest = max(longest, time.monotonic() - began)
        assert worker.returncode == 0, site.log.read_text()
        assert site.states()["sending"] == 0
    smtp.pause = 0.0
    site.burst()
    report(mails=mails, stops=STOPS, lost=lost(site, smtp), duplicates=doubled(smtp))
    report(longest_seconds=round(longest, 2))
    assert site.states() == {"sent": mails}
    assert lost(site, smtp) == doubled(smtp) == 0
    assert all(row.stopped_at for row in site.rows("Worker"))
    assert {row.outcome for row in site.rows("Attempt")} <= {"sent", "returned"}
    assert longest <= LIMIT


@promise("R12")
def test_what_the_server_does_not_answer_is_written_as_uncertain(
    any_database_url: str, worker_site: Callable[..., WorkerSite], report: Report
):
    """R12: no reply after the content: the worker writes ``uncertain`` itself, exits within 30 s.

    It waits 25 s for the reply, or until it is told a second time; the rest is due as before.
    """
    with scripted_server({"dot": Silence()}) as server:
        site = worker_site(
            any_database_url, SMTPADMIN_PORT=server.port, SMTPADMIN_ON_UNCERTAIN="hold"
        )
        site.send(30)
        worker = site.start("--connections", "4")
        wait_until(lambda: server.clear.count(b"\r\n.\r\n") == 4)
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        if not FULL:
            time.sleep(1.5)
            assert worker.poll() is None
            worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=2 * LIMIT)
    took = time.monotonic() - began
    states = site.states()
    report(seconds_to_exit=round(took, 1), uncertain=states["uncertain"])
    assert worker.returncode == 0
    assert states == {"uncertain": 4, "queued": 26}
    assert {row.outcome for row in site.rows("Attempt")} == {"uncertain"}
    assert took <= LIMIT

"""The worker outlives everything it depends on."""

from __future__ import annotations

import time
from collections.abc import Callable

from support.crowd import doubled, lost
from support.outages import Outage
from support.promises import Report, promise, seconds, size
from support.queue_server import QueueServer
from support.smtp import MailServer
from support.workers import WorkerSite

OUTAGES = size(5, ci=2)


@promise("R20", "H4")
def test_the_worker_survives_a_database_that_is_gone(
    outage: Outage, worker_site: Callable[..., WorkerSite], smtp: MailServer, report: Report
):
    """R20: the database gone for 10 min, 5 times: the process stays, nobody has to do anything."""
    site = worker_site(outage.url)
    worker = site.start()
    for _ in range(OUTAGES):
        site.send(20)
        outage.crash()
        time.sleep(seconds(600) / size(1, ci=10))
        outage.start()
        site.state.database.dispose()
        began = time.monotonic()
        site.wait_for_states(sent=len(site.rows()))
        back = time.monotonic() - began
        report(recovered_after_s=max(round(back, 1), report.figures.get("recovered_after_s", 0)))
    report(outages=OUTAGES, restarts=int(worker.poll() is not None))
    report(lost=lost(site, smtp), duplicates=doubled(smtp))
    assert worker.poll() is None
    assert lost(site, smtp) == doubled(smtp) == 0
    assert report.figures["recovered_after_s"] <= 30


@promise("R20", "H3")
def test_the_worker_survives_a_queue_server_that_is_gone(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    redis_server: QueueServer,
    smtp: MailServer,
    report: Report,
):
    """R20: Redis gone for 10 min, 5 times: the process stays, and mail flows all the time."""
    site = worker_site(any_database_url, SMTPADMIN_REDIS_URL=redis_server.url)
    worker = site.start()
    for _ in range(OUTAGES):
        redis_server.kill()
        site.send(20)
        time.sleep(seconds(600) / size(1, ci=10))
        site.wait_for_states(sent=len(site.rows()))
        redis_server.start()
        site.send(20)
        site.wait_for_states(sent=len(site.rows()))
    report(outages=OUTAGES, restarts=int(worker.poll() is not None))
    report(lost=lost(site, smtp), duplicates=doubled(smtp))
    assert worker.poll() is None
    assert lost(site, smtp) == doubled(smtp) == 0

"""Mail that waits is looked at again, whatever comes in between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from support.processes import free_port, wait_until
from support.scripted import scripted_server
from support.smtp import MailServer
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.delivery.writer import Batch, DatabaseAway, Writer, Written
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.parking import Parking

WorkerSites = Callable[..., WorkerSite]


def change(site: WorkerSite, model: str, **values: Any) -> None:
    """Set columns of all rows of a table."""
    with site.state.database.write() as connection:
        connection.execute(sa.update(site.state.models.table(model)).values(**values))


def test_a_run_ends_early_for_no_hiccup_of_the_database(
    worker_site: WorkerSites, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
):
    """A claim that the database did not answer is made again before a burst says it is done."""
    failed: list[Batch] = []
    commit = Writer.commit

    def hiccup(self: Writer, batch: Batch) -> Written:
        if batch.claim and smtp.received and not failed:
            failed.append(batch)
            raise DatabaseAway("database is locked")
        return commit(self, batch)

    monkeypatch.setattr(Writer, "commit", hiccup)
    site = worker_site()
    site.send(200)
    with working(site, burst=True, connections=1) as summaries:
        wait_until(lambda: summaries)
    assert failed
    assert len(smtp.received) == 200


def test_settings_that_come_right_free_mail_for_a_server_that_is_away_still(
    worker_site: WorkerSites, smtp: MailServer
):
    """It waited for settings; when its server is back at last, it goes, whoever else was there."""
    port = free_port()
    other = {"host": "127.0.0.1", "port": port, "tls_mode": "none"}
    site = worker_site(SMTPADMIN_SERVERS={"other": other})
    site.send(3, server="other")
    with working(site):
        wait_until(lambda: {row.waiting_for for row in site.rows()} == {"server"})
        change(site, "Message", waiting_for="settings")  # as it was parked before they came right
        site.state.settings.save_server("other", {"timeout": "9"})
        wait_until(lambda: site.rows("Server"))
        with scripted_server({}, port=port):
            site.wait_for_states(sent=3)


def test_what_a_failure_interrupts_is_looked_at_after_it(
    worker_site: WorkerSites, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
):
    """The database fails just when mail that waited for settings is made due."""
    failed: list[bool] = []
    release = Parking.release

    def failing(self: Parking, *args: Any, **options: Any) -> int | None:
        if not failed:
            failed.append(True)
            raise OperationalError("UPDATE", {}, Exception("deadlock"))
        return release(self, *args, **options)

    site = worker_site()
    site.send(3)
    change(site, "Message", waiting_for="settings", run_at=None)
    monkeypatch.setattr(Parking, "release", failing)
    with working(site):
        site.wait_for_states(sent=3)
    assert failed


def test_a_breaker_that_nobody_shares_is_closed_again(worker_site: WorkerSites):
    """Another worker's praise came right after what we found: we look again, and go on."""
    port = free_port()
    site = worker_site(SMTPADMIN_PORT=port)
    with scripted_server({}, port=port):
        site.send(1)
        site.burst()
    praise = {"health": "ok", "reason": None, "retry_at": None, "health_count": 0}
    with working(site):
        time.sleep(2.5)  # the worker has looked at it
        site.send(1)
        wait_until(lambda: [row.health for row in site.rows("Server")] == ["open"], every=0.002)
        change(site, "Server", **praise)
        with scripted_server({}, port=port):
            site.wait_for_states(sent=2, timeout=40)


def test_nobody_waits_behind_mail_that_was_cancelled(worker_site: WorkerSites, smtp: MailServer):
    """Places in the queue for a limited server are void once nobody holds them any more."""
    site = worker_site(SMTPADMIN_LIMITS="per_second=2")
    site.send(400)

    def nearly_all_wait() -> bool:
        """Whether what the worker has in its hands, which nobody can cancel, is a few seconds'."""
        found = Counter(row.waiting_for or row.state for row in site.rows())
        return found["quota"] > 300 and found["sending"] + found["queued"] < 10

    with working(site):
        wait_until(nearly_all_wait)
        site.state.queue.cancel_all(Filter())
        wait_until(lambda: not site.states().keys() & {"queued", "sending"})
        site.send(1)
        wait_until(lambda: site.rows()[-1].state == "sent", timeout=18)


def test_mail_that_waits_for_a_quota_expires_in_time(worker_site: WorkerSites, smtp: MailServer):
    """Its turn would come tomorrow, its time is over now."""
    site = worker_site(SMTPADMIN_LIMITS={"per_day": 1})
    site.send(2, expires_in=3600)
    site.burst()
    assert sorted(str(row.waiting_for) for row in site.rows()) == ["None", "quota"]
    change(site, "Message", expires_at=utcnow())
    site.burst()
    assert site.states() == {"sent": 1, "expired": 1}

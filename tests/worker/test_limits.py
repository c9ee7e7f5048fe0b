"""Limits of a server: what goes out, when, and what waits meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from support.processes import wait_until
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.quotas import seconds


@pytest.fixture
def second() -> Iterator[MailServer]:
    """Run another SMTP server."""
    with mail_server(pipelining=True) as server:
        yield server


def most_in(span: float, times: list[float]) -> int:
    """Return the most that any sliding window held."""
    return max(sum(0 <= later - first < span for later in times) for first in times)


def other(server: MailServer, **more: Any) -> dict[str, Any]:
    """Return the settings of a second server."""
    return {"host": "127.0.0.1", "port": server.port, "tls_mode": "none", **more}


def test_messages_go_out_in_spaced_slots(
    worker_site: Callable[..., WorkerSite],
):
    """20 a second: 45 messages take two seconds and more, none in a bunch, none given up."""
    site = worker_site(SMTPADMIN_LIMITS="per_second=20")
    site.send(45)
    with working(site):
        site.wait_for_states(sent=45)
    times = [seconds(row.started_at) for row in site.rows("Attempt")]
    assert most_in(1.0, times) <= 21
    assert most_in(0.25, times) <= 8  # each at its slot, a spacing and a bit late at most
    assert times[-1] - times[0] > 2.0
    assert {row.attempts for row in site.rows()} == {1}
    assert len(site.rows("Attempt")) == 45


def test_what_finds_no_slot_waits_for_its_quota(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """5 a day: the sixth message waits, says for what and until when, and the run ends."""
    site = worker_site(SMTPADMIN_LIMITS={"per_day": 5})
    site.send(8)
    summary = site.burst()
    assert len(smtp.received) == 5
    waiting = [row for row in site.rows() if row.state == "queued"]
    assert {(row.waiting_for, row.failures) for row in waiting} == {("quota", 0)}
    days = [(row.run_at - utcnow()).total_seconds() / 86_400 for row in waiting]
    assert min(days) > 1
    assert days == sorted(days)
    assert days[-1] - days[0] > 0.3
    assert summary["waiting"] == 3
    status = site.state.status().document()["servers"]["default"]
    assert status["limits"] == {"per_day": {"limit": 5, "used": 5}}
    assert status["next_free"] > (utcnow() + timedelta(days=1)).isoformat()


def test_urgent_mail_does_not_wait_behind_what_bulk_was_promised(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """10 a second and 300 bulk mails waiting: an urgent one is there long before the last."""
    site = worker_site(SMTPADMIN_LIMITS="per_second=10")
    site.send(300)
    with working(site):
        wait_until(lambda: sum(row.waiting_for == "quota" for row in site.rows()) > 200)
        urgent = site.send(1, priority="urgent")[0]
        site.state.doorbell.ring()
        wait_until(lambda: site.rows()[urgent - 1].state == "sent")
        assert len(smtp.received) < 200


def test_another_server_takes_what_one_may_not(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, second: MailServer
):
    """Both may take the mail: what the first has no quota for goes to the other at once."""
    site = worker_site(
        SMTPADMIN_LIMITS={"per_hour": 10}, SMTPADMIN_SERVERS={"second": other(second, priority=5)}
    )
    site.send(40)
    with working(site):
        site.wait_for_states(sent=40)
    assert (len(smtp.received), len(second.received)) == (10, 30)


def test_changed_limits_free_what_waits(worker_site: Callable[..., WorkerSite], smtp: MailServer):
    """A higher limit reaches the worker at its next look: what was put off until tomorrow goes."""
    site = worker_site()
    site.state.settings.save_server("default", {"limits": "per_day=5"})
    site.send(12)
    with working(site):
        wait_until(lambda: sum(row.waiting_for == "quota" for row in site.rows()) == 7)
        site.state.settings.save_server("default", {"limits": "per_day=100"})
        site.wait_for_states(timeout=20, sent=12)


def test_recipients_count_where_recipients_are_limited(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """7 recipients an hour: two messages to three each go out, the third waits."""
    site = worker_site(SMTPADMIN_LIMITS={"recipients_per_hour": 7})
    site.send(3, recipients=3)
    site.burst()
    assert len(smtp.received) == 2
    assert [row.waiting_for for row in site.rows()] == [None, None, "quota"]

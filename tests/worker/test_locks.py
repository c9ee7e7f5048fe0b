"""A row that another transaction holds: the worker waits for it in small bites, and stays alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from support.processes import wait_until
from support.smtp import MailServer
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.delivery import upkeep

WorkerSites = Callable[..., WorkerSite]
#: Seconds that a row is waited for; MariaDB counts whole ones.
BOUND = 1.0


@pytest.fixture(
    params=[
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database that locks rows."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@contextmanager
def held(site: WorkerSite) -> Iterator[int]:
    """Hold the row of a message that the worker has in its hands."""
    message = site.state.models.table("Message")
    one = sa.select(message.c.id).where(message.c.state == "sending").limit(1)
    with site.site.app.app_context():
        engine = site.site.db.engine
    with engine.connect() as other:
        yield other.execute(one.with_for_update()).scalar_one()


def test_a_row_that_somebody_holds_stops_no_heartbeat(
    worker_site: WorkerSites,
    url: str,
    smtp: MailServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its result is tried again and again; beats and the leases of all others go on meanwhile."""
    monkeypatch.setattr(upkeep, "BEAT_EVERY", 0.2)
    site = worker_site(url)
    site.state.database.busy_timeout = BOUND
    smtp.pause = 0.5
    site.send(60)
    with working(site, connections=2):
        wait_until(lambda: smtp.received)
        with held(site) as number:
            wait_until(lambda: "cannot be written to" in caplog.text)
            began = site.rows("Worker")[0].beat_at
            wait_until(lambda: site.rows("Worker")[0].beat_at > began)
            leases = {row.id: row.lease_until for row in site.rows() if row.state == "sending"}
            assert max(leases.values()) > leases[number], "all but what somebody holds"
        smtp.pause = 0.0
        site.wait_for_states(sent=60)
    assert len({mail.message["Message-ID"] for mail in smtp.received}) == len(smtp.received) == 60
    assert {row.outcome for row in site.rows("Attempt")} == {"sent"}

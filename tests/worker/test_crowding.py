"""Mail for a slow server does not stand in the way of mail for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.processes import wait_until
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.storage.database import utcnow

CROWD = 10_000


def due(site: WorkerSite) -> int:
    """Count the messages that a claim would look at."""
    message = site.state.models.table("Message")
    query = sa.select(sa.func.count()).where(message.c.run_at <= utcnow())
    with site.state.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def sent_via(site: WorkerSite, server: str) -> int:
    """Count the messages that a server accepted."""
    message = site.state.models.table("Message")
    query = sa.select(sa.func.count()).where(message.c.sent_via == server)
    with site.state.database.read() as connection:
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("window", [None, 40])
def test_a_tarpit_does_not_hold_up_the_others(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, window: int | None
):
    """10,000 messages ask for a server that takes 3 s each; 500 later ones for another pass them.

    What waits for the slow one is parked, so that claims meet none of it, and yet it goes on.
    """
    with mail_server(pipelining=True) as tarpit:
        tarpit.pause = 3.0
        slow: dict[str, Any] = {"host": "127.0.0.1", "port": tarpit.port, "tls_mode": "none"}
        site = worker_site(
            SMTPADMIN_SERVERS={"slow": slow}, SMTPADMIN_MAX_QUEUE=0, SMTPADMIN_WINDOW=window or 0
        )
        site.send(CROWD, server="slow")
        site.send(500, server="default")
        with working(site):
            wait_until(lambda: sent_via(site, "default") == 500)
            wait_until(lambda: due(site) < 500)
            wait_until(lambda: len(tarpit.received) >= 25)
            assert due(site) < 500
        assert sent_via(site, "slow") >= 10

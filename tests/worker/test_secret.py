"""Secret messages in a worker's hands: opened as they go out, and not without their key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from support.processes import wait_until
from support.scripted import Drop, scripted_server
from support.smtp import MailServer
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin import Message
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.posting import post
from flask_smtpadmin.storage.database import utcnow

LINK = "https://shop.example/reset/kanari-7f3a"


def send(site: WorkerSite, count: int = 1, **options: Any) -> list[int]:
    """Queue secret messages and return their numbers."""
    letters = [
        Message("Reset your password", [f"r{n}@example.com"], LINK, sender="me@example.com")
        for n in range(count)
    ]
    with site.site.app.app_context():
        handling = Handling(secret=True, **options)
        return [one.id for one in post(site.state, letters, handling)]


def test_it_reaches_its_reader_and_is_wiped(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
) -> None:
    """A worker process opens it at hand-over; with *sent* nothing of it is left in the database."""
    site = worker_site()
    send(site, 20)
    site.send(5)
    assert site.burst()["sent"] == 25
    assert sum(LINK.encode() in message.content for message in smtp.received) == 20
    assert site.rows("Sealed") == []
    assert len(site.rows("Content")) == 5


def test_without_its_key_it_waits_and_says_so(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
) -> None:
    """Not lost, not garbled: it waits with its cause, in the status too, until the key is back."""
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    site = worker_site(SMTPADMIN_ENCRYPTION_KEYS=[old])
    (number,) = send(site)
    site.site.app.config["SMTPADMIN_ENCRYPTION_KEYS"] = [new]
    with working(site):
        site.send(3)
        site.wait_for_states(sent=3, queued=1)
        wait_until(lambda: site.rows()[0].waiting_for == "settings")
        row = site.rows()[0]
        assert (row.id, row.cause, row.failures) == (number, "secret_unreadable", 0)
        assert "SMTPADMIN_ENCRYPTION_KEYS" in row.error
        with site.site.app.app_context():
            problems = site.state.status().problems
        assert "Of the secret messages 1 waits for the key they were encrypted with." in problems
        site.site.app.config["SMTPADMIN_ENCRYPTION_KEYS"] = [new, old]
        with site.site.app.app_context():
            site.state.settings.save_values({"retry_delay": "31"})  # so that it looks at once
        site.wait_for_states(sent=4)
    assert sum(LINK.encode() in message.content for message in smtp.received) == 1


@pytest.mark.parametrize(("how", "kept"), [("hold", True), ("retry", False)])
def test_a_link_lost_after_the_content_loses_nothing(
    worker_site: Callable[..., WorkerSite], how: Any, *, kept: bool
) -> None:
    """Uncertain: the content stays for whoever decides; tried again, it is sent and wiped."""
    with scripted_server({"dot": Drop()}, {}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port, SMTPADMIN_RETRY_DELAY=0)
        send(site, on_uncertain=how)
        with working(site):
            site.wait_for_states(**{"uncertain" if kept else "sent": 1})
    assert bool(site.rows("Sealed")) is kept


def test_old_contents_go_as_settings_and_types_want(worker_site: Callable[..., WorkerSite]) -> None:
    """A sweep removes what was sent RETENTION_SENT days ago, or as long ago as its type says.

    What failed goes after RETENTION_DEAD days.
    """
    site = worker_site(SMTPADMIN_RETENTION_SENT=2, SMTPADMIN_RETENTION_DEAD=4)
    site.site.mail.email_type("bill", subject="Bill", text="Bill", retention=30)
    old, bill, dead, late = (site.send(1, type=kind)[0] for kind in (None, "bill", None, None))
    table = site.state.models.table("Message")
    ended = {old: ("sent", 3), bill: ("sent", 3), dead: ("dead", 3), late: ("dead", 5)}
    with site.state.database.write() as connection:
        for number, (state, days) in ended.items():
            values = {"state": state, "run_at": None, "state_at": utcnow() - timedelta(days=days)}
            connection.execute(sa.update(table).where(table.c.id == number).values(**values))
    with working(site, burst=True):
        wait_until(lambda: [row.id for row in site.rows("Content")] == [bill, dead])
    assert [row.id for row in site.rows()] == [old, bill, dead, late]

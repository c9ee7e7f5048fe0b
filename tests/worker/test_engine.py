"""The engine at work in this process: routing, recovery and what it tells the app."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.processes import free_port, wait_until
from support.scripted import Accept, Raw, scripted_server
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin import message_dead, message_sent, server_degraded, server_recovered
from flask_smtpadmin.delivery import upkeep
from flask_smtpadmin.storage.database import utcnow


def state_of(site: WorkerSite, number: int) -> str:
    """Return the state of one message."""
    message = site.state.models.table("Message")
    with site.state.database.read() as connection:
        query = sa.select(message.c.state).where(message.c.id == number)
        return str(connection.execute(query).scalar_one())


@pytest.fixture
def second() -> Iterator[MailServer]:
    """Run another SMTP server."""
    with mail_server(pipelining=True) as server:
        yield server


def test_the_next_server_takes_over_within_the_same_try(
    worker_site: Callable[..., WorkerSite], second: MailServer
):
    """The preferred server is down: nothing is counted, everything goes through the other."""
    other = {"host": "127.0.0.1", "port": second.port, "tls_mode": "none", "priority": 5}
    site = worker_site(SMTPADMIN_PORT=free_port(), SMTPADMIN_SERVERS={"second": other})
    site.send(30)
    with working(site, burst=True):
        site.wait_for_states(sent=30)
    assert len(second.received) == 30
    assert {(row.sent_via, row.failures) for row in site.rows()} == {("second", 0)}
    returned = [row for row in site.rows("Attempt") if row.outcome == "returned"]
    assert returned
    assert {row.server_key for row in returned} == {"default"}


def test_mail_flows_again_when_the_server_comes_back(worker_site: Callable[..., WorkerSite]):
    """Down at first: the mail is parked; a probe finds the server and all of it is delivered."""
    port = free_port()
    site = worker_site(SMTPADMIN_PORT=port)
    told: list[str] = []

    def degraded(_app: Any, **_values: Any) -> None:
        told.append("degraded")

    def recovered(_app: Any, **_values: Any) -> None:
        told.append("recovered")

    server_degraded.connect(degraded)
    server_recovered.connect(recovered)
    site.send(40)
    with working(site):
        wait_until(lambda: {row.waiting_for for row in site.rows()} == {"server"})
        with scripted_server({}, port=port):
            site.wait_for_states(sent=40)
    assert told == ["degraded", "recovered"]
    assert {row.failures for row in site.rows()} == {0}


def test_a_wrong_password_holds_the_server_until_it_is_changed(
    worker_site: Callable[..., WorkerSite],
):
    """One sign-in, no attempt counted; the new settings are tried at the next look at them."""
    with mail_server(users={"ada": "right"}) as server:
        site = worker_site(SMTPADMIN_HOST="", SMTPADMIN_PORT=None, SMTPADMIN_TLS_MODE=None)
        values = {
            "host": "127.0.0.1",
            "port": str(server.port),
            "tls_mode": "none",
            "username": "ada",
            "password": "wrong",
        }
        site.state.settings.save_server("default", values)
        site.send(30)
        with working(site, connections=1):
            wait_until(lambda: {row.waiting_for for row in site.rows()} == {"server"})
            assert [row.health for row in site.rows("Server")] == ["held"]
            assert server.sign_ins == [("ada", False)]
            site.state.settings.save_server("default", {"password": "right"})
            site.wait_for_states(timeout=20, sent=30)
    assert {row.failures for row in site.rows()} == {0}


def test_pause_and_resume(worker_site: Callable[..., WorkerSite], smtp: MailServer):
    """While paused nothing is sent and each message says why; afterwards all of it is."""
    site = worker_site()
    site.state.pause()
    site.send(20)
    with working(site):
        wait_until(lambda: {row.waiting_for for row in site.rows()} == {"paused"})
        assert smtp.received == []
        site.state.resume()
        site.wait_for_states(sent=20)


def test_urgent_mail_overtakes_a_newsletter(worker_site: Callable[..., WorkerSite]):
    """10,000 bulk mails at 20 ms each: a password reset is found within a second, then it is next.

    Nobody rings. Between its claim and its end each of the two connections finishes what it has.
    """
    begun: list[str] = []

    def begin(command: str) -> str:
        begun.append(command.partition("<")[2].partition(">")[0])
        return "250 2.1.0 ok"

    slow = Accept(Raw(b"250 2.0.0 accepted\r\n", size=10, pause=0.02))
    with scripted_server({"mail": begin, "dot": slow}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port, SMTPADMIN_MAX_QUEUE=0)
        site.send(10_000)
        with working(site, connections=2):
            wait_until(lambda: len(begun) > 10)
            urgent = site.send(1, priority="urgent", sender="urgent@example.com")[0]
            before = len(begun)
            wait_until(lambda: state_of(site, urgent) != "queued", every=0.005)
            claimed = len(begun)
            wait_until(lambda: state_of(site, urgent) == "sent")
    assert begun.index("urgent@example.com") - claimed <= 20
    assert begun.index("urgent@example.com") - before < 200


def test_no_more_than_the_window_is_written_ahead(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Hand-overs without a committed result never exceed W, and come close to it under load."""
    site = worker_site(SMTPADMIN_WINDOW=12)
    site.send(300)
    attempt = site.state.models.table("Attempt")
    open_now = sa.select(sa.func.count()).where(attempt.c.outcome.is_(None))
    seen: list[int] = []
    with working(site), site.state.database.engine.connect() as connection:
        while not seen or len(smtp.received) < 300:
            seen.append(connection.execute(open_now).scalar_one())
            connection.rollback()
        site.wait_for_states(sent=300)
    assert 6 <= max(seen) <= 12


def test_a_locked_database_delays_and_loses_nothing(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Another writer holds SQLite for longer than the busy time-out, in the middle of the work."""
    site = worker_site()
    site.send(200)
    path = sa.make_url(site.site.app.config["SQLALCHEMY_DATABASE_URI"]).database
    with working(site, connections=2):
        wait_until(lambda: len(smtp.received) > 20, every=0.001)
        with sqlite3.connect(str(path), isolation_level=None, timeout=30) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(6)
            other.execute("COMMIT")
        other.close()
        site.wait_for_states(sent=200)
    assert len({mail.message["Message-ID"] for mail in smtp.received}) == 200
    assert len(smtp.received) == 200, "written once the database is back, not sent again"


def test_what_the_database_forgot_is_taken_back(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, monkeypatch: pytest.MonkeyPatch
):
    """Rows that are ours by the database and not in our hands are due again after two beats."""
    monkeypatch.setattr(upkeep, "BEAT_EVERY", 0.3)
    site = worker_site()
    late = datetime.now(UTC) + timedelta(days=1)
    forgotten, handed_over = site.send(2, send_at=late)
    message, attempt = site.state.models.table("Message"), site.state.models.table("Attempt")
    with working(site):
        wait_until(lambda: len(site.rows("Worker")) == 1)
        worker = {"worker_id": site.rows("Worker")[0].id}
        lease = {"lease_token": "lost", "lease_until": late.replace(tzinfo=None), "run_at": None}
        opened = {"server_key": "default", "phase": "handed_over", "started_at": utcnow()}
        with site.state.database.write() as connection:
            lost = sa.update(message).values(state="sending", attempts=1, **worker, **lease)
            connection.execute(lost)
            connection.execute(sa.insert(attempt).values(message=2, n=1, **worker, **opened))
        site.wait_for_states(sent=2)
    assert len(smtp.received) == 2
    outcomes = [(row.message, row.outcome) for row in site.rows("Attempt")]
    assert outcomes[0] == (handed_over, "uncertain")
    assert sorted(outcomes[1:]) == [(forgotten, "sent"), (handed_over, "sent")]


def test_receivers_hear_of_it_after_the_commit(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """In an app context, with the row already in its new state."""
    site = worker_site()
    smtp.refuse = {"r0@example.com": "550 5.1.1 no such user here"}
    heard: list[tuple[str, str, bool]] = []

    def receiver(name: str) -> Callable[..., None]:
        def receive(app: Any, *, message: int, server: str) -> None:
            from flask import current_app

            state = site.rows()[message - 1].state
            heard.append((name, state, current_app._get_current_object() is app))

        return receive

    on_sent, on_dead = receiver("sent"), receiver("dead")
    message_sent.connect(on_sent)
    message_dead.connect(on_dead)
    site.send(2)
    with working(site, burst=True):
        site.wait_for_states(sent=1, dead=1)
    assert sorted(heard) == [("dead", "dead", True), ("sent", "sent", True)]


def test_a_link_that_was_closed_meanwhile_is_no_fault_of_the_message(
    worker_site: Callable[..., WorkerSite],
):
    """The server hangs up after every third mail: all arrive once and no failure is counted."""
    with scripted_server({"mail": ["250 ok"] * 3 + ["421 4.7.0 enough for one link"]}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port)
        site.send(20)
        with working(site, connections=1, burst=True):
            site.wait_for_states(sent=20)
    assert {row.failures for row in site.rows()} == {0}
    assert len(server.accepted) == 20

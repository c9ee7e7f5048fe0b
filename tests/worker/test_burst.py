"""``flask smtp-worker --burst``: one pass over what is due, without Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from support.processes import free_port
from support.smtp import MailServer
from support.workers import WorkerSite


def test_delivers_what_is_due_and_prints_the_figures(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Every due message reaches the server once, with its attempt and recipient written."""
    site = worker_site()
    site.send(20)
    summary = site.burst()
    assert summary == {
        "sent": 20,
        "partial": 0,
        "retrying": 0,
        "dead": 0,
        "uncertain": 0,
        "waiting": 0,
        "next_due": None,
    }
    assert len({mail.message["Message-ID"] for mail in smtp.received}) == 20
    attempts = site.rows("Attempt")
    assert {(row.n, row.phase, row.outcome, row.code) for row in attempts} == {
        (1, "done", "sent", 250)
    }
    assert all(row.finished_at >= row.started_at and row.ms >= 0 for row in attempts)
    assert {(row.state, row.code) for row in site.rows("Recipient")} == {("accepted", 250)}


def test_leaves_what_is_due_later(worker_site: Callable[..., WorkerSite], smtp: MailServer):
    """A scheduled message stays, and the summary says when it is due."""
    site = worker_site()
    moment = datetime.now(UTC) + timedelta(hours=1)
    site.send(1, send_at=moment)
    summary = site.burst()
    assert summary["sent"] == 0
    assert datetime.fromisoformat(summary["next_due"]) == moment
    assert smtp.received == []


def test_wait_also_delivers_what_is_due_within_it(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """``--wait 10`` hands over a message that is due in a second, at its time."""
    site = worker_site()
    moment = datetime.now(UTC) + timedelta(seconds=1.5)
    site.send(1, send_at=moment)
    assert site.burst("--wait", "10")["sent"] == 1
    assert site.rows("Attempt")[0].started_at >= moment.replace(tzinfo=None)


def test_a_refused_recipient_is_a_dead_letter_and_a_deferred_one_is_tried_again(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """550 at RCPT ends a message, 450 leads to a counted failure and a later try."""
    site = worker_site()
    smtp.refuse = {
        "r0@example.com": "550 5.1.1 no such user here",
        "r1@example.com": "451 4.3.0 local trouble, try later",
    }
    site.send(3)
    summary = site.burst()
    assert (summary["sent"], summary["dead"], summary["retrying"]) == (1, 1, 1)
    dead, retrying, sent = site.rows()
    assert (dead.state, dead.run_at, retrying.state, retrying.failures, sent.state) == (
        "dead",
        None,
        "retrying",
        1,
        "sent",
    )
    delay = (retrying.run_at - retrying.state_at).total_seconds()
    assert 14 < delay < 46
    assert [row.state for row in site.rows("Recipient")] == ["refused", "pending", "accepted"]


def test_a_server_that_cannot_be_reached_burns_no_attempt(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """The mail waits for the server with no failure, and the next run delivers it."""
    port = smtp.port
    site = worker_site(SMTPADMIN_PORT=free_port())
    site.send(30)
    summary = site.burst()
    assert (summary["sent"], summary["waiting"]) == (0, 30)
    assert {(row.state, row.waiting_for, row.failures) for row in site.rows()} == {
        ("queued", "server", 0)
    }
    server = site.rows("Server")[0]
    assert (server.key, server.health) == ("default", "open")
    assert site.burst(SMTPADMIN_PORT=str(port))["sent"] == 30, "changed settings are probed at once"
    assert site.rows("Server")[0].health == "ok"


def test_without_a_server_mail_waits_for_settings(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Nothing configured: nothing lost, and the reason is on the message."""
    site = worker_site(SMTPADMIN_HOST="")
    site.send(3)
    assert site.burst()["waiting"] == 3
    assert {row.waiting_for for row in site.rows()} == {"settings"}
    assert site.burst(SMTPADMIN_HOST="127.0.0.1")["sent"] == 3


def test_errors_are_json_when_asked_for(worker_site: Callable[..., WorkerSite]):
    """A database without tables: exit 1 and one JSON document that names the command."""
    site = worker_site()
    with site.site.app.app_context():
        site.site.db.drop_all()
    process = site.start("--burst", "--json")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    error = json.loads(output)["error"]
    assert error["code"] == "schema_missing"
    assert "flask db upgrade" in error["message"]


def test_in_memory_databases_are_refused(worker_site: Callable[..., WorkerSite]):
    """A worker cannot see another process' memory, and says so."""
    site = worker_site("sqlite:///:memory:")
    process = site.start("--burst", "--json")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "in-memory" in json.loads(output)["error"]["message"].lower()


def test_switching_to_catch_mode_stops_what_was_queued_before(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
):
    """Live mail of a copied database reaches nobody under catch, and goes once MODE is live."""
    site = worker_site()
    site.send(2)
    assert site.burst(SMTPADMIN_MODE="catch")["waiting"] == 2
    assert smtp.received == []
    assert {(row.state, row.waiting_for) for row in site.rows()} == {("queued", "settings")}
    assert site.burst()["sent"] == 2


def test_a_caught_message_goes_out_when_it_is_released(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, monkeypatch: pytest.MonkeyPatch
):
    """Release lets that message out of catch mode; mail to allowed domains alone needs none."""
    site = worker_site()
    monkeypatch.setenv("SMTPADMIN_MODE", "catch")
    monkeypatch.setenv("SMTPADMIN_CATCH_ALLOW", "example.com")
    first, _ = site.send(2, recipients=2)  # the second one is at example1.com
    site.send(1)
    assert site.burst()["sent"] == 1
    assert site.log.read_text().count("MODE is catch (SMTPADMIN_MODE)") == 1
    with site.site.app.app_context():
        site.state.queue.release(first)
    assert site.burst()["sent"] == 1
    assert site.states() == {"sent": 2, "caught": 1}

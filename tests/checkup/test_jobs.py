"""Checks that are written down: by whoever asks, for a worker, cancelled, kept and forgotten."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from support.processes import wait_until
from support.scripted import Silence, scripted_server
from support.smtp import authority, mail_server
from support.working import working

from flask_smtpadmin.checkup import Part, begin, look
from flask_smtpadmin.core.check import Check, Wish
from flask_smtpadmin.core.dialogues import Wanted
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.worker import rounds

from .conftest import Bench

Benches = Callable[..., Bench]


def over(bench: Bench, batch: str) -> tuple[Check, ...]:
    """Wait until all checks of a batch are over and return them."""
    wait_until(lambda: all(check.over for check in bench.state.checks.batch(batch)), timeout=40)
    return bench.state.checks.batch(batch)


def test_a_check_is_kept_with_all_it_found(bench: Benches, database_url: str) -> None:
    """On each database: result, steps, facts, and who wanted it."""
    site = bench(database_url)
    report = site.check()
    (check,) = site.state.checks.latest(10)
    assert (check.state, check.ok, check.actor) == ("done", True, "ada@example.com")
    assert check.report is not None
    assert check.report.document() == report.document()
    assert check.fingerprint == site.server().fingerprint
    assert check.report.runtime["redis"] == "not used"
    assert {"host", "openssl", "resolver", "proxy"} <= check.report.runtime.keys()


def test_several_parts_are_run_in_their_order(bench: Benches, database_url: str) -> None:
    """On each database: one check for each part, the steps written down as they end."""
    site = bench(database_url)
    senders = ["a@example.com", "b@example.com", "c@example.com"]
    parts = [Part(Wish(to="g@example.org", scenario="direct", sender=one)) for one in senders]
    found = over(site, begin(site.state, site.server(), parts))
    assert [check.wish.sender for check in found] == senders
    assert all(check.ok for check in found)
    assert [mail.sender for mail in site.smtp.received] == senders


def test_a_worker_runs_what_is_meant_for_it(bench: Benches, database_url: str) -> None:
    """On each database: begun by the worker itself, on its host, once."""
    site = bench(database_url)
    with working(site.site):
        wait_until(lambda: site.site.rows("Worker"))
        worker = site.site.rows("Worker")[0].id
        parts = [Part(Wish()), Part(Wish(), worker)]
        here, there = over(site, begin(site.state, site.server(), parts))
    assert (here.ok, there.ok) == (True, True)
    assert (here.place, there.place) == ("", worker)
    assert there.host


def test_a_check_that_no_worker_takes_is_lost_in_the_end(bench: Benches) -> None:
    """The page does not wait for ever for a worker that has gone."""
    site = bench()
    batch = begin(site.state, site.server(), [Part(Wish(), "gone")])
    assert site.state.checks.batch(batch)[0].state == "waiting"
    table = site.state.models.table("Check")
    with site.state.database.write() as connection:
        connection.execute(sa.update(table).values(heard_at=utcnow() - timedelta(minutes=1)))
    assert site.state.checks.batch(batch)[0].state == "lost"


def test_a_check_can_be_cancelled_while_a_server_is_silent(bench: Benches) -> None:
    """Within a second or two, from any process; what was not tried stays open."""
    with scripted_server({"banner": Silence()}) as silent:
        site = bench(SMTPADMIN_PORT=silent.port)
        batch = begin(site.state, site.server(), [Part(Wish())])
        wait_until(lambda: silent.connections)
        began = time.monotonic()
        site.state.checks.cancel(batch)
        (check,) = over(site, batch)
    assert check.state == "cancelled"
    assert time.monotonic() - began < 10
    assert check.report is not None
    assert not check.report.ok


def test_what_waits_for_a_worker_is_cancelled_at_once(bench: Benches) -> None:
    """And the worker that comes later leaves it alone."""
    site = bench()
    batch = begin(site.state, site.server(), [Part(Wish(), "w1")])
    site.state.checks.cancel(batch)
    assert site.state.checks.batch(batch)[0].state == "cancelled"
    assert site.state.checks.take("w1", "host") is None


def test_a_health_check_is_made_by_one_worker_only(bench: Benches, database_url: str) -> None:
    """On each database: the same span of time has one name, and whoever writes it first looks."""
    site = bench(database_url)
    assert look(site.state, site.server(), "span 1", place="w1")
    assert not look(site.state, site.server(), "span 1", place="w2")
    assert look(site.state, site.server(), "span 2", place="w2")
    assert [check.kind for check in site.state.checks.history("default")] == ["health"] * 2


def test_a_worker_looks_at_its_servers(bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in each span, without a message; new settings are looked at once more."""
    monkeypatch.setattr(rounds, "FIRST_LOOK", 0.0)
    monkeypatch.setattr(rounds, "ASK_EVERY", 0.1)
    site = bench(SMTPADMIN_CHECK_EVERY="3600")
    with working(site.site):
        wait_until(lambda: site.state.checks.history("default"))
        time.sleep(0.5)
        assert len(site.state.checks.history("default")) == 1
        site.state.settings.save_server("default", {"helo_name": "mail.example.org"})
        wait_until(lambda: len(site.state.checks.history("default")) == 2)
    assert site.smtp.received == []


def test_looking_can_be_switched_off(bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """CHECK_EVERY 0: the worker signs in nowhere on its own."""
    monkeypatch.setattr(rounds, "FIRST_LOOK", 0.0)
    monkeypatch.setattr(rounds, "ASK_EVERY", 0.05)
    site = bench(SMTPADMIN_CHECK_EVERY="0")
    with working(site.site):
        time.sleep(0.6)
    assert site.smtp.connections == 0


def test_a_worker_ends_after_its_round(bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it looks at when it is stopped comes to its end: no connection is opened later."""
    begun, ended = threading.Event(), threading.Event()

    def serve(*_: object) -> bool:
        begun.set()
        time.sleep(0.5)
        ended.set()
        return False

    monkeypatch.setattr(rounds, "ASK_EVERY", 0.05)
    monkeypatch.setattr(rounds, "serve_waiting", serve)
    with working(bench().site):
        assert begun.wait(5)
    assert ended.is_set()


def test_verified_belongs_to_the_settings_that_were_tried(bench: Benches) -> None:
    """A change of the settings takes it away, the old settings bring it back."""
    site = bench()

    def passed() -> Check | None:
        return site.state.checks.standing([site.server()])["default"].passed

    assert passed() is None
    site.check()
    before = passed()
    assert before is not None
    assert before.actor == "ada@example.com"
    site.state.settings.save_server("default", {"helo_name": "mail.example.org"})
    assert passed() is None
    assert site.state.checks.standing([site.server()])["default"].last is not None
    site.state.settings.save_server("default", {"helo_name": ""})
    assert passed() == before


def test_a_check_of_typed_values_verifies_nothing(bench: Benches) -> None:
    """Only what is saved can be verified."""
    site = bench()
    site.check(saved=False)
    standing = site.state.checks.standing([site.server()])["default"]
    assert (standing.passed, standing.last) == (None, None)


def test_a_good_check_takes_doubt_away(bench: Benches, database_url: str) -> None:
    """On each database: "not verified" becomes ok, and a held server is probed at once."""
    site = bench(database_url)
    assert site.server().health == "unverified"
    site.check()
    assert site.server().health == "ok"
    table = site.state.models.table("Server")
    later = utcnow() + timedelta(hours=1)
    with site.state.database.write() as connection:
        connection.execute(sa.update(table).values(health="held", retry_at=later))
    site.check()
    row = site.site.rows("Server")[0]
    assert row.health == "held"
    assert row.retry_at < later


def test_a_wrong_password_must_be_refused(bench: Benches) -> None:
    """One sign-in with a made-up password; a server that takes it fails the test."""
    with mail_server("implicit", users={"u": "password"}) as server:
        made = server.settings()
        site = bench()
        report = site.check(server=made, scenario="wrong_password")
        assert (report.ok, report.cause) == (True, "")
        assert report.steps[-1].detail == "refused, as it should be"
        assert len(server.sign_ins) == 1
        assert "password" not in str(server.sign_ins)
    with scripted_server({"ehlo": "250-hi\r\n250 AUTH PLAIN", "auth": "235 2.7.0 come in"}) as lax:
        made = lax.settings(username="u", password="password", auth="password")
        report = site.check(server=made, scenario="wrong_password")
    assert (report.ok, report.cause) == (False, "accepts_any_password")
    assert report.failed is not None


def test_another_outgoing_address_is_a_warning(bench: Benches) -> None:
    """The server names our address in its reply to EHLO; it was another one before."""
    site = bench()
    for address, warned in [("198.51.100.7", 0), ("198.51.100.7", 0), ("203.0.113.15", 1)]:
        with scripted_server({"ehlo": f"250 mx.test at your service, [{address}]"}) as server:
            report = site.check(server=server.settings())
        assert report.seen_as == address
        assert len(report.warnings) == warned
    assert "203.0.113.15/32" in report.warnings[0]


def test_an_address_that_is_not_registered_is_a_warning(bench: Benches) -> None:
    """Where the admin noted what the provider has on its list, that decides."""
    site = bench()
    with scripted_server({"ehlo": "250 mx.example.com at your service, [203.0.113.15]"}) as server:
        known = server.settings(registered_addresses=("203.0.113.0/24",))
        assert site.check(server=known).warnings == ()
        other = server.settings(registered_addresses=("198.51.100.7/32",))
        (warning,) = site.check(server=other).warnings
    assert "Register 203.0.113.15/32" in warning


def test_a_certificate_that_ends_soon_is_a_warning(bench: Benches) -> None:
    """Names, issuer, days left; under two weeks it is worth a word."""
    soon = authority().context(end=datetime.now(UTC) + timedelta(days=5))
    with mail_server("implicit", context=soon) as server:
        report = bench().check(server=server.settings())
    assert report.ok
    assert report.certificate_until is not None
    assert "in 4 days" in report.warnings[0]
    encrypt = next(step for step in report.steps if step.name == "encrypt")
    assert "(4 days left)" in encrypt.detail
    assert "certificate for localhost" in encrypt.detail


def test_secrets_are_in_no_row(bench: Benches) -> None:
    """Whatever a check was given, its row holds no password, in no form."""
    site = bench()
    script = {"ehlo": "250-hi\r\n250 AUTH PLAIN", "auth": "535 5.7.8 canary-pass"}
    with scripted_server(script) as bad:
        made = bad.settings(username="u", password="canary-pass", auth="password")
        site.check(server=made, saved=False)
    (row,) = site.site.rows("Check")
    assert "canary" not in json.dumps(dict(row._mapping), default=str)


def test_old_checks_are_forgotten_but_the_newest(bench: Benches, database_url: str) -> None:
    """On each database: a server that was checked long ago still says how that went."""
    site = bench(database_url)
    for _ in range(3):
        site.check()
    table = site.state.models.table("Check")
    with site.state.database.write() as connection:
        connection.execute(sa.update(table).values(created_at=utcnow() - timedelta(days=30)))
    assert site.state.checks.prune(utcnow(), 7) == 2
    assert len(site.state.checks.history("default")) == 1


def test_a_person_is_counted_over_all_processes(bench: Benches) -> None:
    """Health checks and other people's tests do not count."""
    site = bench()
    for _ in range(3):
        site.check()
    look(site.state, site.server(), "span", place="w")
    assert site.state.checks.recent("ada@example.com", 60) == 3
    assert site.state.checks.recent("grace@example.com", 60) == 0


def test_a_worker_that_ends_does_not_wait_for_a_check(bench: Benches) -> None:
    """A silent server holds up the check, not the worker; the check ends as far as it got."""
    with scripted_server({"banner": Silence()}) as silent:
        site = bench(SMTPADMIN_PORT=silent.port)
        with working(site.site):
            wait_until(lambda: site.site.rows("Worker"))
            worker = site.site.rows("Worker")[0].id
            batch = begin(site.state, site.server(), [Part(Wish(), worker)])
            wait_until(lambda: silent.connections)
            began = time.monotonic()
        assert time.monotonic() - began < 10
        (check,) = over(site, batch)
    assert check.report is not None
    assert not check.report.ok


def test_a_check_is_in_the_activity_log(bench: Benches, database_url: str) -> None:
    """On each database: the dialogue stands in the result and among the day's sessions."""
    site = bench(database_url)
    site.check()
    (check,) = site.state.checks.latest(1)
    assert "C: EHLO" in check.transcript
    assert "S: 220 " in check.transcript
    (session,) = site.state.dialogues.page(Wanted(day=datetime.now(UTC).date())).sessions
    assert (session.origin, session.failures) == ("test", 0)
    assert session.address == f"127.0.0.1:{site.smtp.port}"


def test_activity_that_is_off_keeps_only_the_result(bench: Benches) -> None:
    """The person at the page still sees the dialogue of the test."""
    site = bench(SMTPADMIN_ACTIVITY_LOG="off")
    site.check()
    assert "C: EHLO" in site.state.checks.latest(1)[0].transcript
    assert site.site.rows("Dialogue") == []

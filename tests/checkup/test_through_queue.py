"""A test message on the road of real mail: stored, queued, picked up, sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.processes import wait_until
from support.workers import WorkerSite
from support.working import working as started

from flask_smtpadmin.checkup import through_queue
from flask_smtpadmin.core.report import DIRECT_STEPS, QUEUE_STEPS, STEP_NAMES, Report, Step

from .conftest import Bench, states

Benches = Callable[..., Bench]


@contextmanager
def working(site: WorkerSite) -> Iterator[None]:
    """Run a worker that the database knows of."""
    with started(site):
        wait_until(lambda: site.rows("Worker"))
        yield


TO = "grace@example.org"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a message that is not sent be given up after 2 s."""
    monkeypatch.setattr("flask_smtpadmin.checkup.jobs.LIMIT", 2.0)
    monkeypatch.setattr("flask_smtpadmin.checkup.jobs._LEAST", 2.0)


def detail(report: Report, step: str) -> str:
    """Return what a step told."""
    return next(item.detail for item in report.steps if item.name == step)


def test_a_message_goes_by_hand_and_then_through_the_worker(bench: Benches) -> None:
    """Thirteen steps in order, two mails at the server, the second one the worker's."""
    site = bench()
    with working(site.site):
        report = site.check(to=TO)
    assert report.ok, report
    assert tuple(states(report)) == tuple(STEP_NAMES)
    assert [states(report)[name] for name in QUEUE_STEPS] == ["ok"] * 4
    assert detail(report, "sent") == "through default"
    assert len(site.smtp.received) == 2
    assert site.site.states() == {"sent": 1}


def test_without_a_worker_nothing_is_stored(bench: Benches) -> None:
    """The server is tried all the same; the queue's steps say what to start."""
    site = bench()
    report = site.check(to=TO)
    assert report.ok
    assert [states(report)[name] for name in QUEUE_STEPS] == ["skipped"] * 4
    assert "flask smtp-worker" in detail(report, "stored")
    assert (len(site.smtp.received), site.site.states()) == (1, {})


def test_a_server_that_refuses_by_hand_is_not_asked_through_the_queue(bench: Benches) -> None:
    """One refusal is enough: nothing is stored."""
    site = bench()
    site.smtp.refuse[TO] = "550 5.1.1 nobody here"
    with working(site.site):
        report = site.check(to=TO)
    assert (report.ok, report.cause) == (False, "recipient_unknown")
    assert states(report)["stored"] == "skipped"
    assert site.site.states() == {}


@pytest.mark.parametrize(
    ("mode", "words"), [("catch", "MODE is catch"), ("record", "MODE is record")]
)
def test_a_caught_message_is_not_waited_for(bench: Benches, mode: str, words: str) -> None:
    """Where the queue sends nothing, the steps say so at once."""
    report = bench(SMTPADMIN_MODE=mode).check(to=TO)
    assert words in detail(report, "stored")


def test_while_sending_is_paused_no_test_waits(bench: Benches) -> None:
    """A test that would wait for hours is not begun."""
    site = bench()
    site.state.pause()
    assert "paused" in detail(site.check(to=TO), "stored")


@pytest.mark.usefixtures("hurried")
def test_a_message_that_nobody_takes_is_cancelled(
    bench: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step fails with advice, and no test mail arrives hours later."""
    site = bench()
    monkeypatch.setattr(through_queue.Trial, "_obstacle", lambda _self: "")
    report = site.check(to=TO)
    assert (report.ok, report.cause) == (False, "not_picked_up")
    assert states(report)["picked_up"] == "failed"
    assert "it was cancelled" in detail(report, "picked_up")
    assert site.site.states() == {"cancelled": 1}
    assert report.advice


def test_what_the_worker_is_told_is_shown(bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that changes its mind: the worker's own attempt, its reply and cause are shown."""
    monkeypatch.setattr("flask_smtpadmin.checkup.jobs.LIMIT", 8.0)  # time enough for an attempt
    site = bench()

    def turn(step: Step) -> None:
        if step.name == "message":
            site.smtp.refuse[TO] = "550 5.7.1 Relay access denied"

    with working(site.site):
        report = site.check(to=TO, progress=turn)
    assert states(report)["message"] == "ok"
    assert states(report)["sent"] == "failed"
    assert report.cause == "relay_denied"


def test_a_volume_test_counts_what_was_sent(bench: Benches) -> None:
    """Ten messages, all at the server, with the rate they went at."""
    site = bench()
    with working(site.site):
        report = site.check(to=TO, scenario="volume", count=10)
    assert report.ok
    assert tuple(states(report)) == QUEUE_STEPS
    assert detail(report, "sent").startswith("10 of 10 in ")
    assert len(site.smtp.received) == 10


@pytest.mark.usefixtures("hurried")
def test_a_volume_test_shows_the_limit_at_work(bench: Benches) -> None:
    """Three of five fit into the minute; the rest waits for its slot and is cancelled."""
    site = bench(SMTPADMIN_LIMITS="3/minute")
    with working(site.site):
        report = site.check(to=TO, scenario="volume", count=5)
    assert report.ok, report
    told = detail(report, "sent")
    assert "of 5 in" in told
    assert "next slot at" in told
    assert "cancelled" in told
    assert 1 <= len(site.smtp.received) <= 4
    left = site.site.states()
    assert left["sent"] + left["cancelled"] == 5


def test_only_saved_settings_are_tried_by_a_worker(bench: Benches) -> None:
    """What was only typed cannot be in the worker's hands."""
    report = bench().check(to=TO, saved=False)
    assert "saved settings only" in detail(report, "stored")
    assert tuple(states(report))[:9] == DIRECT_STEPS

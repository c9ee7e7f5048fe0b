"""The check ladder tells how far it got, why it stopped there, and what to do."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.processes import wait_until
from support.scripted import Raw, Silence, scripted_server
from support.smtp import mail_server

from flask_smtpadmin.core.advice import causes
from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.report import DIRECT_STEPS as STEPS
from flask_smtpadmin.core.report import Report, Step
from flask_smtpadmin.core.settings import Problem, Server
from flask_smtpadmin.delivery.diagnose import run_check


def states(report: Report) -> dict[str, str]:
    """Return step name -> state."""
    return {step.name: step.state for step in report.steps}


@pytest.mark.parametrize("engine", ["aiosmtplib", "smtplib"])
@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_a_good_server_passes_every_step(engine: str, mode: Any) -> None:
    """Each step is told as it is done, with what it found; the message really arrives."""
    heard: list[Step] = []
    with mail_server(mode, users={"u": "password"}) as server:
        settings = server.settings(engine=engine, from_name="Ünï Shop")
        report = run_check(settings, to="me@example.org", progress=heard.append)
    assert report.ok
    assert states(report) == dict.fromkeys(STEPS, "ok")
    assert {step.name for step in heard} == set(STEPS)
    details = {step.name: step.detail for step in report.steps}
    assert details["connect"].startswith("127.0.0.1:")
    assert "TLSv1.3" in details["encrypt"]
    assert "certificate until" in details["encrypt"]
    assert "SIZE" in details["hello"]
    assert details["sign_in"] == "PLAIN"
    message = server.received[0].message
    assert message["To"] == "me@example.org"
    assert str(message["From"]) == "Ünï Shop <app@example.org>"
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}


def test_without_a_recipient_it_ends_after_sign_in() -> None:
    """Nothing is sent."""
    with mail_server("starttls", users={"u": "password"}) as server:
        report = run_check(server.settings())
    assert report.ok
    assert list(states(report)) == list(STEPS[:6])
    assert server.received == []


def test_what_was_not_tried_is_skipped_and_the_cause_is_named() -> None:
    """A wrong password: the steps before it are good, those after it were not tried."""
    with mail_server("starttls", users={"u": "password"}) as server:
        report = run_check(server.settings(password="wrong"), to="me@example.org")
    assert not report.ok
    assert states(report) == {
        **dict.fromkeys(STEPS[:5], "ok"),
        "sign_in": "failed",
        **dict.fromkeys(STEPS[6:], "skipped"),
    }
    assert report.cause == "auth_bad_credentials"
    assert report.advice
    assert report.steps[5].reply.startswith("535 5.7.8")


@pytest.mark.parametrize(
    ("script", "step", "cause"),
    [
        ({"banner": "554 5.7.1 blocked using zen.spamhaus.org"}, "greeting", "ip_blocklisted"),
        ({"banner": Raw(b"HTTP/1.1 400 Bad Request\r\n")}, "greeting", "syntax_error"),
        ({"ehlo": "550 5.7.1 Helo command rejected: need FQDN"}, "hello", "helo_rejected"),
        ({"mail": "553 5.7.1 not owned by user"}, "sender", "sender_not_authorized"),
        ({"rcpt": "550 5.1.1 user unknown"}, "recipient", "recipient_unknown"),
        ({"rcpt": "450 4.2.0 Greylisted, try later"}, "recipient", "greylisted"),
        ({"data": "451 4.3.0 try again later"}, "message", "server_busy"),
        ({"dot": "552 5.3.4 Message too large"}, "message", "message_too_large"),
    ],
)
def test_each_refusal_stops_at_its_own_step(script: Any, step: str, cause: str) -> None:
    """The reply is shown as the server gave it, unless it is no SMTP."""
    with scripted_server(script) as server:
        report = run_check(server.settings(), to="me@example.org")
    failed = next(item for item in report.steps if item.state == "failed")
    assert (failed.name, report.cause) == (step, cause)
    assert "HTTP" not in str(report.document())


def test_each_command_of_a_check_waits_for_the_reply_before() -> None:
    """Though the server takes many at once: the time and the failure of a step are its own."""
    with scripted_server({"rcpt": "550 5.1.1 user unknown"}, pipelining=True) as server:
        report = run_check(server.settings(), to="me@example.org")
    assert report.cause == "recipient_unknown"
    assert server.commands[:3] == ["EHLO", "MAIL", "RCPT"]
    assert "DATA" not in server.commands


def test_a_server_without_starttls_fails_at_encrypt() -> None:
    """And says what to do."""
    with scripted_server() as server:
        report = run_check(server.settings(tls_mode="starttls"))
    assert states(report)["encrypt"] == "failed"
    assert report.cause == "starttls_unsupported"


def test_nothing_listens_or_has_no_name() -> None:
    """Refused, unknown and forbidden are told apart, for the addresses that are permitted."""
    server = Server(key="default", host="localhost", port=1, tls_mode="none", timeout=2)
    assert run_check(server).cause == "connection_refused"
    named = Server(key="default", host="no-such-host.invalid", tls_mode="none", timeout=5)
    assert run_check(named).cause == "dns_failure"
    assert run_check(server, policy=HostPolicy("strict")).cause == "host_not_allowed"


def test_settings_that_cannot_be_used_connect_to_nothing() -> None:
    """The problem is told at the first step."""
    problem = Problem("port", "SMTPADMIN_PORT", "'abc' is no number")
    with scripted_server() as server:
        report = run_check(server.settings(problems=(problem,)))
    assert (report.cause, report.steps[0].detail) == ("misconfigured", "'abc' is no number")
    assert server.connections == 0


def test_the_whole_check_is_limited_in_time() -> None:
    """The step that hangs is the one that failed; a hanging final reply may still arrive."""
    with scripted_server({"dot": Silence()}) as server:
        started = time.monotonic()
        report = run_check(server.settings(), to="me@example.org", limit=2.0)
    assert time.monotonic() - started < 20
    assert states(report)["message"] == "failed"
    assert "may arrive" in report.steps[-1].detail


def test_a_check_can_be_cancelled_from_another_thread() -> None:
    """It ends at once, not ok, without a cause."""
    cancel = threading.Event()
    with scripted_server({"banner": Silence()}) as server, ThreadPoolExecutor(1) as other:
        other.submit(lambda: wait_until(lambda: server.connections) and cancel.set())
        started = time.monotonic()
        report = run_check(server.settings(), cancel=cancel)
    assert time.monotonic() - started < 20
    assert not report.ok
    assert states(report)["greeting"] == "skipped"


def test_the_document_has_the_names_that_others_rely_on() -> None:
    """``flask smtp check --json``."""
    with scripted_server() as server:
        document = run_check(server.settings()).document()
    assert set(document) >= {"server", "ok", "steps", "cause", "advice", "runtime"}
    assert set(document["steps"][0]) == {"name", "state", "ms", "detail", "reply"}
    assert "openssl" in document["runtime"]


def test_every_cause_says_what_why_and_what_to_do() -> None:
    """In sentences."""
    for known in causes().values():
        assert known.steps
        for sentence in (known.what, known.why, *known.steps):
            assert sentence[0].isupper()
            assert sentence[-1] in ".?"

"""Tests of a server from a page: with and without script, limited, and safe."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from support.processes import wait_until
from support.smtp import mail_server

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.report import DIRECT_STEPS as STEPS
from flask_smtpadmin.web import limits

STREAM = {"Accept": "application/x-ndjson"}


def ladder(source: str) -> dict[str, str]:
    """Return the state of each step in a result, the waiting template left out."""
    shown = source.partition("<template")[0]
    return dict(re.findall(r'data-step="(\w+)" data-state="(\w+)"', shown))


@pytest.fixture
def server(office: Any) -> Any:
    """Run a mail server and save it as the default one."""
    with mail_server("none") as running:
        office.save(
            host=running.host, port=str(running.port), tls_mode="none", from_email="app@example.org"
        )
        yield running


def test_the_recipient_is_whoever_is_at_the_page(office: Any) -> None:
    """The test form is filled in with the actor's own address."""
    assert 'name="to" value="ada@example.com"' in office.page("/test")
    assert 'name="to" value="ada@example.com"' in office.page("/servers/default")


def test_without_script_the_page_waits_and_shows_the_ladder(office: Any, server: Any) -> None:
    """The answer to the form is the whole result, and the mail has arrived."""
    response = office.post("/test", {"server": "default", "to": "grace@example.com"})
    assert response.status_code == 200
    assert ladder(response.text)["message"] == "ok"
    assert "The server accepted the message" in response.text
    assert server.received[0].recipients == ("grace@example.com",)


def test_a_failure_is_explained(office: Any, server: Any) -> None:
    """The step that failed is red, with what happened, why, what to do, and the server's words."""
    server.refuse["grace@example.com"] = "550 5.1.1 <b>nobody</b> here"
    source = office.post("/test", {"server": "default", "to": "grace@example.com"}).text
    assert ladder(source)["recipient"] == "failed"
    for words in ("What happened", "Why", "What to do", "550 5.1.1 &lt;b&gt;nobody&lt;/b&gt; here"):
        assert words in source


def test_what_only_the_provider_asks_for_comes_first(office: Any, server: Any) -> None:
    """The advice on a failed test begins with the step of the server's own provider."""
    office.state.settings.save_server("default", {}, preset="ses:eu-west-1")
    said = "554 Message rejected: Email address is not verified"
    server.refuse["grace@example.com"] = said
    source = unescape(office.post("/test", {"server": "default", "to": "grace@example.com"}).text)
    first, *others = advice("sandbox_mode", "ses").steps
    assert f"<ol><li>{first}</li><li>{others[0]}" in source


def test_the_script_gets_each_step_and_then_the_result(office: Any, server: Any) -> None:
    """The stream holds a line per step and the finished result as its last."""
    form = {"to": "g@example.com"}
    response = office.post("/servers/default/test", form, headers=STREAM)
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert response.mimetype == "application/x-ndjson"
    assert {line["step"]["name"] for line in lines[:-1]} == set(STEPS)
    assert ladder(lines[-1]["html"])["message"] == "ok"
    assert len(server.received) == 1


def test_values_are_tested_as_typed_and_not_saved(office: Any, server: Any) -> None:
    """The typed host is tried, the saved one stays, and the form keeps what was typed."""
    office.save(host="saved.invalid")
    form = {"host": "localhost", "port": str(server.port), "tls_mode": "none", "name": "Typed"}
    response = office.post("/servers/default/test", {**form, "to": "g@example.com"})
    assert ladder(response.text)["message"] == "ok"
    assert "They are not saved yet" in response.text
    assert 'value="Typed"' in response.text
    assert office.server().host == "saved.invalid"


def test_a_server_can_be_tested_before_it_is_saved(office: Any, server: Any) -> None:
    """The form of a new server is tried the same way; no server comes of it."""
    form = {"key": "second", "host": "localhost", "port": str(server.port), "tls_mode": "none"}
    response = office.post("/servers/new/test", form, headers=STREAM)
    assert '"name": "greeting", "state": "ok"' in response.text
    assert office.get("/servers/second").status_code == 404


def test_a_saved_password_is_not_sent_to_a_typed_host(office: Any) -> None:
    """With another host the test asks for the password again and nothing connects."""
    with mail_server("none", users={"u": "canary"}) as thief:
        office.save(host="mail.example.org", port="465", username="u", password="canary")
        form = {"host": "localhost", "port": str(thief.port), "tls_mode": "none", "username": "u"}
        form["allow_plaintext_auth"] = "true"
        response = office.post("/servers/default/test", form)
        assert "Nothing was tried" in response.text
        assert (thief.connections, thief.sign_ins) == (0, [])
        assert "canary" not in response.text


@pytest.mark.parametrize(
    "to", ["no address", "a@b.example, c@d.example", "x\r\nBcc: y@example.com"]
)
def test_a_recipient_that_is_none_is_refused(office: Any, server: Any, to: str) -> None:
    """One mailbox, or nothing is tried."""
    response = office.post("/test", {"server": "default", "to": to})
    assert "The recipient cannot be used" in response.text
    assert server.connections == 0


def test_an_unknown_server_is_not_found(office: Any) -> None:
    """A made-up key answers 404."""
    assert office.post("/test", {"server": "nope"}).status_code == 404


def test_misconfigured_settings_are_not_tried(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason stands in the place of the result."""
    monkeypatch.setenv("SMTPADMIN_HOST", "localhost")
    monkeypatch.setenv("SMTPADMIN_PORT", "abc")
    response = office.post("/test", {"server": "default"})
    assert "Nothing was tried" in response.text
    assert "is not a whole number" in response.text


def test_ten_tests_a_minute_are_enough(office: Any, server: Any) -> None:
    """The eleventh within a minute is put off and connects nowhere."""
    for _ in range(limits.TESTS):
        office.post("/test", {"server": "default", "to": ""})
    before = server.connections
    response = office.post("/test", {"server": "default", "to": ""})
    assert "Ten tests a minute are enough" in response.text
    assert server.connections == before == limits.TESTS


def test_the_limit_is_one_for_each_person() -> None:
    """Another person may test; after a minute so may the first."""
    limits.forget()
    now = time.monotonic()
    assert [limits.take("ada", now) for _ in range(limits.TESTS)] == [0.0] * limits.TESTS
    assert limits.take("ada", now + 1) == pytest.approx(59)
    assert limits.take("grace", now + 1) == 0
    assert limits.take("ada", now + 61) == 0


def test_a_visitor_who_leaves_stops_the_check(office: Any, silent_server: int) -> None:
    """When the browser closes the stream, the check ends at once instead of after 30 s."""
    office.save(host="127.0.0.1", port=str(silent_server), tls_mode="none")
    response = office.post("/servers/default/test", {}, headers=STREAM, buffered=False)
    lines = iter(response.response)
    assert b'"resolve"' in next(lines)
    started = time.monotonic()
    response.close()
    assert time.monotonic() - started < 15


@pytest.fixture
def silent_server(free_port: Callable[[], int]) -> Any:
    """Listen without ever saying a word."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def run(office: Any, **form: str) -> str:
    """Begin a test as the script does and return its page, once it is over."""
    response = office.post("/test", {"server": "default", "live": "1", **form})
    assert response.status_code == 303
    path = response.headers["Location"].removeprefix("/admin/email")
    wait_until(lambda: 'data-over="true"' in office.page(path))
    return str(path)


def test_with_script_the_test_has_a_page_at_once(office: Any, server: Any) -> None:
    """The answer leads to the test's page, which shows the result and may be opened by others."""
    path = run(office, to="grace@example.com", scenario="direct")
    source = office.page(path)
    assert ladder(source)["message"] == "ok"
    assert "About the host it ran on" in source
    assert "http-equiv" not in source
    part = office.get(path, headers={"Smtpadmin-Live": "1"}).text
    assert "<html" not in part
    assert ladder(part) == ladder(source)


def test_a_test_under_way_shows_where_it_is_and_can_be_cancelled(
    office: Any, silent_server: int
) -> None:
    """Without script the page loads itself anew; cancelled, the rest is skipped."""
    office.save(host="127.0.0.1", port=str(silent_server), tls_mode="none")
    response = office.post("/test", {"server": "default", "live": "1"})
    path = response.headers["Location"].removeprefix("/admin/email")
    wait_until(lambda: ladder(office.page(path)).get("greeting") == "running")
    source = office.page(path)
    assert '<meta http-equiv="refresh"' in source
    assert ladder(source)["hello"] == "pending"
    assert office.post(path + "/cancel").status_code == 303
    wait_until(lambda: 'data-over="true"' in office.page(path))
    assert "Cancelled." in office.page(path)
    assert ladder(office.page(path))["hello"] == "skipped"


def test_the_report_can_be_taken_along(office: Any, server: Any) -> None:
    """As text: steps, facts, replies; addresses are masked for those who may not see them."""
    server.refuse["grace@example.com"] = "550 5.1.1 <grace@example.com> unknown"
    path = run(office, to="grace@example.com", scenario="direct")
    response = office.get(path + "/report.txt")
    assert response.mimetype == "text/plain"
    assert "attachment" in response.headers["Content-Disposition"]
    for words in ("Recipient accepted", "Failed", "<grace@example.com> unknown", "openssl"):
        assert words in response.text
    office.rights = {"view"}
    for source in (office.get(path + "/report.txt").text, office.page(path)):
        assert "grace@example.com" not in source
        assert "g•••@example.com" in source


def test_each_from_address_is_tried(office: Any, server: Any) -> None:
    """One result beside the other, one mail from each address that a server has."""
    office.save("second", host="other.invalid", from_email="other@example.org")
    path = run(office, to="grace@example.com", scenario="direct", sender="each")
    assert office.page(path).count("data-report") == 2
    assert [mail.sender for mail in server.received] == ["app@example.org", "other@example.org"]


def test_a_worker_that_is_not_there_runs_nothing(office: Any, server: Any) -> None:
    """A made-up worker answers 404."""
    assert office.post("/test", {"server": "default", "place": "w0"}).status_code == 404


@pytest.mark.parametrize("count", ["0", "51", "x", ""])
def test_a_volume_test_has_bounds(office: Any, server: Any, count: str) -> None:
    """No more than fifty messages, and at least one; words are no number."""
    form = {"server": "default", "to": "g@example.com", "scenario": "volume", "count": count}
    response = office.post("/test", form)
    if count in {"0", "51"}:
        assert "1 to 50 messages" in response.text
    assert server.received == []


def test_who_verified_the_saved_settings_is_shown(office: Any, server: Any) -> None:
    """With name and time; after a change it says that they were changed."""
    run(office, scenario="direct")
    assert "by ada@example.com" in office.page("/servers")
    office.save(helo_name="other.example.com")
    assert "changed since the last test" in office.page("/servers")
    assert "Health check" not in office.page("/servers/default")
    assert "Server only" in office.page("/servers/default")


def test_an_unknown_test_is_not_found(office: Any) -> None:
    """Made-up ids answer 404."""
    for path in ("/test/0123", "/test/0123/report.txt"):
        assert office.get(path).status_code == 404

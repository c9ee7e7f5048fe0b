"""``flask smtp check`` and ``flask smtp test`` as somebody at a terminal meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.smtp import MailServer, authority, mail_server

CHECK = ["smtp", "check"]


@pytest.fixture
def run(make_app: Callable[..., Any]) -> Callable[..., Any]:
    """``run(server, *arguments)`` runs a command of an app that is set up for ``server``."""

    def run(server: MailServer | None, *arguments: str) -> Any:
        config = {}
        if server is not None:
            config = {
                "SMTPADMIN_HOST": "localhost",
                "SMTPADMIN_PORT": server.port,
                "SMTPADMIN_TLS_MODE": server.mode,
                "SMTPADMIN_CA_FILE": authority().ca_file,
                "SMTPADMIN_FROM_EMAIL": "app@example.org",
            }
        return make_app(**config).app.test_cli_runner().invoke(args=list(arguments))

    return run


def test_check_tells_each_step_and_succeeds(run: Callable[..., Any]) -> None:
    """For people: a line for each step."""
    with mail_server("starttls") as server:
        result = run(server, *CHECK)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("Resolve name")
    assert any("Encrypt" in line and "TLSv1.3" in line for line in lines)
    assert server.received == []


def test_test_sends_a_message(run: Callable[..., Any]) -> None:
    """Past the queue, at once."""
    with mail_server("implicit") as server:
        result = run(server, "smtp", "test", "me@example.org")
    assert result.exit_code == 0, result.output
    assert "Check inbox and spam" in result.output
    assert server.received[0].recipients == ("me@example.org",)


def test_json_is_one_document_and_a_failure_exits_with_1(run: Callable[..., Any]) -> None:
    """For programs."""
    with mail_server() as server:
        server.refuse["me@example.org"] = "550 5.1.1 no such user"
        result = run(server, *CHECK, "--to", "me@example.org", "--json")
    assert result.exit_code == 1
    document = json.loads(result.output)
    assert (document["ok"], document["cause"]) == (False, "recipient_unknown")
    assert document["steps"][7]["state"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((*CHECK, "nobody"), "not_found"), (("smtp", "test", "a@b, c@d"), "invalid_message")],
)
def test_wrong_usage_exits_with_2(run: Callable[..., Any], arguments: Any, code: str) -> None:
    """An unknown server, or what is no address."""
    result = run(None, *arguments, "--json")
    assert result.exit_code == 2
    assert json.loads(result.output)["error"]["code"] == code


def test_a_server_that_was_never_set_up_fails_and_says_so(run: Callable[..., Any]) -> None:
    """Nothing to connect to."""
    result = run(None, *CHECK)
    assert result.exit_code == 1
    assert "What to do" in result.output

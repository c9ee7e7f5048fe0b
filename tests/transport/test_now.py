"""send_now hands over at once, or raises with everything that is known."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from support.scripted import Drop, Silence, scripted_server
from support.smtp import mail_server

from flask_smtpadmin.core.errors import ConfigurationError, DeliveryError
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.mime import Built, build
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.now import send_now


def built(**changes: Any) -> Built:
    """Return a rendered message to two people."""
    values: dict[str, Any] = {
        "subject": "Hello",
        "recipients": ["b@example.org", "c@example.org"],
        "body": "hi",
    }
    message = Message(**{**values, **changes})
    return build(message, now=datetime.now(UTC), domain="example.org", token="t0ken")


def test_the_receipt_names_who_it_was_taken_for() -> None:
    """One of two refused: accepted for the other, and the refusal is told."""
    with mail_server() as server:
        server.refuse["c@example.org"] = "550 5.1.1 no such user"
        receipt = send_now(built(), server.settings())
    assert receipt.accepted == ("b@example.org",)
    assert receipt.refused == {"c@example.org": "550 5.1.1 no such user"}
    assert receipt.reply == "250 2.0.0 accepted as 1"
    assert receipt.message_id.endswith(".t0ken@example.org>")
    assert receipt.server == "default"
    assert server.received[0].message["From"] == "app@example.org"


def test_it_works_inside_a_running_event_loop() -> None:
    """An ASGI server or a notebook has one."""

    async def run(server: Server) -> tuple[str, ...]:
        return send_now(built(), server).accepted

    with mail_server() as server:
        assert asyncio.run(run(server.settings())) == ("b@example.org", "c@example.org")


@pytest.mark.parametrize(
    ("script", "phase", "cause"),
    [
        ({"mail": "550 5.7.60 no permissions to send as this sender"}, "sender",
         "sender_not_authorized"),
        ({"rcpt": "550 5.1.1 user unknown"}, "recipient", "recipient_unknown"),
        ({"dot": Drop()}, "body", "server_disconnected"),
        ({"banner": "421 4.3.2 try again later"}, "greeting", "server_busy"),
    ],
)  # fmt: skip
def test_a_failure_carries_outcome_reply_and_phase(script: Any, phase: str, cause: str) -> None:
    """DeliveryError."""
    with scripted_server(script) as server, pytest.raises(DeliveryError) as caught:
        send_now(built(), server.settings())
    error = caught.value
    assert (error.phase, error.outcome.cause, error.server) == (phase, cause, "default")
    assert ("may have taken" in str(error)) == (phase == "body")


def test_thirty_seconds_are_the_limit_for_everything() -> None:
    """Shortened here; a request must not hang for the ten minutes of a slow final reply."""
    started = time.monotonic()
    with scripted_server({"rcpt": Silence()}) as server, pytest.raises(DeliveryError) as caught:
        send_now(built(), server.settings(timeout=30), limit=2.0)
    assert time.monotonic() - started < 20
    assert caught.value.phase == "recipient"
    assert caught.value.outcome.cause == "response_timeout"


def test_a_server_that_cannot_be_used_says_so() -> None:
    """No host, no sender."""
    with pytest.raises(ConfigurationError):
        send_now(built(), Server(key="default"))
    with pytest.raises(ConfigurationError):
        send_now(built(), Server(key="default", engine="memory"))


def test_the_message_brings_its_own_sender_unless_forced() -> None:
    """FORCE_FROM replaces it, and answers still reach the one who wrote."""
    mine = built(sender="me@example.net")
    with mail_server() as server:
        send_now(mine, server.settings())
        send_now(mine, server.settings(force_from=True, envelope_from="bounce@example.org"))
    first, second = server.received
    assert (first.sender, first.message["From"]) == ("me@example.net", "me@example.net")
    assert (second.sender, second.message["From"]) == ("bounce@example.org", "app@example.org")
    assert second.message["Reply-To"] == "me@example.net"

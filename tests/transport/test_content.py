"""What is written on the wire is the message and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.scripted import ScriptedServer, scripted_server
from support.smtp import mail_server

from flask_smtpadmin.core.replies import classify_transaction
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, Transaction
from flask_smtpadmin.transport import open_session
from flask_smtpadmin.transport.wire import crlf, stuff

MAIL = Envelope("a@example.org", ("b@example.org",), b"Subject: x\r\n\r\nhello\r\n")
ENGINES = ["aiosmtplib", "smtplib"]


def deliver(server: Server, *envelopes: Envelope) -> list[Transaction]:
    """Hand the envelopes over, through one session where the engine allows it."""

    async def run() -> list[Transaction]:
        results = []
        session = open_session(server)
        for envelope in envelopes:
            if not session.usable:
                await session.close()
                session = open_session(server)
                await session.open()
            results.append(await session.transact(envelope))
        await session.close()
        return results

    return asyncio.run(run())


def unstuffed(wire: bytes) -> bytes:
    """Read content as a strict server does (RFC 5321 4.5.2): only CRLF ends a line."""
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


@given(st.binary(max_size=300) | st.text(alphabet=".\r\n \x00a", max_size=60).map(str.encode))
@example(b"\r\n.\r\nMAIL FROM:<evil@example.org>\r\n")
@example(b"a\n.\nMAIL FROM:<evil@example.org>\r\n")
@example(b"a\n.\r\nb\r.\rc\r\n.\rd")
@example(b".")
def test_no_content_ends_itself(content: bytes) -> None:
    """SMTP smuggling (CVE-2023-51764): whatever is in it, one dot ends it, at its end."""
    normal = crlf(content)
    wire = stuff(normal)
    assert unstuffed(wire) == normal
    rest = normal.replace(b"\r\n", b"")
    assert b"\r" not in rest
    assert b"\n" not in rest


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pipelining", [False, True])
def test_a_real_server_receives_every_byte(engine: str, *, pipelining: bool) -> None:
    """Dots, long lines and eight bits arrive as they were given; smuggled commands as text."""
    bodies = [
        b"Subject: dots\r\n\r\n.\r\n..\r\n.leading\r\nMAIL FROM:<x@y>\r\n",
        b"Subject: long\r\n\r\n" + b"x" * 990 + b"\r\n",
        b"Subject: eight\r\n\r\n\xc3\xa4\xff\r\n",
        b"Subject: big\r\n\r\n" + b"0123456789abcde\r\n" * 60000,
    ]
    envelopes = [replace(MAIL, content=body, eight_bit=True) for body in bodies]
    with mail_server("implicit", pipelining=pipelining) as server:
        results = deliver(server.settings(engine=engine), *envelopes)
    assert [result.accepted for result in results] == [True] * 4
    assert [item.content for item in server.received] == bodies
    assert "BODY=8BITMIME" in server.received[0].options


@pytest.mark.parametrize("engine", ENGINES)
def test_a_message_above_the_announced_size_is_not_sent(engine: str) -> None:
    """RFC 1870: refused here, for good, without a byte of it on the wire."""
    with scripted_server(extensions=["SIZE 100"]) as server:
        (result,) = deliver(server.settings(engine=engine), replace(MAIL, content=b"x" * 200))
    outcome = classify_transaction(result)
    assert outcome is not None
    assert (outcome.cause, outcome.retry, outcome.scope) == (
        "message_too_large",
        "permanent",
        "message",
    )
    assert "MAIL" not in server.commands


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "envelope",
    [
        replace(MAIL, recipients=("jürgen@example.org",)),
        replace(MAIL, smtputf8=True),
    ],
)
def test_smtputf8_is_sent_where_offered_and_else_not_at_all(
    engine: str, envelope: Envelope
) -> None:
    """RFC 6531 3.2: without the offer the message is refused here, for good."""
    with scripted_server(extensions=["SIZE"]) as plain:
        (result,) = deliver(plain.settings(engine=engine), envelope)
    outcome = classify_transaction(result)
    assert outcome is not None
    assert (outcome.cause, outcome.retry) == ("smtputf8_unsupported", "permanent")
    assert "MAIL" not in plain.commands
    with scripted_server() as able:
        (result,) = deliver(able.settings(engine=engine), replace(envelope, smtputf8=True))
    assert result.accepted
    assert any("SMTPUTF8" in line for line in able.dialogues[0].commands)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "a@example.org>\r\nRCPT TO:<evil@example.org"},
        {"recipients": ("b@example.org> SIZE=0\r\nDATA",)},
        {"recipients": ("b@example.org\nRSET",)},
        {"sender": "a b@example.org"},
        {"recipients": ("nul\0@example.org",)},
        {"recipients": ()},
    ],
)
def test_an_address_cannot_hold_a_command(engine: str, changes: dict[str, Any]) -> None:
    """Whatever came past the parsers stops here, and nothing is sent."""
    with scripted_server() as server:
        (result,) = deliver(server.settings(engine=engine), replace(MAIL, **changes))
    assert not result.accepted
    assert set(server.commands) <= {"EHLO", "QUIT"}


def test_only_what_was_offered_is_used() -> None:
    """A server without extensions gets plain commands, and still gets the message."""
    with scripted_server(extensions=[]) as server:
        (result,) = deliver(server.settings(), replace(MAIL, eight_bit=True))
    assert result.accepted
    assert "MAIL FROM:<a@example.org>" in server.dialogues[0].commands


def test_a_server_that_only_knows_helo_gets_its_mail() -> None:
    """RFC 5321 3.2: EHLO answered with 502."""

    def greet(command: str) -> str:
        return "250 old.test" if command.startswith("HELO") else "502 5.5.1 what?"

    with scripted_server({"ehlo": greet}) as server:
        (result,) = deliver(server.settings(), MAIL)
    assert result.accepted


def pipelined(server: ScriptedServer) -> list[str]:
    return server.dialogues[0].commands


def test_pipelining_sends_the_same_commands_in_the_same_order() -> None:
    """RFC 2920 changes when commands are written, not which."""
    heard = []
    for pipelining in (False, True):
        with scripted_server(pipelining=pipelining) as server:
            deliver(server.settings(helo_name="client.test"), MAIL, MAIL)
            heard.append(pipelined(server))
    assert heard[0] == heard[1]
    assert heard[0][0] == "EHLO client.test"

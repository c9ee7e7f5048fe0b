"""What the engines put into a transcript: the dialogue as it was on the wire, without secrets."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.scripted import Drop, scripted_server
from support.smtp import authority, mail_server

from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, TransportFailure
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.transport import open_session

ENGINES = ["aiosmtplib", "smtplib"]
CANARY = "canary-Zürich 9"


def mail(number: int) -> Envelope:
    content = f"Subject: {number}\r\n\r\nhello-canary\r\n".encode()
    return Envelope("a@example.org", (f"r{number}@example.org",), content, number=number)


def dialogue(server: Server, count: int = 1) -> list[str]:
    """Hand so many messages over and return the lines of the transcript without their times."""

    async def run() -> str:
        record = Transcript.of(server, clock=time.time)
        session = open_session(server, transcript=record)
        mails = iter([mail(number) for number in range(1, count + 1)])
        try:
            await session.open()
            await session.relay(lambda: next(mails, None), lambda _result: None)
        except TransportFailure:
            pass
        finally:
            await session.close()
        return record.text()

    return [line.split(" ", 1)[1] for line in asyncio.run(run()).splitlines()]


def from_mail(lines: list[str]) -> list[str]:
    return lines[next(n for n, line in enumerate(lines) if line.startswith("C: MAIL")) :]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_whole_dialogue_is_there(engine: str) -> None:
    """From the connection to QUIT, STARTTLS and what was agreed, the content as a size."""
    with mail_server("starttls", users={"user": CANARY}) as server:
        lines = dialogue(server.settings(engine=engine, password=CANARY))
        address = f":{server.port}"
    verbs = [line[:12] for line in lines if line.startswith("C:")]
    assert [verb.split()[1].upper() for verb in verbs][:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert lines[0].startswith("-- connected to ")
    assert lines[0].endswith(address)
    assert sum(line.startswith("-- TLSv1.") for line in lines) == 1
    assert any(line.startswith("S: 250-") for line in lines)
    assert "-- message 1, " in "\n".join(lines)
    assert "C: QUIT" in [line.replace("quit", "QUIT") for line in lines]
    text = "\n".join(lines)
    assert "hello-canary" not in text
    assert "AUTH PLAIN [secret removed]" in text


def test_pipelined_commands_stand_where_they_were_written() -> None:
    """The next MAIL goes out with the content, before the reply to it has come."""
    with scripted_server(extensions=["PIPELINING"]) as server:
        lines = from_mail(dialogue(server.settings(), 2))
    assert lines == [
        "C: MAIL FROM:<a@example.org>",
        "C: RCPT TO:<r1@example.org>",
        "C: DATA",
        "S: 250 2.1.0 ok",
        "S: 250 2.1.5 ok",
        "S: 354 go on",
        "-- message 1, 31 bytes of content",
        "C: MAIL FROM:<a@example.org>",
        "C: RCPT TO:<r2@example.org>",
        "C: DATA",
        "S: 250 2.0.0 queued",
        "S: 250 2.1.0 ok",
        "S: 250 2.1.5 ok",
        "S: 354 go on",
        "-- message 2, 31 bytes of content",
        "S: 250 2.0.0 queued",
        "C: QUIT",
        "S: 221 2.0.0 bye",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_pipelining_each_command_has_its_reply(engine: str) -> None:
    """Command, reply, command, reply; after a refusal RSET."""
    script = {"rcpt": "550 5.1.1 no such user"}
    with scripted_server(script, extensions=[]) as server:
        lines = from_mail(dialogue(server.settings(engine=engine)))
    wanted = [
        "C: MAIL FROM:<a@example.org>",
        "S: 250 2.1.0 ok",
        "C: RCPT TO:<r1@example.org>",
        "S: 550 5.1.1 no such user",
    ]
    assert lines[:4] == wanted


def echoes() -> dict[str, Callable[[str], str]]:
    """Return what a hostile server makes of the command it just heard."""
    raw = CANARY.encode()

    def heard(command: str) -> str:
        return command.rsplit(" ", maxsplit=1)[-1]

    return {
        "plain": lambda _: CANARY,
        "as it was said": heard,
        "hex": lambda _: raw.hex(),
        "hex of what was said": lambda command: heard(command).encode().hex(),
        "base64": lambda _: base64.b64encode(raw).decode(),
        "base64 over two lines": lambda c: f"{heard(c)[:10]}\r\n535 {heard(c)[10:]}",
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("form", echoes())
def test_a_server_that_echoes_the_secret_leaves_no_trace(
    engine: str, mechanism: str, form: str
) -> None:
    """While signing in and after it: no canary in plain, base64 or hex."""
    echo = echoes()[form]
    challenge = base64.b64encode(b"<1@scripted.test>").decode()
    said: list[str] = []

    def answer(command: str) -> str:
        said.append(command.rsplit(" ", maxsplit=1)[-1])
        if mechanism != "PLAIN" and command.startswith("AUTH"):
            spoken = mechanism == "LOGIN" and "\r\n" not in echo(command)
            return f"334 {echo(command) if spoken else challenge}"
        first, *rest = f"535 {echo(command)}".split("\r\n")
        return "\r\n".join([first.replace(" ", "-", 1) if rest else first, *rest])

    script: dict[str, Any] = {"auth": answer, "unknown": answer}
    with scripted_server(script, auth=mechanism) as server:
        settings = server.settings(engine=engine, auth="password", username="user", password=CANARY)
        text = "\n".join(dialogue(settings))
    raw = CANARY.encode()
    assert said
    for secret in (CANARY, raw.hex(), base64.b64encode(raw).decode()[:16], *said[-1:]):
        assert secret not in text
        assert secret.encode().hex() not in text
    assert f"C: AUTH {mechanism}" in text


@pytest.mark.parametrize("pipelining", [[], ["PIPELINING"]])
def test_an_echo_in_the_transaction_is_removed_too(pipelining: list[str]) -> None:
    """Who heard the password while we signed in may say it at any later reply."""
    script = {"rcpt": f"250 2.1.5 {CANARY}", "dot": f"550 {CANARY.encode().hex()}"}
    with scripted_server(script, auth="PLAIN", extensions=pipelining) as server:
        lines = dialogue(server.settings(auth="password", username="user", password=CANARY))
    assert "S: 250 2.1.5 [secret removed]" in lines
    assert "S: 550 [secret removed]" in lines


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("script", "last"),
    [
        ({"banner": "554 go away"}, "S: 554 go away"),
        ({"ehlo": "550 no"}, "S: 550 no"),
        ({"ehlo": Drop()}, "C: EHLO"),
    ],
)
def test_a_failed_opening_is_told_to_its_end(engine: str, script: Any, last: str) -> None:
    """The reply that ended it, and the step at which it failed."""
    with scripted_server(script) as server:
        lines = dialogue(server.settings(engine=engine))
    assert lines[-2].lower().startswith(last.lower())
    assert lines[-1].startswith("-- failed at the step ")


def test_a_certificate_that_is_not_trusted_is_named() -> None:
    """A failed handshake is in the transcript with the reason."""
    with mail_server("implicit") as server:
        lines = dialogue(server.settings(ca_file=""))
    assert lines[-1].startswith("-- failed at the step encrypt: ")
    assert "certificate" in lines[-1]
    assert authority().ca_file


def test_a_local_engine_notes_one_line() -> None:
    """What reaches no server has no dialogue, only its outcome."""
    lines = dialogue(Server(key="a", engine="memory"))
    assert len(lines) == 2
    assert lines[0].startswith("-- message 1, ")
    assert lines[1].startswith("-- memory: 250 2.0.0 kept")

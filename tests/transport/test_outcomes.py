"""Each fault of the outcome table, at each phase, gives the outcome that the table says."""

from __future__ import annotations

import asyncio

import pytest
from support.processes import until
from support.scripted import Accept, Drop, Raw, ScriptedServer, Silence, scripted_server

from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, Transaction, TransportFailure
from flask_smtpadmin.transport import Session, open_session

MAIL = Envelope("a@example.org", ("b@example.org", "c@example.org"), b"Subject: x\r\n\r\nhello\r\n")
DROPS = [pytest.param(Drop(), id="fin"), pytest.param(Drop(reset=True), id="rst")]
ENGINES = ["aiosmtplib", "smtplib"]
PIPELINED = [pytest.param(False, id="stepwise"), pytest.param(True, id="pipelined")]


async def opened(server: Server) -> Session:
    session = open_session(server)
    await session.open()
    return session


def deliver(server: Server, envelope: Envelope = MAIL) -> tuple[Transaction, bool]:
    """Hand ``envelope`` over; return how it ended and whether the session was of use after it."""

    async def run() -> tuple[Transaction, bool]:
        session = await opened(server)
        try:
            result = await session.transact(envelope)
            return result, session.usable
        finally:
            await session.close()

    return asyncio.run(run())


def failure(server: Server) -> TransportFailure:
    """Open a session that cannot be opened and return the failure."""

    async def run() -> None:
        session = open_session(server)
        try:
            await session.open()
        finally:
            await session.close()

    with pytest.raises(TransportFailure) as caught:
        asyncio.run(run())
    return caught.value


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize(
    ("step", "phase"),
    [("connect", "greeting"), ("ehlo", "hello"), ("auth", "sign_in")],
)
def test_a_drop_before_mail_is_a_failure_of_the_session(
    engine: str, drop: Drop, step: str, phase: str
) -> None:
    """F01-F05: the phase is known, no mail was begun, and the error is the link's."""
    with scripted_server({step: drop}, auth="PLAIN") as server:
        settings = server.settings(engine=engine, auth="password", username="u", password="pppp")
        failed = failure(settings)
    assert failed.phase == phase or (step == "connect" and drop.reset)  # connect may see the RST
    assert failed.reply is None
    assert isinstance(failed.error, ConnectionError)
    assert "MAIL" not in server.commands


@pytest.mark.parametrize("pipelining", PIPELINED)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize(
    ("step", "phase"), [("mail", "sender"), ("rcpt", "recipient"), ("data", "data")]
)
def test_a_drop_before_the_content_is_certain(
    engine: str, drop: Drop, step: str, phase: str, *, pipelining: bool
) -> None:
    """F06-F08: the message was not handed over, and nobody needs to wonder."""
    with scripted_server({step: drop}, pipelining=pipelining) as server:
        result, usable = deliver(server.settings(engine=engine))
    if pipelining and drop.reset:
        assert result.phase in {"sender", "recipient", "data"}  # a reset takes earlier replies too
    else:
        assert result.phase == phase
    assert result.reply is None
    assert isinstance(result.error, OSError)
    assert (result.accepted, result.uncertain, usable) == (False, False, False)
    assert server.accepted == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("step", ["body", "dot", "accepted"])
def test_a_drop_after_the_content_was_written_is_uncertain(
    engine: str, drop: Drop, step: str
) -> None:
    """F09-F10: whether the server had taken it cannot be seen from here, and we say so."""
    script = {"dot": Accept(drop)} if step == "accepted" else {step: drop}
    with scripted_server(script) as server:
        result, usable = deliver(server.settings(engine=engine))
    assert (result.phase, result.reply, result.uncertain, usable) == ("body", None, True, False)
    assert len(server.accepted) == (step == "accepted")


@pytest.mark.parametrize("pipelining", PIPELINED)
@pytest.mark.parametrize("code", [421, 451, 550])
@pytest.mark.parametrize(
    ("step", "phase"),
    [("mail", "sender"), ("rcpt", "recipient"), ("data", "data"), ("dot", "done")],
)
def test_a_refusal_is_told_with_its_phase_and_the_session_survives_all_but_421(
    step: str, phase: str, code: int, *, pipelining: bool
) -> None:
    """F11-F12: 421 ends the session, other refusals leave it ready for the next message."""
    with scripted_server({step: f"{code} 4.3.2 no"}, pipelining=pipelining) as server:
        result, usable = deliver(server.settings())
    assert result.phase == phase
    assert result.reply is not None
    assert result.reply.code == code
    assert (result.accepted, result.uncertain) == (False, False)
    assert server.accepted == []
    assert usable == (code != 421)


@pytest.mark.parametrize("pipelining", PIPELINED)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_accepted_recipients_get_it_when_others_are_refused(
    engine: str, *, pipelining: bool
) -> None:
    """F12: mixed replies to RCPT; each recipient keeps the reply it got."""
    with scripted_server({"rcpt": ["550 5.1.1 no", "250 ok"]}, pipelining=pipelining) as server:
        result, _ = deliver(server.settings(engine=engine))
    assert result.accepted
    assert [item.accepted for item in result.recipients] == [False, True]
    assert len(server.accepted) == 1


@pytest.mark.parametrize("pipelining", PIPELINED)
@pytest.mark.parametrize(
    "data", [pytest.param("554 5.5.1 none", id="554"), pytest.param("354 go", id="354")]
)
def test_nothing_is_sent_when_every_recipient_is_refused(data: str, *, pipelining: bool) -> None:
    """RFC 2920 3.1: a server that answers 354 all the same gets an empty message."""
    script = {"rcpt": ["550 5.1.1 no", "450 4.2.0 later"], "data": data}
    with scripted_server(script, pipelining=pipelining) as server:
        result, usable = deliver(server.settings())
    assert (result.phase, result.accepted, usable) == ("recipient", False, True)
    assert result.reply is not None
    assert result.reply.code == 450
    assert server.accepted in ([], [b""])
    assert "RSET" in server.commands  # MAIL was accepted: without it the next MAIL is out of order


def test_the_next_message_goes_over_the_same_connection_after_a_refusal() -> None:
    """A refused transaction is reset, so that the next MAIL is in order."""
    for pipelining in (False, True):
        with scripted_server({"data": ["451 later", "354 go"]}, pipelining=pipelining) as server:

            async def run(settings: Server) -> list[bool]:
                session = await opened(settings)
                results = [(await session.transact(MAIL)).accepted for _ in range(2)]
                await session.close()
                return results

            assert asyncio.run(run(server.settings())) == [False, True]
        assert server.connections == 1
        assert "RSET" in server.commands


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Raw(b"\xff\xfe\x00garbage\r\n"), id="garbage"),
        pytest.param(Raw(b"999 what\r\n"), id="999"),
        pytest.param(Raw(b"-1 what\r\n"), id="minus one"),
        pytest.param(Raw(b"354 again\r\n"), id="354"),
        pytest.param(Raw(b"250-ok\r\n550 no\r\n"), id="two codes"),
        pytest.param(Raw(b"2" * 65536 + b"\r\n"), id="endless line"),
        pytest.param(Raw(b"250-x\r\n" * 9000), id="endless reply"),
    ],
)
def test_a_final_reply_that_is_none_is_uncertain(reply: Raw) -> None:
    """F15: code -1 after the content; the text is fit to be stored."""
    with scripted_server({"dot": Accept(reply)}) as server:
        result, usable = deliver(server.settings())
    assert (result.phase, result.uncertain, usable) == ("body", True, False)
    assert result.reply is not None
    assert result.reply.code == -1
    assert "\x00" not in result.reply.text


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("step", "phase"), [("mail", "sender"), ("rcpt", "recipient"), ("dot", "body")]
)
def test_silence_ends_with_its_time_limit(engine: str, step: str, phase: str) -> None:
    """F13, F20: TIMEOUT bounds each reply, DATA_TIMEOUT the last one."""
    limit = {"data_timeout" if step == "dot" else "timeout": 1.0}
    with scripted_server({step: Silence()}) as server:
        result, usable = deliver(server.settings(engine=engine, **limit))
    assert (result.phase, result.uncertain, usable) == (phase, phase == "body", False)
    assert isinstance(result.error, TimeoutError)


@pytest.mark.parametrize("pipelining", PIPELINED)
def test_replies_may_be_split_and_joined_in_any_way(*, pipelining: bool) -> None:
    """F14: byte by byte and in several lines."""
    script = {
        "mail": Raw(b"250-2.1.0 one\r\n250 2.1.0 two\r\n", size=1, pause=0.001),
        "rcpt": Raw(b"250 2.1.5 fine\r\n", size=3, pause=0.001),
        "dot": Accept(Raw(b"250-2.0.0 taken\r\n250-2.0.0 as\r\n250 2.0.0 17\r\n", size=5)),
    }
    with scripted_server(script, pipelining=pipelining) as server:
        result, usable = deliver(server.settings())
    assert (result.accepted, usable) == (True, True)
    assert str(result.reply) == "250 2.0.0 taken as 17"


def test_a_reply_that_nobody_asked_for_is_never_taken_for_another() -> None:
    """F14: two replies in one packet; the second must not answer the next command."""
    with scripted_server({"mail": Raw(b"250 ok\r\n250 ok\r\n")}) as server:
        result, usable = deliver(server.settings())
    assert (result.accepted, result.uncertain, usable) == (False, False, False)
    assert "RCPT" not in server.commands


@pytest.mark.parametrize("parting", [Raw(b"421 4.4.2 idle\r\n"), Drop()], ids=["421", "fin"])
def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(
    parting: Raw | Drop,
) -> None:
    """F19: noticed before the next message, which therefore costs nothing."""

    async def run(server: ScriptedServer) -> Transaction:
        session = await opened(server.settings())
        first = await session.transact(MAIL)
        assert first.accepted
        await until(lambda: not session.usable)
        second = await session.transact(MAIL)
        await session.close()
        return second

    with scripted_server({"dot": Accept(("250 ok", Raw(b"", 1, 0), parting))}) as server:
        result = asyncio.run(run(server))
    assert result.phase == "hello"
    assert result.reply is None


@pytest.mark.parametrize(("step", "phase"), [("rcpt", "recipient"), ("dot", "body")])
def test_a_cancelled_transaction_leaves_its_phase_and_no_connection(step: str, phase: str) -> None:
    """Whoever cancels can tell by the phase whether the message is uncertain."""

    async def run(server: ScriptedServer) -> tuple[str, bool]:
        session = await opened(server.settings())
        task = asyncio.create_task(session.transact(MAIL))
        await until(lambda: (b"\r\n.\r\n" if step == "dot" else b"RCPT") in server.clear)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return session.phase, session.usable

    with scripted_server({step: Silence()}) as server:
        assert asyncio.run(run(server)) == (phase, False)


@pytest.mark.parametrize("code", [421, 554])
def test_a_refusing_greeting_is_told_with_its_words(code: int) -> None:
    """F11-F12 at the banner."""
    with scripted_server({"banner": f"{code} 5.7.1 go away"}) as server:
        failed = failure(server.settings())
    assert failed.phase == "greeting"
    assert str(failed.reply) == f"{code} 5.7.1 go away"


def test_a_server_that_speaks_no_smtp_is_not_talked_to() -> None:
    """F15 at the banner: nothing is sent to it."""
    with scripted_server({"banner": Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")}) as server:
        failed = failure(server.settings())
    assert failed.phase == "greeting"
    assert failed.reply is not None
    assert failed.reply.code == -1
    assert server.clear == b""

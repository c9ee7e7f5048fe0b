"""Many messages over one connection: what becomes of each when something happens to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.processes import until
from support.scripted import Accept, Drop, Pause, Raw, ScriptedServer, Silence, scripted_server
from support.smtp import MailServer, mail_server

from flask_smtpadmin.core.transaction import Envelope, Transaction
from flask_smtpadmin.transport import Session, open_session

OK = "250 2.0.0 ok"
PIPELINED = [pytest.param(False, id="stepwise"), pytest.param(True, id="pipelined")]


def mail(number: int, size: int = 0) -> Envelope:
    content = f"Subject: {number}\r\n\r\n".encode() + (b"x" * 998 + b"\r\n") * (size // 1000)
    return Envelope("a@example.org", (f"r{number}@example.org",), content)


async def relay(session: Session, mails: list[Envelope]) -> list[Transaction]:
    """Relay ``mails`` and return how each that was begun ended."""
    waiting, results = iter(mails), list[Transaction]()
    await session.relay(lambda: next(waiting, None), results.append)
    return results


def relayed(
    server: ScriptedServer | MailServer, count: int = 3, size: int = 0, **changes: Any
) -> tuple[list[Transaction], bool]:
    """Relay ``count`` messages; return how they ended and whether the session is of use yet."""

    async def run() -> tuple[list[Transaction], bool]:
        session = open_session(server.settings(**changes))
        await session.open()
        try:
            results = await relay(session, [mail(number, size) for number in range(count)])
            return results, session.usable
        finally:
            await session.close()

    return asyncio.run(run())


def shown(results: list[Transaction]) -> list[str]:
    return [
        "accepted" if r.accepted else "uncertain" if r.uncertain else
        "untried" if r.untried else f"{r.phase} {r.reply.code if r.reply else ''}".rstrip()
        for r in results
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["aiosmtplib", "memory", "smtplib"])
@pytest.mark.parametrize("pipelining", PIPELINED)
def test_each_engine_relays_what_it_can_take(engine: str, *, pipelining: bool) -> None:
    """Python's smtplib serves one message a connection; the others all of them."""
    with scripted_server(pipelining=pipelining) as server:
        results, usable = relayed(server, engine=engine)
    count = 1 if engine == "smtplib" else 3
    assert shown(results) == ["accepted"] * count
    assert usable == (engine != "smtplib")
    if engine != "memory":
        assert len(server.accepted) == count


@pytest.mark.parametrize("drop", [Drop(), Drop(reset=True)], ids=["fin", "rst"])
def test_the_message_behind_a_broken_link_was_never_tried(drop: Drop) -> None:
    """F10 with two under way: only the one whose content was written is uncertain."""
    with scripted_server({"dot": [Accept(OK), Accept(drop)]}, pipelining=True) as server:
        results, usable = relayed(server)
    assert shown(results) == ["accepted", "uncertain", "untried"]
    assert results[2].phase == "sender"
    assert not usable


def test_421_instead_of_the_final_reply_is_about_that_message() -> None:
    """F11 with two under way: the server has not taken it, and never came to the next."""
    with scripted_server({"dot": ["421 4.3.2 bye"]}, pipelining=True) as server:
        results, usable = relayed(server)
    assert shown(results) == ["done 421", "untried"]
    assert not usable


@pytest.mark.parametrize("parting", [Drop(), ("421 4.4.2 enough", Drop())], ids=["fin", "421"])
@pytest.mark.parametrize("pipelining", PIPELINED)
def test_a_link_that_ends_between_two_messages_takes_neither(
    parting: Any, *, pipelining: bool
) -> None:
    """The first has its reply already, the next is certainly not handed over."""
    with scripted_server({"mail": [OK, parting]}, pipelining=pipelining) as server:
        results, usable = relayed(server)
    assert shown(results) == ["accepted", f"sender{'' if parting == Drop() else ' 421'}"]
    assert len(server.accepted) == 1
    assert not usable


@pytest.mark.parametrize("pipelining", PIPELINED)
def test_refusals_of_all_kinds_leave_the_others_alone(*, pipelining: bool) -> None:
    """Sender, recipient, DATA and content refused in turn, and one goes through."""
    script = {
        "mail": ["550 5.7.1 no", OK],
        "rcpt": [OK, "450 4.2.0 later", OK],
        "data": ["503 no", "503 no", "451 4.3.0 full", "354 go"],
        "dot": ["554 5.6.0 no", Accept(OK)],
    }
    if not pipelining:
        script |= {"rcpt": ["450 4.2.0 later", OK], "data": ["451 4.3.0 full", "354 go"]}
    with scripted_server(script, pipelining=pipelining) as server:
        results, usable = relayed(server, 5)
    assert shown(results) == ["sender 550", "recipient 450", "data 451", "done 554", "accepted"]
    assert [item.content[:10] for item in server.deliveries if item.taken] == [b"Subject: 4"]
    assert (server.connections, usable) == (1, True)


def test_what_the_server_would_refuse_is_not_sent_and_told_in_its_turn() -> None:
    """SIZE (RFC 1870): refused here, between two that are accepted."""

    async def run(server: ScriptedServer) -> list[Transaction]:
        session = open_session(server.settings())
        await session.open()
        results = await relay(session, [mail(0), mail(1, 4096), mail(2)])
        await session.close()
        return results

    with scripted_server(pipelining=True, extensions=["SIZE 1000"]) as server:
        results = asyncio.run(run(server))
    assert shown(results) == ["accepted", "sender 552", "accepted"]
    assert server.commands.count("MAIL") == 2


def test_a_surplus_reply_ends_the_session_before_it_is_taken_for_another() -> None:
    """F14: two final replies in one packet, and nothing had been asked after the first."""
    with scripted_server({"dot": Accept(Raw(b"250 ok\r\n250 ok\r\n"))}) as server:
        results, usable = relayed(server)
    assert shown(results) == ["accepted"]
    assert not usable


def test_a_positive_reply_to_data_is_no_acceptance() -> None:
    """Nobody knows whose it is: nothing is written after it."""
    with scripted_server({"data": "250 2.0.0 ok"}, pipelining=True) as server:
        results, usable = relayed(server, 1)
    assert shown(results) == ["data 250"]
    assert (server.accepted, usable) == ([], False)


def test_the_time_for_a_reply_counts_from_the_reply_in_front() -> None:
    """RFC 5321 4.5.3.2: a slow final reply takes no time from the MAIL behind it."""
    slow = Accept((Pause(2.3), OK))
    with scripted_server({"dot": [slow, Accept(OK)]}, pipelining=True) as server:
        results, _ = relayed(server, timeout=2)
    assert shown(results) == ["accepted"] * 3


@pytest.mark.parametrize(
    ("step", "word"), [("mail", "sender"), ("rcpt", "recipient"), ("dot", "uncertain")]
)
def test_silence_ends_all_that_is_under_way(step: str, word: str) -> None:
    """F13, F20: the one in front bears it; the link is dropped at once."""
    with scripted_server({step: Silence()}, pipelining=True) as server:
        results, usable = relayed(server, **{"data_timeout" if step == "dot" else "timeout": 1.0})
    assert shown(results) == [word, *(["untried"] if step == "dot" else [])]
    assert isinstance(results[0].error, TimeoutError)
    assert not usable
    assert b"QUIT" not in server.clear


def test_a_server_that_stops_reading_ends_with_its_time_limit() -> None:
    """F13, TCP window 0: the content stays here, and no other message is begun behind it."""
    with scripted_server({"body": Pause()}, pipelining=True, extensions=[]) as server:
        results, usable = relayed(server, size=20_000_000, data_timeout=0.5)
    assert shown(results) == ["uncertain"]
    assert isinstance(results[0].error, TimeoutError)
    assert not usable


def test_large_content_goes_out_in_pieces_and_the_next_one_behind_it() -> None:
    """Backpressure in between loses nothing and mixes nothing up."""
    with mail_server(pipelining=True) as server:
        results, _ = relayed(server, 4, size=4_000_000)
    assert shown(results) == ["accepted"] * 4
    assert [item.content for item in server.received] == [
        mail(number, 4_000_000).content for number in range(4)
    ]


def test_content_refused_before_its_end_is_refused() -> None:
    """A server may say no at once; what is left of the content is not written any more."""
    script = {"body": ("552 5.3.4 too big", Pause())}
    with scripted_server(script, pipelining=True, extensions=[]) as server:
        results, usable = relayed(server, size=20_000_000)
    assert shown(results) == ["done 552"]
    assert not usable


def test_content_accepted_before_its_end_is_not_accepted() -> None:
    """Nobody can have it yet: what the server means is uncertain."""
    script = {"body": ("250 2.0.0 ok", Pause())}
    with scripted_server(script, pipelining=True, extensions=[]) as server:
        results, usable = relayed(server, size=20_000_000)
    assert shown(results) == ["uncertain"]
    assert not usable


def test_an_empty_message_goes_to_nobody() -> None:
    """MAIL refused, RCPT and DATA accepted all the same: the link is dropped instead."""
    script = {"mail": "550 5.7.1 no", "rcpt": OK, "data": "354 go"}
    with scripted_server(script, pipelining=True) as server:
        results, usable = relayed(server)
    assert shown(results) == ["sender 550"]
    assert (server.deliveries, usable) == ([], False)


@pytest.mark.parametrize("step", ["rcpt", "dot"])
def test_whoever_cancels_hears_of_each_message_under_way(step: str) -> None:
    """Content written and no final reply: uncertain. Anything else was not handed over."""

    async def run(server: ScriptedServer) -> list[Transaction]:
        session = open_session(server.settings())
        await session.open()
        waiting, results = iter([mail(0), mail(1), mail(2)]), list[Transaction]()
        task = asyncio.create_task(session.relay(lambda: next(waiting, None), results.append))
        await until(lambda: (b"\r\n.\r\n" if step == "dot" else b"RCPT") in server.clear)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not session.usable
        return results

    with scripted_server({step: Silence()}, pipelining=True) as server:
        results = asyncio.run(run(server))
    assert shown(results) == (["uncertain", "untried"] if step == "dot" else ["recipient"])


def test_a_connection_serves_its_number_of_messages() -> None:
    """MESSAGES_PER_CONNECTION: then it is of no more use, and says QUIT."""
    with scripted_server(pipelining=True) as server:
        results, usable = relayed(server, 5, messages_per_connection=2)
    assert shown(results) == ["accepted"] * 2
    assert not usable
    assert server.commands[-1] == "QUIT"

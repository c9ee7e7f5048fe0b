"""Connections are reused while they are good, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.processes import until
from support.scripted import Accept, Drop, ScriptedServer, scripted_server

from flask_smtpadmin.core.transaction import Envelope, TransportFailure
from flask_smtpadmin.transport import Pool

MAIL = Envelope("a@example.org", ("b@example.org",), b"Subject: x\r\n\r\nhello\r\n")


async def deliver(pool: Pool) -> bool:
    session = await pool.acquire()
    try:
        return (await session.transact(MAIL)).accepted
    finally:
        pool.release(session)


def test_one_connection_serves_many_messages() -> None:
    """Sign-in is paid for once."""

    async def run(server: ScriptedServer) -> None:
        pool = Pool(server.settings(auth="password", username="u", password="pppp"), 3)
        assert [await deliver(pool) for _ in range(20)] == [True] * 20
        await pool.close()

    with scripted_server(auth="PLAIN") as server:
        asyncio.run(run(server))
    assert (server.connections, server.auths) == (1, 1)


def test_the_size_is_never_exceeded() -> None:
    """Those who come too many wait for a connection to come back."""
    most = 0

    async def run(server: ScriptedServer) -> None:
        nonlocal most
        pool = Pool(server.settings(), 3)

        async def one() -> None:
            nonlocal most
            assert await deliver(pool)
            most = max(most, pool.open)

        await asyncio.gather(*(one() for _ in range(30)))
        await pool.close()

    with scripted_server() as server:
        asyncio.run(run(server))
    assert most <= 3
    assert server.connections <= 3
    assert len(server.accepted) == 30


def test_a_broken_connection_is_replaced() -> None:
    """The message on it is lost to that connection only."""

    async def run(server: ScriptedServer) -> list[bool]:
        pool = Pool(server.settings(), 1)
        results = [await deliver(pool) for _ in range(3)]
        await pool.close()
        return results

    with scripted_server({"data": Drop()}, {}) as server:
        assert asyncio.run(run(server)) == [False, True, True]
    assert server.connections == 2


def test_a_connection_that_the_server_closed_meanwhile_costs_no_message() -> None:
    """F19: it is noticed when the connection is taken, and another one is opened."""

    async def run(server: ScriptedServer) -> list[bool]:
        pool = Pool(server.settings(), 1)
        session = await pool.acquire()
        pool.release(session)
        results = [await deliver(pool)]
        await until(lambda: not session.usable)
        results.append(await deliver(pool))
        await pool.close()
        return results

    with scripted_server({"dot": Accept(("250 ok", Drop()))}, {}) as server:
        assert asyncio.run(run(server)) == [True, True]
    assert server.connections == 2


def test_an_idle_connection_is_closed_in_time() -> None:
    """With a QUIT, before the server loses its patience."""

    async def run(server: ScriptedServer) -> None:
        pool = Pool(server.settings(idle_timeout=0.15), 2)
        await deliver(pool)
        assert pool.open == 1
        await until(lambda: pool.open == 0)
        await pool.close()

    with scripted_server() as server:
        asyncio.run(run(server))
    assert server.commands[-1] == "QUIT"


def test_a_failure_to_open_gives_the_place_back() -> None:
    """The next one may try again at once."""

    async def run(server: ScriptedServer) -> None:
        pool = Pool(server.settings(), 1)
        with pytest.raises(TransportFailure):
            await pool.acquire()
        assert await deliver(pool)
        await pool.close()

    with scripted_server({"banner": "421 4.3.2 later"}, {}) as server:
        asyncio.run(run(server))


def test_closing_leaves_work_in_hand_alone() -> None:
    """The session in use finishes its message and is closed when it comes back."""

    async def run(server: ScriptedServer) -> None:
        pool = Pool(server.settings(), 2)
        session = await pool.acquire()
        await pool.close()
        assert (await session.transact(MAIL)).accepted
        pool.release(session)
        assert pool.open == 0
        await pool.close()
        assert not session.usable

    with scripted_server() as server:
        asyncio.run(run(server))
    assert server.commands[-1] == "QUIT"


def test_the_smtplib_engine_opens_one_connection_for_each_message() -> None:
    """As it says; the pool needs to know nothing of it."""

    async def run(server: ScriptedServer) -> None:
        pool = Pool(server.settings(engine="smtplib"), 1)
        assert [await deliver(pool) for _ in range(3)] == [True] * 3
        await pool.close()

    with scripted_server() as server:
        asyncio.run(run(server))
    assert server.connections == 3


def test_the_most_recently_used_connection_comes_first() -> None:
    """So that the others may grow old and be closed."""

    async def run(server: ScriptedServer) -> None:
        pool = Pool(server.settings(), 3)
        sessions: list[Any] = [await pool.acquire() for _ in range(3)]
        for session in sessions:
            pool.release(session)
        assert await pool.acquire() is sessions[-1]
        pool.release(sessions[-1])
        await pool.close()

    with scripted_server() as server:
        asyncio.run(run(server))

"""A host with many addresses is reached over the one that answers."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from support.dead_ends import black_hole, refusing
from support.scripted import scripted_server

from flask_smtpadmin.core.transaction import TransportFailure
from flask_smtpadmin.transport.dial import Target, connect, connect_blocking


def connected(candidates: list[Target], timeout: float, *, blocking: bool) -> tuple[Target, float]:
    """Connect; return to which address and how long it took."""

    async def run() -> Target:
        sock, target = await connect(candidates, timeout)
        sock.close()
        await asyncio.sleep(0)  # late tries end
        return target

    started = time.monotonic()
    if blocking:
        sock, target = connect_blocking(candidates, timeout)
        assert sock.gettimeout() == timeout
        sock.close()
    else:
        target = asyncio.run(run())
    return target, time.monotonic() - started


@pytest.mark.parametrize("blocking", [False, True])
def test_dead_addresses_in_front_hold_nothing_up(*, blocking: bool) -> None:
    """RFC 8305: an IPv6 black hole, or four dead A records, cost a fraction of a second each."""
    with scripted_server() as server, black_hole() as dead:
        live = Target(socket.AF_INET, ("127.0.0.1", server.port))
        candidates = [dead, refusing(), dead, dead, live]
        target, seconds = connected(candidates, 30, blocking=blocking)
    assert target == live
    assert seconds < 10


@pytest.mark.parametrize("blocking", [False, True])
def test_an_address_that_answers_late_is_waited_for(*, blocking: bool) -> None:
    """The others were refused at once: all the time is left to the one that is slow."""
    with black_hole() as slow:
        started = time.monotonic()
        with pytest.raises(TransportFailure) as caught:
            connected([slow, refusing()], 1, blocking=blocking)
        assert time.monotonic() - started > 0.9
    assert caught.value.phase == "connect"
    assert isinstance(caught.value.error, TimeoutError)
    assert caught.value.address == str(slow)


def test_the_first_that_answers_is_taken_and_the_others_are_left_alone() -> None:
    """One connection is made, not one to each address."""
    with scripted_server() as first, scripted_server() as second:
        candidates = [
            Target(socket.AF_INET, ("127.0.0.1", server.port)) for server in (first, second)
        ]
        target, _ = connected(candidates, 5, blocking=False)
        time.sleep(0.4)
        assert target == candidates[0]
        assert second.connections == 0


def test_the_error_is_that_of_the_preferred_address() -> None:
    """All refuse: the first one's error is shown."""
    candidates = [refusing(), refusing()]
    with pytest.raises(TransportFailure) as caught:
        connected(candidates, 5, blocking=False)
    assert isinstance(caught.value.error, ConnectionRefusedError)
    assert caught.value.address == str(candidates[0])

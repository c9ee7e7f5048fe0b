"""A link that breaks while it is opened leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from pathlib import Path

import pytest
from support.scripted import Drop, Pause, scripted_server

from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import TransportFailure
from flask_smtpadmin.transport import open_session
from flask_smtpadmin.transport.smtplib_client import Client


@pytest.mark.needs("uvloop")
def test_a_link_reset_before_tls_leaves_no_descriptor_that_may_be_anothers() -> None:
    """With uvloop, which closes the number under our socket object: that must not do it again."""
    import uvloop

    async def run(server: Server) -> None:
        session = open_session(server, observer=lambda _step, _detail, _reply: time.sleep(0.05))
        with pytest.raises(TransportFailure):
            await session.open()
        await session.close()
        await asyncio.sleep(0.05)

    reset = (Pause(0.02), Drop(reset=True))
    with scripted_server({"connect": reset}, mode="implicit") as server:
        with contextlib.closing(uvloop.new_event_loop()) as loop:
            loop.run_until_complete(run(server.settings()))
        found = [item for item in gc.get_objects() if isinstance(item, socket.socket)]
        stale = [item for item in found if item.fileno() >= 0 and not is_open(item.fileno())]
    assert server.connections == 1
    assert not stale


def is_open(descriptor: int) -> bool:
    """Say whether a descriptor of this process is in use."""
    return Path(f"/proc/self/fd/{descriptor}").is_symlink()


def test_a_socket_that_comes_after_hanging_up_is_closed() -> None:
    """A thread connects or encrypts while its session is given up: it ends, and leaves nothing."""
    ours, theirs = socket.socketpair()
    client = Client(1.0)
    client.hung_up = True
    with theirs, pytest.raises(ConnectionAbortedError):
        client.take(ours)
    assert ours.fileno() == -1

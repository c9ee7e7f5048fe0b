"""Addresses at which nothing good happens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from flask_smtpadmin.transport.dial import Target


@contextmanager
def black_hole() -> Iterator[Target]:
    """Yield an address whose packets nobody answers: a listener whose queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield Target(socket.AF_INET, listener.getsockname())


def refusing() -> Target:
    """Return an address at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return Target(socket.AF_INET, sock.getsockname())

"""One open connection to one server, whatever engine drives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Connected, Envelope, Phase, Transaction

#: Called as each step of opening is done: the step, what there is to tell, the server's words.
Observer = Callable[[Phase, str, str], None]


class Session(Protocol):
    """One connection, used by one task at a time, in one event loop.

    ``usable`` is False after any link fault, a 421 or a cancelled transaction: close it and open
    another. ``phase`` is known at every moment: a transaction that was cancelled in phase
    ``body`` or later is uncertain. ``served`` counts the transactions begun; ``last_used`` is
    ``time.monotonic()`` of the last reply.
    """

    server: Server
    usable: bool
    phase: Phase
    served: int
    last_used: float

    async def open(self) -> Connected:
        """Connect, encrypt, greet and sign in; raises TransportFailure."""
        ...

    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand one message over; never raises for anything SMTP, and closes when cancelled."""
        ...

    async def close(self) -> None:
        """Say QUIT when the link is healthy and close it; takes 2 s at most, never raises."""
        ...


def open_session(
    server: Server, *, policy: HostPolicy = PRIVATE, observer: Observer | None = None
) -> Session:
    """Return a session that is not connected yet, of the kind ``server.engine`` names."""
    raise NotImplementedError(server.engine)

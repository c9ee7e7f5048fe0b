"""One open connection to one server, whatever engine drives it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.settings import Engine, Server
from flask_smtpadmin.core.transaction import (
    Connected,
    Envelope,
    Phase,
    Transaction,
    TransportFailure,
)
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.transport.dial import Observer
from flask_smtpadmin.transport.local import ConsoleSession, FileSession, LocalSession, MemorySession
from flask_smtpadmin.transport.pipeline import Ended, NextEnvelope
from flask_smtpadmin.transport.smtp import SMTPSession
from flask_smtpadmin.transport.smtplib_engine import SmtplibSession
from flask_smtpadmin.transport.tls import Encryption

__all__ = ["Ended", "NextEnvelope", "Observer", "Session", "open_session", "opened"]

_LOCAL: Final[dict[Engine, type[LocalSession]]] = {
    "console": ConsoleSession,
    "file": FileSession,
    "memory": MemorySession,
}


class Session(Protocol):
    """One connection, used by one task at a time, in one event loop.

    ``usable`` is False after any link fault, a 421 or a cancelled transaction, when the server
    closed an idle connection, and when it has served its number of messages: close it and open
    another. ``phase`` is known at every
    moment: a transaction that was cancelled in phase ``body`` is uncertain. ``served`` counts the
    transactions begun; ``last_used`` is ``time.monotonic()`` of the last reply. ``encryption`` is
    what both sides agreed on, ``welcome`` the first line of the reply to EHLO,
    ``transcript`` the one that was given to it.
    """

    server: Server
    encryption: Encryption | None
    welcome: str
    served: int
    last_used: float
    transcript: Transcript | None

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""
        ...

    @property
    def phase(self) -> Phase:
        """How far the session or its present transaction got."""
        ...

    async def open(self) -> Connected:
        """Connect, encrypt, greet and sign in; raises TransportFailure."""
        ...

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over, one after the other, until there is none to begin just now.

        Args:
            next_envelope: asked when a message may begin; where the server can pipeline that is
                before the final reply to the one in front. Must not raise.
            ended: told how each one ended, in the order in which they were begun, as soon as it
                is known; for every envelope exactly once, when cancelled or the link fails too.
        """
        ...

    def hold(self) -> None:
        """Begin nothing more, and write the content of nothing that was begun without it."""
        ...

    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand one message over; never raises for anything SMTP, and closes when cancelled."""
        ...

    async def close(self) -> None:
        """Say QUIT when the link is healthy and close it; takes 2 s at most, never raises."""
        ...


def open_session(
    server: Server,
    *,
    policy: HostPolicy = PRIVATE,
    observer: Observer | None = None,
    transcript: Transcript | None = None,
) -> Session:
    """Return a session that is not connected yet, of the kind ``server.engine`` names.

    ``policy`` decides which addresses may be connected to, ``observer`` hears of each step of
    opening as it is done, ``transcript`` records the whole dialogue.
    """
    if server.engine == "smtplib":
        return SmtplibSession(server, policy, observer, transcript)
    if server.engine in _LOCAL:
        return _LOCAL[server.engine](server, observer, transcript)
    return SMTPSession(server, policy, observer, transcript)


async def opened(session: Session) -> Connected:
    """Open a session and note in its transcript whom it is with; raises TransportFailure."""
    record = session.transcript
    if record is None:
        return await session.open()
    try:
        link = await session.open()
    except BaseException as failure:
        record.closed = True
        if isinstance(failure, TransportFailure):
            record.address, failure.session = failure.address, record.session
        raise
    record.address, record.tls = link.address, link.tls
    return replace(link, session=record.session)

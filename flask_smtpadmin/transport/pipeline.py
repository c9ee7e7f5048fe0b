"""The mail-transaction protocol: it takes over a live transport once somebody has signed in.

aiosmtplib waits for the reply to each command and cannot say how far a broken transaction got.
This protocol knows its phase at every moment and writes MAIL, RCPT and DATA in one flight when
the server offers PIPELINING (RFC 2920).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from flask_smtpadmin.core.transaction import ProtocolFault, Reply
from flask_smtpadmin.transport.wire import ReplyParser

#: How much content is given to the transport at once, in bytes.
CHUNK: Final = 262_144
SHUTTING_DOWN: Final = 421


class MailProtocol(asyncio.Protocol):
    """Pairs replies with commands on a transport that somebody else opened."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._expected = 0
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def healthy(self) -> bool:
        """Whether the next command would meet a server that listens and owes us nothing."""
        return (
            self._fault is None
            and not self._expected
            and not self._replies
            and not self._parser.partial
            and not self._transport.is_closing()
        )

    @property
    def fault(self) -> Exception:
        """Why it is not healthy."""
        return self._fault or ProtocolFault("replies are outstanding from an earlier command")

    @property
    def answered(self) -> Reply | None:
        """The next reply, if it has come already."""
        return self._replies[0] if self._replies else None

    def write(self, data: bytes, replies: int) -> None:
        """Write commands to which ``replies`` replies are due; raises OSError on a dead link."""
        if self._fault is not None or self._transport.is_closing():
            raise self.fault
        self._expected += replies
        self._transport.write(data)

    async def drain(self, seconds: float) -> None:
        """Wait until the transport takes more; raises OSError (TimeoutError too)."""
        if self._writable is not None:
            async with asyncio.timeout(seconds):
                while self._writable is not None and self._fault is None:
                    await self._writable
        if self._fault is not None:
            raise self._fault

    async def reply(self, seconds: float) -> Reply:
        """Return the next reply; raises OSError when the link fails, TimeoutError when late."""
        if not self._replies:
            async with asyncio.timeout(seconds):
                while not self._replies:
                    if self._fault is not None:
                        raise self._fault
                    self._waiter = self._loop.create_future()
                    await self._waiter
        reply = self._replies.popleft()
        if reply.code in {SHUTTING_DOWN, -1}:
            self.condemn(ProtocolFault(f"the server ended the session: {reply}"))
        return reply

    def condemn(self, fault: Exception) -> None:
        """Use the link no more."""
        if self._fault is None:
            self._fault = fault
            self._wake()

    def abort(self, fault: Exception) -> None:
        """Use the link no more and drop it at once."""
        self.condemn(fault)
        self._transport.abort()

    async def shut(self, seconds: float) -> None:
        """Close the link; drop it when the peer takes longer than ``seconds`` about it."""
        self.condemn(ConnectionAbortedError("closed by us"))
        self._transport.close()
        await asyncio.wait([self._closed], timeout=seconds)
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take replies in; one that nobody asked for makes the link useless."""
        for reply in self._parser.feed(data):
            if self._expected:
                self._expected -= 1
                self._replies.append(reply)
            else:
                self.condemn(ProtocolFault(f"unasked: {reply}"))
        self._wake()

    def eof_received(self) -> bool:
        """Note that the server closed its side; the transport closes ours."""
        self.condemn(ConnectionResetError("the server closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the link is gone."""
        self.condemn(exc or ConnectionResetError("the connection was closed"))
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """Hold the content back: the server reads more slowly than we write."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Go on with the content."""
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _wake(self) -> None:
        for waiting in (self._waiter, self._writable if self._fault else None):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

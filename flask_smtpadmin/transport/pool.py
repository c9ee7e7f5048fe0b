"""Connections to one server, kept open between messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Connected
from flask_smtpadmin.transport.session import Session, open_session, opened


class Pool:
    """At most ``size`` sessions with one server, in one event loop.

    An unused connection is kept for the server's ``idle_timeout``. New settings mean a new pool;
    the old one is closed once its last session came back.
    """

    def __init__(
        self,
        server: Server,
        size: int | None = None,
        *,
        policy: HostPolicy = PRIVATE,
        opener: Callable[..., Session] = open_session,
    ) -> None:
        self.server = server
        self.size = size or server.pool_size
        self._idle_seconds = server.idle_timeout
        self._policy = policy
        self._opener = opener
        self._free = asyncio.Semaphore(self.size)
        self._idle: list[Session] = []
        self._busy: set[Session] = set()
        self._links: dict[Session, Connected] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def busy(self) -> int:
        """How many sessions are in somebody's hands."""
        return len(self._busy)

    @property
    def open(self) -> int:
        """How many sessions are open, busy or idle."""
        return len(self._busy) + len(self._idle)

    async def acquire(self) -> Session:
        """Return an open session: the one used most recently, else a new one.

        Waits while all are busy. Raises TransportFailure when a new one cannot be opened.
        """
        await self._free.acquire()
        try:
            session = self._reusable() or await self._opened()
        except BaseException:
            self._free.release()
            raise
        self._busy.add(session)
        return session

    def release(self, session: Session) -> None:
        """Take a session back; an unusable one is closed in the background."""
        if session not in self._busy:
            return
        self._busy.discard(session)
        self._free.release()
        if self._closed or not session.usable:
            self._discard(session)
            return
        self._idle.append(session)
        self._schedule(self._idle_seconds)

    def connected(self, session: Session) -> Connected | None:
        """Return the peer and the encryption of a session of this pool."""
        return self._links.get(session)

    async def close(self) -> None:
        """Close what is idle and wait for it; sessions in use are closed when they come back."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        while self._idle:
            self._discard(self._idle.pop())
        if self._closing:
            await asyncio.gather(*self._closing)

    def _reusable(self) -> Session | None:
        self._reap()
        return self._idle.pop() if self._idle else None

    async def _opened(self) -> Session:
        session = self._opener(self.server, policy=self._policy)
        self._links[session] = await opened(session)
        return session

    def _discard(self, session: Session) -> None:
        self._links.pop(session, None)
        task = asyncio.get_running_loop().create_task(_closed(session))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _reap(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        kept = [item for item in self._idle if item.usable and item.last_used > oldest]
        for session in self._idle:
            if session not in kept:
                self._discard(session)
        self._idle = kept

    def _schedule(self, delay: float) -> None:
        if self._reaper is None and not self._closed:
            self._reaper = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._reaper = None
        self._reap()
        if self._idle:
            oldest = min(item.last_used for item in self._idle)
            self._schedule(max(0.05, oldest + self._idle_seconds - time.monotonic()))


async def _closed(session: Session) -> None:
    """Close a session, and say so in its transcript."""
    try:
        await session.close()
    finally:
        if session.transcript is not None:
            session.transcript.closed = True

"""The mail-transaction protocol: it takes over a live transport once somebody has signed in.

aiosmtplib waits for the reply to each command and cannot say how far a broken transaction got.
This protocol runs one :class:`~flask_smtpadmin.transport.exchange.Exchange` after another. With
PIPELINING (RFC 2920) the content of one message and MAIL, RCPT, DATA of the next are one flight,
so that a message takes one round trip: two exchanges are under way then, and all replies belong
to the one in front until its final reply has come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.transaction import Envelope, Phase, ProtocolFault, Reply, Transaction
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.transport.dial import Observer
from flask_smtpadmin.transport.exchange import Exchange, Step, refuses
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.wire import ReplyParser

#: Asked for the next message when it may begin; None: there is none at the moment.
NextEnvelope = Callable[[], Envelope | None]
#: Told how each transaction ended, in the order in which they were begun.
Ended = Callable[[Transaction], None]

#: How much content is given to the transport at once, in bytes.
CHUNK: Final = 262_144
#: How long a server may take over RSET, in seconds.
_RESET_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take, in seconds (RFC 5321 4.5.3.2).

    ``command`` for the reply to each command, counted from when it became due: from the reply to
    the message in front. ``content`` for each chunk of content and for the final reply.
    """

    command: float
    content: float

    def limit(self, step: Step) -> float:
        """Return the seconds that a step may take."""
        if step == "body":
            return self.content
        return min(self.command, _RESET_SECONDS) if step == "reset" else self.command


class MailProtocol(asyncio.Protocol):
    """Relays messages over a transport that somebody else opened.

    ``fault`` says why the link is of no more use, None while it is; ``held`` that nothing more
    shall begin on it.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        offers: Offers,
        patience: Patience,
        observer: Observer | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.fault: Exception | None = None
        self.held = False
        self._transport = transport
        self._offers = offers
        self._patience = patience
        self._observer = observer
        self._transcript = transcript
        self._loop = asyncio.get_running_loop()
        self._parser = ReplyParser()
        self._exchanges: deque[Exchange] = deque()
        self._owed = 0
        self._unwritten = memoryview(b"")
        self._paused = False
        self._next: NextEnvelope = _nothing
        self._ended: Ended = _nobody
        self._last: Phase = "sign_in"
        self._done: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._quitting = False
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def healthy(self) -> bool:
        """Whether the next command would meet a server that listens and owes us nothing."""
        return (
            self.fault is None
            and not self._exchanges
            and not self._parser.partial
            and not self._transport.is_closing()
        )

    @property
    def phase(self) -> Phase:
        """How far the transaction got whose replies are due, or the last one."""
        return self._exchanges[0].phase if self._exchanges else self._last

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over until there is none to begin or the link has failed.

        When cancelled it drops the link, once it has told how each message under way ended.
        """
        self._next, self._ended = next_envelope, ended
        self._done = self._loop.create_future()
        try:
            self._speak()
            if not self._done.done():
                await self._done
        except BaseException:
            self.abort(ConnectionAbortedError("the transaction was cancelled"))
            raise
        finally:
            self._next, self._ended, self._done = _nothing, _nobody, None

    def hide(self, hide: Callable[[str], str]) -> None:
        """Take secrets out of every reply: a hostile server repeats later what it heard."""
        self._parser.hide = hide

    def hold(self) -> None:
        """Write no more content: what is under way behind the message in front never began."""
        self.held = True

    def abort(self, fault: Exception) -> None:
        """Use the link no more and drop it at once."""
        self._fail(fault)
        self._transport.abort()

    async def close(self, seconds: float) -> None:
        """Say QUIT to a server that listens and give it so many seconds; then drop the link."""
        if self.healthy:
            self._quitting = True
            self._transport.write(b"QUIT\r\n")
            if self._transcript is not None:
                self._transcript.said("QUIT")
            await asyncio.wait([self._closed], timeout=seconds)
        self.abort(ConnectionAbortedError("closed by us"))

    # -- called by the transport --------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take replies in, all of them, and only then write what they call for."""
        if self._quitting:
            if self._transcript is not None:
                self._transcript.heard(data)
            self._transport.close()
        if self._quitting or self.fault is not None:
            return
        try:
            if self._transcript is not None:
                self._transcript.heard(data)
            replies = self._parser.feed(data)
            for reply in replies:
                self._hear(reply)
            if replies:
                self._speak()
        except ProtocolFault as fault:
            self._fail(fault)

    def eof_received(self) -> bool:
        """Note that the server closed its side; the transport closes ours."""
        self._fail(ConnectionResetError("the server closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the link is gone."""
        self._fail(exc or ConnectionResetError("the connection was closed"))
        if self._timer is not None:
            self._timer.cancel()
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """Hold the content back: the server reads more slowly than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with the content."""
        self._paused = False
        if self._unwritten:
            self._write_on()
            self._expect()

    # -- the dialogue -------------------------------------------------------------------------

    def _hear(self, reply: Reply) -> None:
        """Take one reply in; raises ProtocolFault for one that was not due."""
        if not self._owed:
            raise ProtocolFault(f"unasked: {reply}")
        if self._unwritten and not refuses(reply):
            raise ProtocolFault(f"before the end of the content: {reply}")
        self._owed -= 1
        front = self._exchanges[0]
        front.hear(reply)
        if front.result is not None:
            self._settle()
        if self._unwritten:
            raise ProtocolFault("the content was refused before its end")

    def _speak(self) -> None:
        """Write what is to be said now; with nothing more to begin the relay is done."""
        if self._exchanges:
            front = self._exchanges[0]
            if self.held and front.step == "go_ahead":
                self.abort(ConnectionAbortedError("the transaction was cancelled"))
                return
            words = front.speak()
            if words:
                self._owed += 1
                if self._transcript is not None:
                    self._record(self._transcript, front, words)
                self._unwritten = memoryview(words)
                self._write_on()
        else:
            words = self._open_next()
            if words:
                self._transport.write(words)
        self._expect()

    def _write_on(self) -> None:
        """Write as much as the transport takes; after what ends an exchange the next may begin."""
        while self._unwritten and not self._paused and not self._transport.is_closing():
            chunk, self._unwritten = self._unwritten[:CHUNK], self._unwritten[CHUNK:]
            if not self._unwritten and self._offers.pipelining and self._exchanges[0].ending:
                self._transport.write(b"".join((chunk, self._open_next())))
            else:
                self._transport.write(chunk)

    def _open_next(self) -> bytes:
        """Begin the next transaction that needs the server; return its first bytes, if any."""
        while not (self.fault or self.held) and (envelope := self._next()) is not None:
            exchange = Exchange(envelope, self._offers, self._observer)
            self._exchanges.append(exchange)
            words, due = exchange.open() if exchange.step != "over" else (b"", 0)
            if self._transcript is not None:
                self._record_begin(self._transcript, exchange, words)
            if words:
                self._owed += due
                return words
            self._settle()
        return b""

    @staticmethod
    def _record_begin(transcript: Transcript, exchange: Exchange, words: bytes) -> None:
        transcript.began(secret=exchange.envelope.secret)
        if words:
            transcript.said(words)
        elif exchange.result is not None:
            transcript.note(f"not offered to the server: {exchange.result.reply}")

    @staticmethod
    def _record(transcript: Transcript, exchange: Exchange, words: bytes) -> None:
        if exchange.step == "body":
            transcript.content(exchange.envelope.number, len(words))
        else:
            transcript.said(words)

    def _settle(self) -> None:
        """Tell of outcomes as they are known, in order, and drop what is over."""
        while self._exchanges:
            front = self._exchanges[0]
            self._tell(front)
            if front.step != "over":
                return
            self._last = front.phase
            self._exchanges.popleft()

    def _tell(self, exchange: Exchange) -> None:
        if exchange.result is not None and not exchange.told:
            exchange.told = True
            if self._transcript is not None:
                self._transcript.ended(accepted=exchange.result.accepted)
            self._ended(exchange.result)

    def _fail(self, fault: Exception) -> None:
        """Use the link no more: whatever is under way ends as far as it got."""
        if self.fault is not None:
            return
        self.fault = fault
        if self._transcript is not None and not self._quitting:
            self._transcript.note(str(fault) or type(fault).__name__)
        self._unwritten = memoryview(b"")
        under_way, self._exchanges = self._exchanges, deque()
        if under_way:
            self._last = under_way[0].phase
        for number, exchange in enumerate(under_way):
            exchange.cut_short(fault, untried=number > 0)
            self._tell(exchange)
        self._finish()

    def _finish(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    # -- time ---------------------------------------------------------------------------------

    def _expect(self) -> None:
        """Set the time by which the reply that is due now must come; none due: we are done."""
        if not self._exchanges:
            self._finish()
            return
        now = self._loop.time()
        self._due = now + self._patience.limit(self._exchanges[0].step)
        if self._timer is None or self._timer.when() > self._due:
            self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        """Look again when time may be up: rarely set, since few replies are late."""
        if self._timer is not None:
            self._timer.cancel()
        soon = min(self._due, now + self._patience.command)
        self._timer = self._loop.call_at(soon, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if not self._exchanges:
            return
        now = self._loop.time()
        if now < self._due:
            self._set_timer(now)
        else:
            self.abort(TimeoutError("no reply in time"))


def _nothing() -> None:
    """Have nothing to begin."""


def _nobody(_result: Transaction) -> None:
    """Tell nobody."""

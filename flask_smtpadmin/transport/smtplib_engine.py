"""The engine ``smtplib``: Python's own client in a thread, one connection for each message."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import smtplib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import (
    Connected,
    Envelope,
    Phase,
    ProtocolFault,
    RecipientReply,
    Reply,
    SignInImpossible,
    StartTLSMissing,
    Transaction,
    TransportFailure,
)
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.transport import dial, stepwise, tls
from flask_smtpadmin.transport.dial import Observer
from flask_smtpadmin.transport.exchange import GO_AHEAD, deciding, ends_session, final
from flask_smtpadmin.transport.hiding import hider_for, redacting
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.pipeline import Ended, NextEnvelope
from flask_smtpadmin.transport.smtp import (
    choose_mechanism,
    described,
    opening_failed,
    permit_sign_in,
)
from flask_smtpadmin.transport.smtplib_client import Client
from flask_smtpadmin.transport.stepwise import unasked
from flask_smtpadmin.transport.wire import (
    MALFORMED,
    crlf,
    make_reply,
    rcpt_command,
    stuff,
)

T = TypeVar("T")
#: Steps of opening, each bounded by TIMEOUT.
_STEPS: Final = 8
_READY: Final = 220
_SIGNED_IN: Final = 235
_CHALLENGE: Final = 334
_FAILURES: Final = (
    smtplib.SMTPException,
    OSError,
    ValueError,
    SignInImpossible,
    StartTLSMissing,
)


class SmtplibSession:
    """Opens, hands one message over, and is then of no more use; see ``session.Session``."""

    def __init__(
        self,
        server: Server,
        policy: HostPolicy,
        observer: Observer | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.server = server
        self.usable = False
        self.phase: Phase = "resolve"
        self.served = 0
        self.last_used = time.monotonic()
        self.mechanism = ""
        self.extensions: dict[str, str] = {}
        self._held = False
        self.transcript = transcript
        self._policy = policy
        self._hide = hider_for(server)
        self._tell = redacting(observer, self._hide)
        self._smtp = Client(server.timeout, transcript)
        self._address = ""
        self.encryption: tls.Encryption | None = None
        self.welcome = ""

    async def open(self) -> Connected:
        """Connect, encrypt, greet and sign in, in a thread."""
        try:
            return await self._in_thread(self._open, self.server.timeout * _STEPS)
        except TransportFailure as failure:
            self._record_failure(failure)
            raise
        except _FAILURES as error:
            failed = self._failure(error)
            self._record_failure(failed)
            raise failed from error
        finally:
            if not self.usable:
                self._hang_up()

    def hold(self) -> None:
        """Write no content from now on."""
        self._held = True

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over, one after the other."""
        await stepwise.relay(self, next_envelope, ended)

    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand the one message over, in a thread."""
        started = time.perf_counter()
        if not self.usable:
            error = ProtocolFault("the session is not open")
            return Transaction("hello", unasked(envelope, 0), None, 0.0, error)
        self.usable = False
        self.served += 1
        if self.transcript is not None:
            self.transcript.began(secret=envelope.secret)
        asked: list[RecipientReply] = []
        limit = self.server.timeout * (3 + len(envelope.recipients)) + 2 * self.server.data_timeout
        fault: Exception | None = None
        reply: Reply | None = None
        try:
            reply = await self._in_thread(lambda: self._hand_over(envelope, asked), limit)
        except (OSError, smtplib.SMTPException) as error:
            fault = underneath(error)
        # the thread may have heard the end just when its time was up
        phase = "body" if reply is None and self.phase == "done" else self.phase
        elapsed = (time.perf_counter() - started) * 1000
        recipients = (*asked, *unasked(envelope, len(asked)))
        result = Transaction(phase, recipients, reply, elapsed, fault)
        if self.transcript is not None:
            if fault is not None:
                self.transcript.note(str(fault) or type(fault).__name__)
            self.transcript.ended(accepted=result.accepted)
        return result

    async def close(self) -> None:
        """Say QUIT and close."""
        self.usable = False
        with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
            await self._in_thread(self._quit, 2.0)
        self._hang_up()

    async def _in_thread(self, work: Callable[[], T], seconds: float) -> T:
        """Run ``work``; when it is cancelled or late the socket is shut, which ends the thread.

        The thread is its own: in a shared pool a slow server would make the others wait.
        """
        executor = ThreadPoolExecutor(1, "smtpadmin-smtplib")
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(executor, work)
        except (asyncio.CancelledError, TimeoutError):
            self._hang_up()
            raise
        finally:
            executor.shutdown(wait=False)

    def _open(self) -> Connected:
        tls.context_for(self.server)  # a file that cannot be read fails before anything is sent
        candidates = dial.resolve_blocking(self.server, self._policy)
        self._tell("resolve", ", ".join(item.ip for item in candidates), "")
        self.phase = "connect"
        sock, target = dial.connect_blocking(candidates, self.server.timeout)
        self._address = str(target)
        self._record(f"connected to {self._address}")
        self._tell("connect", self._address, "")
        self._smtp.local_hostname = dial.greeting_name(self.server, sock)
        self._smtp.take(sock)
        if self.server.tls_mode == "implicit":
            self._encrypt(sock)
        self.phase = "greeting"
        self._tell("greeting", "", str(self._expect(_READY, self._read())))
        self._greet(sock)
        self._sign_in(target.ip)
        self.usable = True
        names = tuple(sorted(self.extensions))
        return Connected(self._address, str(self.encryption or ""), names)

    def _encrypt(self, sock: socket.socket) -> None:
        self.phase = "encrypt"
        name = self.server.host.rstrip(".")
        wrapped = tls.wrapped(sock, tls.context_for(self.server), name)
        self._smtp.take(wrapped)
        self.encryption = tls.agreed(wrapped)
        if self.encryption is not None:
            self._record(str(self.encryption))
        self._tell("encrypt", tls.described(self.encryption), "")

    def _greet(self, sock: socket.socket) -> None:
        self._hello()
        if self.server.tls_mode == "starttls":
            self.phase = "encrypt"
            if not self._smtp.has_extn("starttls"):
                raise StartTLSMissing("The server does not offer STARTTLS.")
            self._expect(_READY, self._say(b"STARTTLS\r\n"))
            self._encrypt(sock)
            self._hello()
        self.extensions = {name.lower(): text for name, text in self._smtp.esmtp_features.items()}
        self._tell("hello", described(self.extensions), "")

    def _hello(self) -> None:
        self.phase = "hello"
        self._smtp.ehlo_resp = None
        code, words = self._smtp.ehlo()
        self.welcome = self._hide(clean(words.partition(b"\n")[0]))
        reply = self._reply(code, words)
        if not reply.positive:
            raise TransportFailure("hello", reply=reply, address=self._address)

    def _sign_in(self, ip: str) -> None:
        self.phase = "sign_in"
        if self.server.auth == "none":
            self._tell("sign_in", "", "")
            return
        permit_sign_in(self.server, encrypted=self.encryption is not None, ip=ip)
        self.mechanism = choose_mechanism(self.extensions.get("auth", "").lower().split())
        self._smtp.signing_in = True
        reply = self._attempt(self.server.username, self.server.password)
        self._smtp.signing_in = False
        self._expect(_SIGNED_IN, reply)
        self._tell("sign_in", self.mechanism.upper(), str(reply))

    def _attempt(self, username: str, password: str) -> Reply:
        """Sign in once; smtplib's own ``login`` tries every mechanism and takes only ASCII."""
        if self.mechanism == "plain":
            return self._command(f"AUTH PLAIN {base64_of(f'{chr(0)}{username}{chr(0)}{password}')}")
        if self.mechanism == "login":
            reply = self._command(f"AUTH LOGIN {base64_of(username)}")
            return self._command(base64_of(password)) if reply.code == _CHALLENGE else reply
        code, text = self._smtp.docmd("AUTH CRAM-MD5")
        if code != _CHALLENGE:
            return self._reply(code, text)
        challenge = base64.b64decode(text, validate=True)
        digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
        return self._command(base64_of(f"{username} {digest}"))

    def _command(self, line: str) -> Reply:
        return self._reply(*self._smtp.docmd(line))

    def _hand_over(self, envelope: Envelope, asked: list[RecipientReply]) -> Reply:
        """Run the transaction command by command; ``phase`` and ``asked`` say how far it got."""
        content = crlf(envelope.content)
        self.phase = "sender"
        offers = Offers.of(self.extensions)
        refused = offers.refusal(envelope, len(content))
        if refused is not None:
            self._record(f"not offered to the server: {refused}")
            return refused
        reply = self._say(offers.mail_command(envelope, len(content)))
        if not reply.positive:
            return reply
        self.phase = "recipient"
        for address in envelope.recipients:
            answer = self._say(rcpt_command(address))
            asked.append(RecipientReply(address, answer))
            if ends_session(answer):
                return answer
        if not any(item.accepted for item in asked):
            return deciding(asked)
        self.phase = "data"
        reply = self._say(b"DATA\r\n")
        return self._content(content, envelope.number) if reply.code == GO_AHEAD else reply

    def _content(self, content: bytes, number: int | None) -> Reply:
        self.phase = "body"
        if self._held:  # asked after the phase was set: who holds us then looks at the phase
            self.phase = "data"
            raise ConnectionAbortedError("the transaction was cancelled")
        self._smtp.patience = self.server.data_timeout
        self._smtp.send_content(stuff(content), number)
        reply = self._read()
        if not final(reply):
            return Reply(MALFORMED, "", reply.text)
        self.phase = "done"
        return self._heard(reply)

    def _say(self, command: bytes) -> Reply:
        self._smtp.send(command)
        return self._heard(self._read())

    def _heard(self, reply: Reply) -> Reply:
        """Tell of a step of the transaction that went well."""
        if reply.positive and self.phase in {"sender", "recipient", "done"}:
            self._tell(self.phase, "", str(reply))
        return reply

    def _read(self) -> Reply:
        return self._reply(*self._smtp.getreply())

    def _reply(self, code: int, text: bytes) -> Reply:
        reply = make_reply(code, text)
        return Reply(reply.code, reply.enhanced, self._hide(reply.text))

    def _record_failure(self, failure: TransportFailure) -> None:
        if self.transcript is not None:
            self.transcript.failed(opening_failed(failure))

    def _record(self, note: str) -> None:
        if self.transcript is not None:
            self.transcript.note(note)

    def _expect(self, code: int, reply: Reply) -> Reply:
        if reply.code != code:
            raise TransportFailure(self.phase, reply=reply, address=self._address)
        return reply

    def _failure(self, error: Exception) -> TransportFailure:
        if isinstance(error, smtplib.SMTPResponseException):
            text = error.smtp_error
            raw = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
            reply = self._reply(error.smtp_code, raw)
            return TransportFailure(self.phase, reply=reply, address=self._address)
        return TransportFailure(self.phase, error=underneath(error), address=self._address)

    def _quit(self) -> None:
        if self._smtp.sock is not None:
            self._smtp.patience = 2.0
            self._smtp.quit()

    def _hang_up(self) -> None:
        self._smtp.hung_up = True
        sock: socket.socket | None = self._smtp.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._smtp.close()


def underneath(error: Exception) -> Exception:
    """Return the link's own error, which smtplib turns into a sentence."""
    if not isinstance(error, smtplib.SMTPServerDisconnected):
        return error
    below = error.__context__
    return below if isinstance(below, OSError) else ConnectionResetError(str(error))


def base64_of(text: str) -> str:
    """Return ``text`` as UTF-8 in base64, as AUTH wants it (RFC 4954 4)."""
    return base64.b64encode(text.encode()).decode("ascii")

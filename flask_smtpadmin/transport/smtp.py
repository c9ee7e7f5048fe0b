"""The engine ``aiosmtplib``: it connects, encrypts, greets and signs in; then we take over."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

import aiosmtplib

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.hosts import HostPolicy, is_loopback
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
from flask_smtpadmin.transport import dial, tls
from flask_smtpadmin.transport.client import Client
from flask_smtpadmin.transport.dial import Observer, Target
from flask_smtpadmin.transport.hiding import hider_for, redacting, scrub
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.pipeline import Ended, MailProtocol, NextEnvelope, Patience
from flask_smtpadmin.transport.wire import make_reply

#: Tried in this order, and only the first that the server offers (RFC 4954, RFC 4616, RFC 2195).
MECHANISMS: Final = ("plain", "login", "cram-md5")
#: Replies to EHLO that mean "I only know HELO" (RFC 5321 3.2).
_NO_EHLO: Final = frozenset({500, 502})
_QUIT_SECONDS: Final = 2.0
#: What opening a session may raise; ValueError: a setting that aiosmtplib or TLS cannot take.
_FAILURES: Final = (
    aiosmtplib.SMTPException,
    OSError,
    ValueError,
    SignInImpossible,
    StartTLSMissing,
)


def choose_mechanism(offered: list[str]) -> str:
    """Return the one AUTH mechanism to use; raises SignInImpossible when none is known."""
    for name in MECHANISMS:
        if name in offered:
            return name
    names = " ".join(offered).upper()
    raise SignInImpossible(
        f"The server offers {names}; this version knows PLAIN, LOGIN and CRAM-MD5."
        if names
        else "The server offers no sign-in on this connection."
    )


def permit_sign_in(server: Server, *, encrypted: bool, ip: str) -> None:
    """Raise SignInImpossible when a password must not cross this link."""
    if server.auth == "oauth2":
        raise SignInImpossible("Sign-in with OAuth2 is not supported by this version.")
    if not (encrypted or server.allow_plaintext_auth or is_loopback(ip)):
        raise SignInImpossible("The connection is not encrypted, so no password was sent.")


def described(extensions: Mapping[str, str]) -> str:
    """Return what a server offers as one line: ``AUTH PLAIN LOGIN, SIZE 35882577``."""
    offers = (f"{name.upper()} {extensions[name].strip()}" for name in sorted(extensions))
    return ", ".join(offer.strip() for offer in offers)


class SMTPSession:
    """A session on aiosmtplib and our mail-transaction protocol; see ``session.Session``.

    With ``address`` it connects to that IP address and no other one of the host's.
    """

    def __init__(
        self,
        server: Server,
        policy: HostPolicy,
        observer: Observer | None = None,
        transcript: Transcript | None = None,
        *,
        address: str = "",
    ) -> None:
        self.server = server
        self._address = address
        self.served = 0
        self.last_used = time.monotonic()
        self.mechanism = ""
        self.extensions: dict[str, str] = {}
        self.encryption: tls.Encryption | None = None
        self.welcome = ""
        self._policy = policy
        self._hide = hider_for(server)
        self._observer = observer
        self._tell = redacting(observer, self._hide)
        self.transcript = transcript
        self._phase: Phase = "resolve"
        self._link: MailProtocol | None = None
        self._client: Client | None = None
        self._lent: tuple[socket.socket, Any] | None = None
        self._peer: Target | None = None

    @property
    def phase(self) -> Phase:
        """How far the session or its present transaction got."""
        return self._link.phase if self._link is not None else self._phase

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""
        link = self._link
        return link is not None and link.healthy and not link.held and not self.spent

    @property
    def spent(self) -> bool:
        """Whether it has served its number of messages."""
        return 0 < self.server.messages_per_connection <= self.served

    async def open(self) -> Connected:
        """Connect, encrypt, greet, sign in and take the transport over."""
        try:
            await self._reach()
            await self._greet()
            await self._sign_in()
            self._take_over()
        except TransportFailure as failure:
            self._drop()
            self._record_failure(failure)
            raise
        except _FAILURES as error:
            self._drop()
            failed = self._failure(error)
            self._record_failure(failed)
            raise failed from error
        except BaseException:
            self._drop()
            raise
        self.last_used = time.monotonic()
        return Connected(
            str(self._peer), str(self.encryption or ""), tuple(sorted(self.extensions))
        )

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over until there is none to begin just now."""

        def counted() -> Envelope | None:
            envelope = None if self.spent else next_envelope()
            self.served += envelope is not None
            return envelope

        def timed(result: Transaction) -> None:
            self.last_used = time.monotonic()
            ended(result)

        if self._link is not None and self.usable:
            await self._link.relay(counted, timed)

    def hold(self) -> None:
        """Let the message whose content is written be the last one."""
        if self._link is not None:
            self._link.hold()

    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand one message over."""
        waiting, results = [envelope], list[Transaction]()
        await self.relay(lambda: waiting.pop() if waiting else None, results.append)
        if results:
            return results[0]
        fault = self._link.fault if self._link else None
        asked = tuple(RecipientReply(address, None) for address in envelope.recipients)
        error = fault or ProtocolFault("the session is not open")
        return Transaction("hello", asked, None, 0.0, error)

    async def close(self) -> None:
        """Say QUIT when the link is healthy, and close it."""
        self._drop()
        if self._link is not None:
            self._phase, link, self._link = self._link.phase, self._link, None
            await link.close(_QUIT_SECONDS)

    async def _reach(self) -> None:
        """Resolve the name, connect to an address the policy allows and read the greeting."""
        context = tls.context_for(self.server)
        if self._address:
            candidates = dial.pinned(self._address, self.server, self._policy)
        else:
            candidates = await dial.resolve(self.server, self._policy)
        self._tell("resolve", ", ".join(item.ip for item in candidates), "")
        self._phase = "connect"
        sock, self._peer = await dial.connect(candidates, self.server.timeout)
        self._record(f"connected to {self._peer}")
        self._tell("connect", str(self._peer), "")
        implicit = self.server.tls_mode == "implicit"
        self._phase = "encrypt" if implicit else "greeting"
        self._client = self._new_client(sock, context)
        greeting = await self._client.connect()
        if implicit:
            self._note_encryption()
        self._tell("greeting", "", self._heard(greeting))

    def _new_client(self, sock: socket.socket, context: ssl.SSLContext) -> Client:
        try:
            self._lent = sock, sock.getsockname()
            return Client(
                self.transcript,
                hostname=self.server.host.rstrip("."),
                sock=sock,
                use_tls=self.server.tls_mode == "implicit",
                start_tls=False,
                tls_context=context,
                local_hostname=dial.greeting_name(self.server, sock),
                timeout=self.server.timeout,
            )
        except BaseException:
            sock.close()
            raise

    async def _greet(self) -> None:
        """Say EHLO, and again once STARTTLS is done (RFC 3207 4.2)."""
        client = self._opened
        self._phase = "hello"
        await self._hello(client)
        if self.server.tls_mode == "starttls":
            self._phase = "encrypt"
            if not client.supports_extension("starttls"):
                raise StartTLSMissing("The server does not offer STARTTLS.")
            await client.starttls()
            self._note_encryption()
            self._phase = "hello"
            await self._hello(client)
        self.extensions = dict(client.esmtp_extensions)
        self._tell("hello", described(self.extensions), "")

    async def _hello(self, client: Client) -> None:
        try:
            response = await client.ehlo()
            self.welcome = self._hide(clean(response.message.partition("\n")[0]))
        except aiosmtplib.SMTPHeloError as error:
            plain = self.server.tls_mode != "starttls" and self.server.auth == "none"
            if error.code not in _NO_EHLO or not plain:
                raise
            await client.helo()

    async def _sign_in(self) -> None:
        """Make exactly one attempt, with one mechanism."""
        self._phase = "sign_in"
        if self.server.auth == "none":
            self._tell("sign_in", "", "")
            return
        client, peer = self._opened, cast("Target", self._peer)
        permit_sign_in(self.server, encrypted=self.encryption is not None, ip=peer.ip)
        self.mechanism = choose_mechanism(client.server_auth_methods)
        attempt = {
            "plain": client.auth_plain,
            "login": client.auth_login,
            "cram-md5": client.auth_crammd5,
        }[self.mechanism]
        response = await attempt(self.server.username, self.server.password)
        self._tell("sign_in", self.mechanism.upper(), self._heard(response))

    def _take_over(self) -> None:
        """Put our protocol in the place of aiosmtplib's on the live transport."""
        transport = cast("asyncio.Transport | None", self._opened.transport)
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the server closed the connection")
        offers = Offers.of(self.extensions)
        if self._observer is not None:
            # In one flight a slow reply holds up those before it: each step asks for itself.
            offers = replace(offers, pipelining=False)
        self._link = MailProtocol(
            transport,
            offers,
            Patience(self.server.timeout, self.server.data_timeout),
            self._observer,
            self.transcript,
        )
        self._link.hide(self._hide)
        transport.set_protocol(self._link)
        self._client = None

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise ConnectionAbortedError("the session is closed")
        return self._client

    def _note_encryption(self) -> None:
        self.encryption = tls.agreed(self._opened.get_transport_info("ssl_object"))
        if self.encryption is not None:
            self._record(str(self.encryption))
        self._tell("encrypt", tls.described(self.encryption), "")

    def _record_failure(self, failure: TransportFailure) -> None:
        if self.transcript is not None:
            self.transcript.failed(opening_failed(failure))

    def _record(self, note: str) -> None:
        if self.transcript is not None:
            self.transcript.note(note)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._lent is not None:
            disown(*self._lent)
            self._lent = None

    def _heard(self, response: Any) -> str:
        return str(self._reply(response.code, response.message))

    def _reply(self, code: int, message: str) -> Reply:
        reply = make_reply(code, message)
        return Reply(reply.code, reply.enhanced, self._hide(reply.text))

    def _failure(self, error: BaseException) -> TransportFailure:
        """Turn what aiosmtplib raised into the phase, the reply or the error underneath."""
        scrub(error, self._hide)
        address, phase, cause = str(self._peer or ""), self._phase, error.__cause__
        answered = isinstance(error, aiosmtplib.SMTPResponseException)
        if phase == "encrypt" and self._implicit:
            # One call does both; whatever SMTP itself complains about came after the handshake.
            greeted = answered or isinstance(cause, aiosmtplib.SMTPException)
            phase = "greeting" if greeted else phase
        if isinstance(error, aiosmtplib.SMTPResponseException):
            reply = self._reply(error.code, error.message)
            return TransportFailure(phase, reply=reply, address=address)
        return TransportFailure(phase, error=underneath(error), address=address)

    @property
    def _implicit(self) -> bool:
        return self.server.tls_mode == "implicit"


def disown(sock: socket.socket, name: Any) -> None:
    """Let go of a socket whose descriptor an event loop has closed behind its back.

    uvloop does that when the link is reset before TLS has begun. By now the number may be that of
    another connection, which this object would close at its end.

    Args:
        sock: given to the event loop.
        name: what ``sock.getsockname()`` returned before.
    """
    try:
        ours = sock.getsockname() == name
    except OSError:
        ours = False
    if not ours:
        sock.detach()


def opening_failed(failure: TransportFailure) -> str:
    """Return what a transcript says of a session that could not be opened."""
    step, error = failure.phase.replace("_", " "), failure.error
    words = f": {str(error) or type(error).__name__}" if error is not None else ""
    return f"failed at the step {step}{words}"


def underneath(error: BaseException) -> BaseException:
    """Return what lies below aiosmtplib's wrapping: the operating system's or TLS's own error."""
    if isinstance(error, ConfigurationError | SignInImpossible | StartTLSMissing):
        return error
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return TimeoutError("no answer in time")
    if not isinstance(error, aiosmtplib.SMTPException):
        return error
    cause = error.__cause__
    if isinstance(cause, aiosmtplib.SMTPException | OSError):
        return underneath(cause)
    if isinstance(error, ConnectionError):
        return ConnectionResetError("the server closed the connection")
    return error

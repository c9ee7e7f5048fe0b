"""Real SMTP servers (aiosmtpd) with real certificates (trustme) that remember what they got."""

from __future__ import annotations

import asyncio
import functools
import math
import ssl
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, TypeVar

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from flask_smtpadmin.core.settings import Server

Mode = Literal["none", "starttls", "implicit"]
T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own, so that a server answers while the test blocks."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        """Run ``work`` in that loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def stop(self) -> None:
        """Cancel what still runs and end the thread."""
        with suppress(TimeoutError):
            self.run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _cancel_all(self) -> None:
        for _ in range(3):  # the end of one task may start another
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)
        await self.loop.shutdown_default_executor()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of the tests' own; ``ca_file`` is what clients must trust."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca_file(self) -> str:
        """The path of the authority's certificate, PEM."""
        path = self.folder / "ca.pem"
        if not path.exists():
            self.ca.cert_pem.write_to_path(path)
        return str(path)

    def context(
        self,
        *names: str,
        expired: bool = False,
        end: datetime | None = None,
        version: ssl.TLSVersion | None = None,
    ) -> ssl.SSLContext:
        """Return a server's context; names default to this machine's loopback ones."""
        end = datetime(2020, 1, 1, tzinfo=UTC) if expired else end
        leaf = self.ca.issue_cert(
            *(names or ("localhost", "127.0.0.1", "::1")),
            not_after=end,
            not_before=datetime(2019, 1, 1, tzinfo=UTC) if expired else None,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context


@functools.cache
def authority() -> Authority:
    """Return the authority of this test process."""
    return Authority(Path(tempfile.mkdtemp(prefix="smtpadmin-ca-")))


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the server got it: envelope, parameters of MAIL, content without stuffing."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    options: tuple[str, ...] = ()
    user: str = ""
    encrypted: bool = False

    @property
    def message(self) -> EmailMessage:
        """The content, parsed."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class MailServer:
    """A running server; ``received`` grows as mail comes in.

    ``refuse`` maps a recipient's address to the reply it gets instead of 250; ``pause`` is how many
    seconds it takes to say that it has accepted a message, ``on_accept`` is called before that.
    ``most``: it accepts no more than so many, and lets the others wait until that is raised.
    """

    def __init__(self, mode: Mode, users: Mapping[str, str]) -> None:
        self.host = "localhost"
        self.port = 0
        self.mode = mode
        self.received: list[Received] = []
        self.refuse: dict[str, str] = {}
        self.connections = 0
        self.sign_ins: list[tuple[str, bool]] = []
        self.pipelining = False
        self.pause = 0.0
        self.most = math.inf
        self.on_accept: Callable[[], None] = lambda: None
        self._users = dict(users)

    def settings(self, **changes: Any) -> Server:
        """Return the settings with which this server is reached and trusted."""
        values: dict[str, Any] = {
            "key": "default",
            "host": self.host,
            "port": self.port,
            "tls_mode": self.mode,
            "ca_file": authority().ca_file,
            "from_email": "app@example.org",
            "timeout": 30.0,
            "data_timeout": 30.0,
        }
        if self._users:
            username, password = next(iter(self._users.items()))
            values.update(auth="password", username=username, password=password)
        return Server(**{**values, **changes})

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        """Offer PIPELINING when asked to: aiosmtpd reads commands in order anyhow."""
        session.host_name = hostname
        return [lines[0], "250-PIPELINING", *lines[1:]] if self.pipelining else lines

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take a recipient, or refuse it as the test said."""
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Remember the message."""
        while len(self.received) >= self.most:  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.005)
        login = session.auth_data
        self.received.append(
            Received(
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                bytes(envelope.original_content or b""),
                tuple(envelope.mail_options),
                login.login.decode() if isinstance(login, LoginPassword) else "",
                session.ssl is not None or self.mode == "implicit",
            )
        )
        number = len(self.received)
        self.on_accept()
        await asyncio.sleep(self.pause)
        return f"250 2.0.0 accepted as {number}"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        """Check a login (aiosmtpd's authenticator)."""
        name = data.login.decode("utf-8", "replace")
        good = self._users.get(name) == data.password.decode("utf-8", "replace")
        self.sign_ins.append((name, good))
        return AuthResult(success=good, handled=False, auth_data=data)


class _Protocol(SMTP):
    """aiosmtpd's server, except that AUTH may be asked for on implicit TLS and loopback."""

    def __init__(self, server: MailServer, **options: Any) -> None:
        super().__init__(server, authenticator=server.authenticate, **options)
        self._counted = server
        self._auth_required = bool(server._users)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._original_transport is None:  # it is called again once STARTTLS is done
            self._counted.connections += 1
        super().connection_made(transport)


@contextmanager
def mail_server(
    mode: Mode = "none",
    *,
    users: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
    pipelining: bool = False,
    **changes: Any,
) -> Iterator[MailServer]:
    """Run a server on a free loopback port; with ``users`` (name to password) AUTH is demanded.

    ``changes`` are options of aiosmtpd's SMTP class, such as ``data_size_limit``.
    """
    server = MailServer(mode, users or {})
    server.pipelining = pipelining
    certificate = context or authority().context()
    options: dict[str, Any] = {
        "enable_SMTPUTF8": True,
        "hostname": "mail.test",
        "timeout": 60,
        "tls_context": certificate if mode == "starttls" else None,
        "require_starttls": mode == "starttls",
        "auth_require_tls": mode == "starttls",
    } | changes
    thread = LoopThread()
    try:
        listener = thread.run(
            thread.loop.create_server(
                lambda: _Protocol(server, loop=thread.loop, **options),
                "127.0.0.1",
                0,
                ssl=certificate if mode == "implicit" else None,
            )
        )
        server.port = listener.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            thread.loop.call_soon_threadsafe(listener.close)
    finally:
        thread.stop()

"""An SMTP server that keeps every mail in memory and passes none on."""

from __future__ import annotations

import asyncio
import html
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

#: what the catcher answers for recipients whose name starts like this
REFUSALS = {
    "nobody": "550 5.1.1 There is no such mailbox here",
    "full": "452 4.2.2 The mailbox is full, try again later",
}
KEPT = 1000
LOOPBACK = "127.0.0.1"
_LINK = re.compile(r"https?://[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class Mail:
    """One received mail. ``to`` is the envelope's, so Bcc recipients are in it."""

    id: int
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    message_id: str
    text: str
    html: str
    source: str

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses in text and HTML, each once, in their order."""
        found = _LINK.findall(self.text) + _LINK.findall(html.unescape(self.html))
        return tuple(dict.fromkeys(link.rstrip(".,)") for link in found))


class Mailbox:
    """The mails received last; filled by the SMTP thread, read by the inbox pages."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._count = 0

    def add(self, sender: str, to: tuple[str, ...], content: bytes) -> None:
        """Keep a mail as it came over the wire."""
        parsed = message_from_bytes(content, policy=policy.default)
        with self._lock:
            self._count += 1
            mail = Mail(
                id=self._count,
                received_at=datetime.now(UTC),
                sender=str(parsed["From"] or sender),
                to=to,
                subject=str(parsed["Subject"] or "(no subject)"),
                message_id=str(parsed["Message-ID"] or ""),
                text=_part(parsed, "plain"),
                html=_part(parsed, "html"),
                source=content.decode("utf-8", "replace"),
            )
            self._mails.appendleft(mail)

    def newest_first(self) -> list[Mail]:
        """Return all kept mails."""
        with self._lock:
            return list(self._mails)

    def get(self, mail_id: int) -> Mail | None:
        """Return one mail, or None."""
        return next((mail for mail in self.newest_first() if mail.id == mail_id), None)


class Catcher:
    """The SMTP server, on a free port of the loopback address and an event loop of its own."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> int:
        """Listen, and return the port."""
        self._thread.start()
        return self.listen((LOOPBACK, 0), self._connection)

    def stop(self) -> None:
        """Stop listening and end the thread."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self,
        _server: SMTP,
        _session: object,
        envelope: Any,
        address: str,
        _options: list[str],
    ) -> str:
        """Accept a recipient unless ``REFUSALS`` says otherwise."""
        for start, reply in REFUSALS.items():
            if address.startswith(start):
                return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it by this name
        self, _server: SMTP, _session: object, envelope: Any
    ) -> str:
        """Keep the mail."""
        self._mailbox.add(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content)
        return "250 2.0.0 Kept in the inbox of the demo"

    def listen(
        self,
        place: tuple[str, int],
        connection: Callable[[], SMTP],
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Listen at the address and port too, and return the port.

        ``tls`` is for ports where it starts with the first byte. Raises OSError when it cannot.
        """
        opening = self._loop.create_server(connection, *place, ssl=tls)
        server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(timeout=10)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def _connection(self) -> SMTP:
        return SMTP(self, hostname="inbox.demo", enable_SMTPUTF8=True, loop=self._loop)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _part(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""

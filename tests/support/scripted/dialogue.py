"""One connection of the scripted server: what it hears, and what the script makes of it."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Any

from support.scripted.actions import (
    GOOD,
    Accept,
    Drop,
    Pause,
    Raw,
    Script,
    Silence,
    Until,
    Upgrade,
)
from support.smtp import Mode

_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"<([^>]*)>")
#: A whole reply that accepts (RFC 5321 4.2.1).
_POSITIVE = re.compile(rb"(?:2\d\d-[^\n]*\n)*2\d\d[ \r][^\n]*\n")
#: No fault lasts longer than this, so that no test does.
_LONGEST = 60.0


class End(Exception):
    """The script closed the connection."""


@dataclass
class Delivery:
    """A message whose final dot the server saw.

    ``taken``: the server has it, told or not. ``told``: it wrote a 2xx reply to the final dot.
    """

    content: bytes
    recipients: tuple[str, ...]
    taken: bool = False
    told: bool = False

    @property
    def message_id(self) -> str:
        """The Message-ID header, "" when there is none."""
        match = _ID.search(self.content)
        return match[1].decode("ascii", "replace") if match else ""


@dataclass
class Dialogue:
    """What one connection heard."""

    commands: list[str] = field(default_factory=list)
    clear: bytes = b""
    auths: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    closed: bool = False

    @property
    def accepted(self) -> list[bytes]:
        """The content of every message taken, dot-stuffing taken out."""
        return [item.content for item in self.deliveries if item.taken]


@dataclass(frozen=True)
class Conduct:
    """How a server behaves on every connection; ``auth`` names the mechanisms it offers."""

    mode: Mode
    extensions: tuple[str, ...]
    auth: str
    context: ssl.SSLContext


class Part:
    """The server's part of one dialogue."""

    def __init__(
        self,
        conduct: Conduct,
        script: Script,
        dialogue: Dialogue,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.conduct, self.script, self.heard = conduct, script, dialogue
        self.reader, self.writer = reader, writer
        self.encrypted = False
        self.times: dict[str, int] = {}
        self.sender_taken = False
        self.recipients: list[str] = []
        self.taken = False
        self.written = b""

    async def run(self) -> None:
        """Talk until somebody closes."""
        await self.step("connect")
        if self.conduct.mode == "implicit":
            await self.encrypt()
        await self.step("banner")
        while line := await self.line():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.heard.commands.append(command)
            verb = command.split(" ")[0].split(":")[0].lower()
            if verb == "auth":
                self.heard.auths += 1
            name = "ehlo" if verb == "helo" else verb
            await self.step(name if name in GOOD or name == "ehlo" else "unknown", command)
            if verb == "quit":
                return

    async def line(self) -> bytes:
        """Return the next line and remember it when it came in the clear."""
        line = await self.reader.readline()
        self.overheard(line)
        return line

    def overheard(self, data: bytes) -> None:
        """Remember what came in the clear."""
        if not self.encrypted:
            self.heard.clear += data

    async def step(self, name: str, command: str = "") -> None:
        """Do what the script says for this step."""
        action: Any = self.script.get(name, self.usual(name))
        if callable(action):
            action = action(command)
        if isinstance(action, list):
            count = self.times.get(name, 0)
            self.times[name] = count + 1
            action = action[min(count, len(action) - 1)] if action else ()
        before = len(self.written)
        await self.act(action)
        self.note(name, self.written[before:], command)

    def usual(self, name: str) -> Any:
        """Return what a well-behaved server does."""
        if name == "ehlo":
            return self.greeting()
        if name == "rcpt" and not self.sender_taken:
            return "503 5.5.1 no MAIL"
        if name == "data" and not self.recipients:
            return "554 5.5.1 no valid recipients"
        nothing = name in {"connect", "handshake", "body"}
        return GOOD.get(name, () if nothing else "502 5.5.1 what?")

    def note(self, name: str, reply: bytes, command: str) -> None:
        """Remember what the transaction stands at."""
        if name == "mail":
            self.sender_taken = reply.startswith(b"2")
            self.recipients = []
        elif name == "rcpt" and reply.startswith(b"2"):
            address = _ADDRESS.search(command)
            self.recipients.append(address[1] if address else "")

    def greeting(self) -> str:
        """Return the reply to EHLO."""
        offers = list(self.conduct.extensions)
        if self.conduct.mode == "starttls" and not self.encrypted:
            offers.append("STARTTLS")
        if self.conduct.auth:
            offers.append(f"AUTH {self.conduct.auth}")
        lines = ["scripted.test", *offers]
        return "\r\n".join(
            f"250{'-' if n < len(lines) else ' '}{t}" for n, t in enumerate(lines, 1)
        )

    async def act(self, action: Any) -> None:
        """Carry one action out; a tuple holds several."""
        match action:
            case str():
                await self.write(action.encode("utf-8", "surrogateescape") + b"\r\n")
                if action.startswith("354"):
                    await self.read_content()
            case Raw():
                await self.dribble(action)
            case Drop():
                self.drop(action)
            case Silence():
                await self.ignore()
            case Pause() | Until():
                await self.wait(action)
            case Upgrade():
                self.writer.write(action.data)
                await self.encrypt(action.context)
            case Accept():
                self.taken = True
                await self.act(action.then)
            case _:
                for item in action:
                    await self.act(item)

    async def write(self, data: bytes) -> None:
        """Write ``data`` and remember it."""
        self.written += data
        self.writer.write(data)
        await self.writer.drain()

    async def dribble(self, action: Raw) -> None:
        """Write bytes piece by piece."""
        size = max(action.size or len(action.data), 1)
        for start in range(0, len(action.data), size):
            await self.write(action.data[start : start + size])
            await asyncio.sleep(action.pause)

    async def wait(self, action: Pause | Until) -> None:
        """Do nothing for some seconds, or until the event is set."""
        if isinstance(action, Pause):
            await asyncio.sleep(action.seconds)
            return
        async with asyncio.timeout(_LONGEST):
            while not action.event.is_set():  # noqa: ASYNC110 - another thread's doing
                await asyncio.sleep(0.002)

    async def ignore(self) -> None:
        """Hear the client out until it hangs up, and end."""
        async with asyncio.timeout(_LONGEST):
            while data := await self.reader.read(65536):
                self.overheard(data)
        raise End

    def drop(self, action: Drop) -> None:
        """Close with FIN, with RST, or as if the process had died."""
        if action.reset:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if action.reset or action.rude:
            self.writer.transport.abort()
        raise End

    async def encrypt(self, context: ssl.SSLContext | None = None) -> None:
        """Do TLS on this connection."""
        await self.step("handshake")
        await self.writer.start_tls(context or self.conduct.context)
        self.encrypted = True

    async def read_content(self) -> None:
        """Read up to the dot, do the step ``dot``, and remember what was told and done."""
        lines: list[bytes] = []
        while (line := await self.line()) != b".\r\n":
            if not line:
                raise End
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if len(lines) == 1 and "body" in self.script:
                await self.step("body")
        delivery = Delivery(b"".join(lines), tuple(self.recipients))
        self.heard.deliveries.append(delivery)
        self.taken, self.written = False, b""
        try:
            await self.step("dot")
        finally:
            delivery.told = _POSITIVE.match(self.written) is not None
            delivery.taken = self.taken or delivery.told
            self.recipients = []

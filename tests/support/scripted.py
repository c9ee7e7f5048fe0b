"""An SMTP server that does what its script says, and misbehaves where the script says so.

A script maps a step to what happens there; what it leaves out goes well::

    {"rcpt": ["250 ok", "550 5.1.1 no such user"], "dot": Drop(reset=True)}

Steps: ``connect`` (before the banner), ``banner``, ``ehlo``, ``starttls``, ``auth``, ``mail``,
``rcpt``, ``data``, ``body`` (after the first line of content), ``dot`` (instead of the final
reply), ``rset``, ``quit``. A list holds one action per occurrence, its last one repeats.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from flask_smtpadmin.core.settings import Server
from support.smtp import LoopThread, Mode, authority


@dataclass(frozen=True)
class Drop:
    """Close the connection: FIN, or RST with ``reset``."""

    reset: bool = False


@dataclass(frozen=True)
class Silence:
    """Neither say nor read anything more."""


@dataclass(frozen=True)
class Raw:
    """Write these very bytes, ``size`` at a time with ``pause`` seconds in between."""

    data: bytes
    size: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Upgrade:
    """Answer STARTTLS with ``data`` in one packet, then do TLS (with ``context`` if given)."""

    data: bytes = b"220 go ahead\r\n"
    context: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Accept:
    """Count the message as accepted, then go on with ``then`` (instead of 250)."""

    then: Action


Action = str | Drop | Silence | Raw | Upgrade | Accept | Sequence["Action"]
Script = Mapping[str, Action | Callable[[str], Action]]

EXTENSIONS = ("SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_GOOD: dict[str, Action] = {
    "banner": "220 scripted.test ESMTP",
    "starttls": Upgrade(),
    "auth": "235 2.7.0 welcome",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go on",
    "dot": Accept("250 2.0.0 queued"),
    "rset": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
}


class _End(Exception):
    """The script closed the connection."""


@dataclass
class Dialogue:
    """What one connection heard."""

    commands: list[str] = field(default_factory=list)
    clear: bytes = b""
    auths: int = 0
    accepted: list[bytes] = field(default_factory=list)
    closed: bool = False


class ScriptedServer:
    """A running server; ``dialogues`` holds one entry per connection, in order.

    Connection n follows script n, the last one repeats. ``extensions`` are offered after EHLO,
    STARTTLS and AUTH by themselves.
    """

    def __init__(
        self, mode: Mode, scripts: Sequence[Script], extensions: Sequence[str], auth: str
    ) -> None:
        self.mode = mode
        self.port = 0
        self.scripts = list(scripts) or [{}]
        self.extensions = tuple(extensions)
        self.auth = auth
        self.dialogues: list[Dialogue] = []

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return len(self.dialogues)

    @property
    def auths(self) -> int:
        """How many AUTH commands came, over all connections."""
        return sum(item.auths for item in self.dialogues)

    @property
    def accepted(self) -> list[bytes]:
        """The content of every message accepted, dot-stuffing taken out."""
        return [content for item in self.dialogues for content in item.accepted]

    @property
    def commands(self) -> list[str]:
        """The verbs of all commands, upper case, in order."""
        lines = [line for item in self.dialogues for line in item.commands]
        return [line.replace(":", " ").split(" ")[0].upper() for line in lines]

    @property
    def clear(self) -> bytes:
        """Every byte that came unencrypted."""
        return b"".join(item.clear for item in self.dialogues)

    def settings(self, **changes: Any) -> Server:
        """Return the settings with which this server is reached."""
        values: dict[str, Any] = {
            "key": "default",
            "host": "localhost",
            "port": self.port,
            "tls_mode": self.mode,
            "ca_file": authority().ca_file,
            "from_email": "app@example.org",
            "timeout": 0.6,
            "data_timeout": 0.8,
        }
        return Server(**{**values, **changes})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow the script of one connection."""
        script = self.scripts[min(len(self.dialogues), len(self.scripts) - 1)]
        dialogue = Dialogue()
        self.dialogues.append(dialogue)
        part = _Part(self, script, dialogue, reader, writer)
        try:
            await part.run()
        except (_End, OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            dialogue.closed = True
            writer.close()


class _Part:
    """One side of one dialogue."""

    def __init__(
        self,
        server: ScriptedServer,
        script: Script,
        dialogue: Dialogue,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.server, self.script, self.heard = server, script, dialogue
        self.reader, self.writer = reader, writer
        self.encrypted = server.mode == "implicit"
        self.times: dict[str, int] = {}
        self.content = b""
        self.sender_taken = False
        self.recipients_taken = 0

    async def run(self) -> None:
        """Talk until somebody closes."""
        await self.step("connect")
        await self.step("banner")
        while line := await self.line():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.heard.commands.append(command)
            verb = command.split(" ")[0].split(":")[0].upper()
            if verb in {"EHLO", "HELO"}:
                await self.step("ehlo", command)
            elif verb == "AUTH":
                self.heard.auths += 1
                await self.step("auth", command)
            elif verb == "DATA":
                await self.step("data", command)
            else:
                await self.step(verb.lower() if verb.lower() in _GOOD else "unknown", command)
            if verb == "QUIT":
                return

    async def line(self) -> bytes:
        """Return the next line and remember it when it came in the clear."""
        line = await self.reader.readline()
        if not self.encrypted:
            self.heard.clear += line
        return line

    async def step(self, name: str, command: str = "") -> None:
        """Do what the script says for this step."""
        action: Any = self.script.get(name, self.usual(name))
        if callable(action):
            action = action(command)
        if isinstance(action, list):
            count = self.times.get(name, 0)
            self.times[name] = count + 1
            action = action[min(count, len(action) - 1)] if action else ()
        if isinstance(action, str | Raw):
            self.note(name, action if isinstance(action, str) else action.data.decode("latin-1"))
        await self.act(action)

    def usual(self, name: str) -> Any:
        """Return what a well-behaved server does."""
        if name == "ehlo":
            return self.greeting()
        if name == "rcpt" and not self.sender_taken:
            return "503 5.5.1 no MAIL"
        if name == "data" and not self.recipients_taken:
            return "554 5.5.1 no valid recipients"
        return _GOOD.get(name, () if name == "connect" else "502 5.5.1 what?")

    def note(self, name: str, reply: str) -> None:
        """Remember what the dialogue stands at."""
        if name == "mail":
            self.sender_taken, self.recipients_taken = reply.startswith("2"), 0
        elif name == "rcpt" and reply.startswith("2"):
            self.recipients_taken += 1

    def greeting(self) -> str:
        """Return the reply to EHLO."""
        offers = list(self.server.extensions)
        if self.server.mode == "starttls" and not self.encrypted:
            offers.append("STARTTLS")
        if self.server.auth:
            offers.append(f"AUTH {self.server.auth}")
        lines = ["scripted.test", *offers]
        return "\r\n".join(
            f"250{'-' if n < len(lines) else ' '}{t}" for n, t in enumerate(lines, 1)
        )

    async def act(self, action: Any) -> None:
        """Carry one action out."""
        if isinstance(action, str):
            await self.write(action.encode("utf-8", "surrogateescape") + b"\r\n")
            if action.startswith("354"):
                await self.read_content()
        elif isinstance(action, Raw):
            step = action.size or len(action.data)
            for start in range(0, len(action.data), step):
                await self.write(action.data[start : start + step])
                await asyncio.sleep(action.pause)
        elif isinstance(action, Drop):
            self.drop(reset=action.reset)
        elif isinstance(action, Silence):
            await asyncio.sleep(60)
        elif isinstance(action, Upgrade):
            await self.upgrade(action)
        elif isinstance(action, Accept):
            self.heard.accepted.append(self.content)
            await self.act(action.then)
        else:
            for item in action:
                await self.act(item)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def drop(self, *, reset: bool) -> None:
        """Close with FIN, or with RST."""
        if reset:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        raise _End

    async def upgrade(self, action: Upgrade) -> None:
        """Do TLS on this connection."""
        self.writer.write(action.data)
        await self.writer.start_tls(action.context or authority().context())
        self.encrypted = True

    async def read_content(self) -> None:
        """Read up to the dot, then do the step ``dot``."""
        lines: list[bytes] = []
        while (line := await self.line()) != b".\r\n":
            if not line:
                raise _End
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if len(lines) == 1 and "body" in self.script:
                await self.step("body")
        self.content = b"".join(lines)
        await self.step("dot")


@contextmanager
def scripted_server(  # noqa: PLR0913 - independent keywords, most left out
    *scripts: Script,
    mode: Mode = "none",
    extensions: Sequence[str] = EXTENSIONS,
    pipelining: bool = False,
    auth: str = "",
    context: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[ScriptedServer]:
    """Run a scripted server on a (free) loopback port; ``auth`` names the mechanisms offered."""
    offers = (*extensions, "PIPELINING") if pipelining else tuple(extensions)
    server = ScriptedServer(mode, scripts, offers, auth)
    thread = LoopThread()
    try:
        listener = thread.run(
            asyncio.start_server(
                server.serve,
                "127.0.0.1",
                port,
                ssl=(context or authority().context()) if mode == "implicit" else None,
            )
        )
        server.port = listener.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            thread.loop.call_soon_threadsafe(listener.close)
    finally:
        with suppress(RuntimeError):
            thread.stop()

"""Scripted servers: many on one event loop, each on a port of its own."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from flask_smtpadmin.core.settings import Server
from support.scripted.actions import Script
from support.scripted.dialogue import Conduct, Delivery, Dialogue, End, Part
from support.smtp import LoopThread, Mode, authority

EXTENSIONS = ("SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@functools.cache
def usual_context() -> ssl.SSLContext:
    """Return what a good server does TLS with."""
    return authority().context()


class ScriptedServer:
    """A running server; ``dialogues`` holds one entry per connection, in order.

    Connection n follows script n, the last one repeats.
    """

    def __init__(self, conduct: Conduct, scripts: Sequence[Script]) -> None:
        self.conduct = conduct
        self.port = 0
        self.scripts = list(scripts) or [{}]
        self.dialogues: list[Dialogue] = []

    @property
    def mode(self) -> Mode:
        """How the server encrypts."""
        return self.conduct.mode

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return len(self.dialogues)

    @property
    def auths(self) -> int:
        """How many AUTH commands came, over all connections."""
        return sum(item.auths for item in self.dialogues)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every message whose final dot was seen, in the order of the connections."""
        return [item for dialogue in self.dialogues for item in dialogue.deliveries]

    @property
    def accepted(self) -> list[bytes]:
        """The content of every message accepted, dot-stuffing taken out."""
        return [item.content for item in self.deliveries if item.taken]

    def copies(self, *, told: bool = False) -> Counter[tuple[str, str]]:
        """Count what was accepted by Message-ID and recipient.

        With ``told`` only what the server wrote a 2xx reply for: the others it has all the same.
        """
        return Counter(
            (item.message_id, address)
            for item in self.deliveries
            if (item.told if told else item.taken)
            for address in item.recipients
        )

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
        """Return the settings with which this server is reached.

        Whoever waits for something else gives up before these time-outs help; a test whose server
        says nothing shortens the one that ends that.
        """
        values: dict[str, Any] = {
            "key": "default",
            "host": "localhost",
            "port": self.port,
            "tls_mode": self.mode,
            "ca_file": authority().ca_file,
            "from_email": "app@example.org",
            "timeout": 60.0,
            "data_timeout": 60.0,
        }
        return Server(**{**values, **changes})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow the script of one connection."""
        script = self.scripts[min(len(self.dialogues), len(self.scripts) - 1)]
        dialogue = Dialogue()
        self.dialogues.append(dialogue)
        try:
            await Part(self.conduct, script, dialogue, reader, writer).run()
        except (End, OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            dialogue.closed = True
            await _hang_up(writer)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close in good order where the client lets us, and by force where it does not."""
    writer.close()
    try:
        with suppress(OSError):
            async with asyncio.timeout(2):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


class Farm:
    """Scripted servers that share one event loop in a thread of its own."""

    def __init__(self) -> None:
        self.servers: list[ScriptedServer] = []
        self._thread = LoopThread()
        self._listeners: list[asyncio.Server] = []

    def add(  # noqa: PLR0913 - independent keywords, most left out
        self,
        *scripts: Script,
        mode: Mode = "none",
        extensions: Sequence[str] = EXTENSIONS,
        pipelining: bool = False,
        auth: str = "",
        context: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> ScriptedServer:
        """Run a server on a (free) loopback port; ``auth`` names the mechanisms offered."""
        offers = (*extensions, "PIPELINING") if pipelining else tuple(extensions)
        conduct = Conduct(mode, offers, auth, context or usual_context())
        server = ScriptedServer(conduct, scripts)
        listener = self._thread.run(asyncio.start_server(server.serve, "127.0.0.1", port))
        server.port = listener.sockets[0].getsockname()[1]
        self._listeners.append(listener)
        self.servers.append(server)
        return server

    def close(self) -> None:
        """Stop listening and end every dialogue."""
        for listener in self._listeners:
            self._thread.loop.call_soon_threadsafe(listener.close)
        with suppress(RuntimeError):
            self._thread.stop()


@contextmanager
def scripted_servers() -> Iterator[Farm]:
    """Run as many scripted servers as the test adds."""
    farm = Farm()
    try:
        yield farm
    finally:
        farm.close()


@contextmanager
def scripted_server(*scripts: Script, **options: Any) -> Iterator[ScriptedServer]:
    """Run one scripted server; ``options`` as :meth:`Farm.add` takes them."""
    with scripted_servers() as farm:
        yield farm.add(*scripts, **options)

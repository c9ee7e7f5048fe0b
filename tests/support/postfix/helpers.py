"""The servers that Postfix asks: one for logins, one for policy, on unix sockets.

Logins: Dovecot's authentication protocol, version 1. Policy: Postfix's SMTPD_POLICY_README.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from support.smtp import LoopThread

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Helpers:
    """Both servers on one event loop; their sockets lie in ``folder``.

    Args:
        folder: where Postfix may connect to them: ``login`` and ``policy``.
        users: password by user name.
        actions: what the policy answers, by recipient; DUNNO for the others.
    """

    #: The user name that the login server hangs up on.
    OFFLINE = "offline"

    def __init__(
        self, folder: Path, *, users: Mapping[str, str], actions: Mapping[str, str]
    ) -> None:
        self._users, self._actions = users, actions
        self._thread = LoopThread()
        self._open = [
            self._listen(folder / "login", self._login),
            self._listen(folder / "policy", self._policy),
        ]

    def close(self) -> None:
        """Stop both."""
        for server in self._open:
            self._thread.loop.call_soon_threadsafe(server.close)
        self._thread.stop()

    def _listen(self, path: Path, serve: Serve) -> asyncio.Server:
        async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = self._thread.run(asyncio.start_unix_server(polite, path))
        path.chmod(0o666)
        return server

    async def _login(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = ["VERSION\t1\t2", "MECH\tPLAIN\tplaintext", "MECH\tLOGIN\tplaintext"]
        hello += [f"SPID\t{os.getpid()}", "CUID\t1", "COOKIE\t00", "DONE"]
        writer.write("".join(f"{line}\n" for line in hello).encode())
        while line := await reader.readline():
            verb, *words = line.decode().rstrip("\n").split("\t")
            verdict = self._verdict(words) if verb == "AUTH" else ""
            if verdict is None:
                return
            writer.write(verdict.encode())

    def _verdict(self, words: list[str]) -> str | None:
        """Return the answer to AUTH: ``<id> PLAIN ... resp=<base64>``; None: hang up."""
        number, given = words[0], words[-1].removeprefix("resp=")
        _, user, password = base64.b64decode(given).decode().split("\0")
        if user == self.OFFLINE:
            return None
        good = self._users.get(user) == password
        return f"{'OK' if good else 'FAIL'}\t{number}\tuser={user}\n"

    async def _policy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked: dict[str, str] = {}
            while line := (await reader.readuntil()).decode().rstrip("\n"):
                name, _, value = line.partition("=")
                asked[name] = value
            action = self._actions.get(asked.get("recipient", ""), "DUNNO")
            writer.write(f"action={action}\n\n".encode())

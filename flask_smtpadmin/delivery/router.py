"""Which server a message goes to, and what it waits for when there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.mime import sender_email
from flask_smtpadmin.core.settings import Server, Snapshot
from flask_smtpadmin.core.states import WaitingFor

#: Senders whose servers are remembered.
_SENDERS: Final = 1000


class Routable(Protocol):
    """What the router must know of a message."""

    @property
    def server_key(self) -> str | None:
        """The server that the caller asked for."""
        ...

    @property
    def sender(self) -> str | None:
        """The From mailbox of its own."""
        ...

    @property
    def cleared(self) -> bool:
        """Whether it may go out while MODE is not live."""
        ...


class Router:
    """Orders the servers for a message by priority, and among equals at random by weight.

    A message that asks for a server goes there. Else the servers whose routes name its sender
    take it, and nobody else does, whether or not they work now; mail of other senders goes to
    the servers without routes.

    Args:
        snapshot: the settings in force.
        healthy: says whether a server's breaker lets mail through.
        chance: returns a number in [0, 1).
    """

    def __init__(
        self, snapshot: Snapshot, healthy: Callable[[str], bool], chance: Callable[[], float]
    ) -> None:
        self._snapshot = snapshot
        self._healthy = healthy
        self._chance = chance
        self._live = snapshot["MODE"] == "live"
        self._usable = [server for server in snapshot.servers.values() if server.usable]
        self._configured = [s for s in snapshot.servers.values() if s.configured and s.enabled]
        self._routed = any(server.routes for server in self._configured)
        self._by_sender: dict[str, list[Server]] = {}

    def candidates(self, message: Routable) -> list[Server]:
        """Return the servers that may take the message now, best first; may be empty.

        Mail from before ``MODE`` became catch or redirect goes to nobody: it was meant for others.
        """
        if self._snapshot.paused or not (self._live or message.cleared):
            return []
        plain = message.server_key is None and not self._routed
        asked = self._usable if plain else self._asked(message)
        fitting = [
            server
            for server in asked
            if self._healthy(server.key)
            and (plain or server.usable)
            and has_sender(message, server)
        ]
        return fitting if len(fitting) < 2 else self._ordered(fitting)  # noqa: PLR2004 - a choice takes two

    def obstacle(self, message: Routable) -> WaitingFor:
        """Return what a message without candidates waits for."""
        working = [server for server in self._asked(message) if not server.problems]
        if self._snapshot.paused or (working and all(server.paused for server in working)):
            return "paused"
        if not (self._live or message.cleared):
            return "settings"
        able = [s for s in working if not s.paused and has_sender(message, s)]
        return "server" if able else "settings"

    def open_servers(self) -> list[str]:
        """Return the keys of the servers that take mail now."""
        if self._snapshot.paused:
            return []
        return [server.key for server in self._usable if self._healthy(server.key)]

    def _asked(self, message: Routable) -> list[Server]:
        """Return the servers that are meant to take a message, whether or not they can now."""
        if message.server_key is not None:
            return [server for server in self._configured if server.key == message.server_key]
        sender = message.sender or ""
        found = self._by_sender.get(sender)
        if found is None:
            if len(self._by_sender) >= _SENDERS:
                self._by_sender.clear()
            found = self._by_sender[sender] = self._route(sender)
        return found

    def _route(self, sender: str) -> list[Server]:
        try:
            address = sender_email(sender).lower() if sender else ""
        except InvalidMessage:  # it is found out, and the message ended, when it is built
            address = ""
        domain = address[address.rfind("@") :]
        named = [s for s in self._configured if address in s.routes or domain in s.routes]
        return named or [server for server in self._configured if not server.routes]

    def _ordered(self, servers: list[Server]) -> list[Server]:
        def rank(server: Server) -> tuple[int, float]:
            # Efraimidis and Spirakis: u ** (1 / weight), the largest first
            weight = max(server.weight, 0)
            return server.priority, -(self._chance() ** (1 / weight)) if weight else 0.0

        return sorted(servers, key=rank)


def has_sender(message: Routable, server: Server) -> bool:
    """Say whether somebody is known whom the message could be from."""
    own = message.sender and not server.force_from
    return bool(own or server.from_email)

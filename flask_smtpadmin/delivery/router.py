"""Which server a message goes to, and what it waits for when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from flask_smtpadmin.core.settings import Server, Snapshot
from flask_smtpadmin.core.states import WaitingFor


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

    def candidates(self, message: Routable) -> list[Server]:
        """Return the servers that may take the message now, best first; may be empty.

        Mail from before ``MODE`` became catch or redirect goes to nobody: it was meant for others.
        """
        if self._snapshot.paused or not (self._live or message.cleared):
            return []
        fitting = [
            server
            for server in self._usable
            if message.server_key in {None, server.key}
            and self._healthy(server.key)
            and has_sender(message, server)
        ]
        return fitting if len(fitting) < 2 else self._ordered(fitting)  # noqa: PLR2004 - a choice takes two

    def obstacle(self, message: Routable) -> WaitingFor:
        """Return what a message without candidates waits for."""
        servers = self._snapshot.servers
        asked: Iterable[Server] = servers.values()
        if message.server_key is not None:
            asked = [servers[message.server_key]] if message.server_key in servers else []
        asked = [server for server in asked if server.configured and server.enabled]
        working = [server for server in asked if not server.problems]
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

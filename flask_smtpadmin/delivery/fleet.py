"""The servers as the engine uses them: settings, health and the lanes to each."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask_smtpadmin.core.rate import Limit, limits_of
from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.core.settings import Server, Snapshot
from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.delivery.health import Health
from flask_smtpadmin.delivery.lanes import DEPTH, Callbacks, Flight, Lanes
from flask_smtpadmin.delivery.policies import host_policy, retry_policy
from flask_smtpadmin.delivery.router import Router
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.quotas import HORIZON, Outlook

log = logging.getLogger(__name__)

_CONNECTIONS: Final = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """A message's servers are up to their limits: it waits for its turn at ``server``."""

    server: str


class Fleet:
    """Lanes to every server that mail goes to.

    Args:
        snapshot: the settings to begin with.
        connections: connections to each server at most; None: what its pool size says.
        clock: the database's time.
        engine: what the lanes tell and ask.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        connections: int | None,
        clock: Clock,
        engine: Callbacks,
    ) -> None:
        self.snapshot = snapshot
        self.policy: Policy = retry_policy(snapshot)
        self.health = Health(clock.now, self.fingerprint)
        self._connections = connections
        self._clock = clock
        self._engine = engine
        self._lanes: dict[str, Lanes] = {}
        self._retired: dict[asyncio.Task[None], Lanes] = {}
        self.router = self._new_router()
        self._usable = [server for server in snapshot.servers.values() if server.usable]
        self.limits = _limits(snapshot)
        self.outlooks: dict[str, Outlook] = {}

    @property
    def connections(self) -> int:
        """Connections that this worker may open, to all servers together."""
        return sum(map(self._size, self._usable)) or self._connections or _CONNECTIONS

    @property
    def window(self) -> int:
        """W: how many messages may be handed over without a committed result."""
        return int(self.snapshot["WINDOW"] or DEPTH * self.connections)

    def open_servers(self) -> list[str]:
        """Return the servers that take mail now."""
        return self.router.open_servers()

    @property
    def all_open(self) -> bool:
        """Whether every server in use takes mail now."""
        return len(self.router.open_servers()) == len(self._usable)

    @property
    def busy(self) -> int:
        """Connections that have a message now."""
        return sum(lanes.busy for lanes in (*self._lanes.values(), *self._retired.values()))

    def fingerprint(self, key: str) -> str:
        """Return the fingerprint of a server's settings, "" when there is no such server."""
        server = self.snapshot.servers.get(key)
        return server.fingerprint if server else ""

    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of every server's settings."""
        return {key: server.fingerprint for key, server in self.snapshot.servers.items()}

    def update(self, snapshot: Snapshot) -> tuple[bool, list[Flight]]:
        """Take over new settings.

        Returns:
            Whether any server or the pause changed, and what was handed to lanes that are no
            longer right and not begun: it must go back to the queue.
        """
        before, paused, mode = self.fingerprints(), self.snapshot.paused, self.snapshot["MODE"]
        usable = {server.key for server in self.snapshot.servers.values() if server.usable}
        self.snapshot = snapshot
        self.policy = retry_policy(snapshot)
        self.router = self._new_router()
        self._usable = [server for server in snapshot.servers.values() if server.usable]
        self._adopt_limits(_limits(snapshot))
        after = self.fingerprints()
        now_usable = {server.key for server in snapshot.servers.values() if server.usable}
        for key in after:
            if before.get(key) != after[key]:
                self.health.probe_now(key)
        stale = [
            key
            for key in list(self._lanes)
            if before.get(key) != after.get(key) or key not in now_usable
        ]
        orphans = [flight for key in stale for flight in self._retire(key)]
        mode_changed = mode != snapshot["MODE"]
        changed = mode_changed or before != after or paused != snapshot.paused
        changed = changed or usable != now_usable
        return changed, orphans

    def choose(
        self, job: Claimed, tried: Collection[str] = (), refused: Collection[str] = ()
    ) -> Lanes | WaitingFor | Turn | None:
        """Return where a message goes, what it waits for, or None: its servers are busy.

        ``tried``: servers that had their try in this claim; ``refused``: those that had no slot
        for it when it came to that.
        """
        servers = self.router.candidates(job)
        if tried:
            servers = [server for server in servers if server.key not in tried]
        if not servers:
            return self.router.obstacle(job)
        if self.limits:
            open_ones = [s for s in servers if s.key not in refused and self._has_slot(s.key)]
            if not open_ones:
                return Turn(min((server.key for server in servers), key=self._unpromised))
            servers = open_ones
        return self._with_room(servers)

    def lanes(self, server: Server) -> Lanes:
        """Return the lanes to a server."""
        found = self._lanes.get(server.key)
        if found is None:
            found = self._lanes[server.key] = self._new_lanes(server)
        return found

    def take_back(self, key: str | None = None) -> list[Flight]:
        """Take back what was handed over and not begun, for one server or all."""
        chosen: Iterable[str] = list(self._lanes) if key is None else [key]
        return [f for k in chosen if k in self._lanes for f in self._lanes[k].take_back()]

    def cut(self, *, begun: bool) -> None:
        """End transactions now; with ``begun`` also those whose content a server may have."""
        for lanes in (*self._lanes.values(), *self._retired.values()):
            lanes.cut(begun=begun)

    async def close(self) -> None:
        """Say QUIT on every connection."""
        closing = [lanes.close() for lanes in self._lanes.values()]
        await asyncio.gather(*closing, *self._retired)

    def only_server(self, job: Claimed) -> str | None:
        """Return the one server that may take a message, where others may take other mail."""
        if len(self.router.open_servers()) < 2:  # noqa: PLR2004 - then nobody is in the way
            return None
        servers = self.router.candidates(job)
        return servers[0].key if len(servers) == 1 else None

    def room(self, key: str) -> int:
        """Return how many more messages a server may be given; a lost one may be given none."""
        lanes = self._lanes.get(key)
        if lanes is None or not self.health.usable(key):
            return 10**6  # whoever waits for it is looked at again
        return self._room(lanes)

    def _room(self, lanes: Lanes) -> int:
        """Return the room in lanes that leaves the other servers their share of the window."""
        if len(self._usable) < 2:  # noqa: PLR2004 - then there is nobody to share with
            return lanes.room
        share = max(1, self.window * lanes.size // self.connections)
        return min(lanes.room, share - lanes.load)

    def _size(self, server: Server) -> int:
        return min(server.pool_size, self._connections or server.pool_size)

    def _with_room(self, servers: Iterable[Server]) -> Lanes | None:
        """Return the first lanes with room; a server that is only busy is waited for.

        Its equals take over what is too much for it, the next priority does not; on trial it
        takes one message at a time, and the others need not wait for that.
        """
        waited_for: int | None = None
        for lanes in map(self.lanes, servers):
            if waited_for is not None and lanes.server.priority > waited_for:
                return None
            if self._room(lanes) > 0:
                return lanes
            if not lanes.on_trial():
                waited_for = lanes.server.priority
        return None

    def _has_slot(self, key: str) -> bool:
        outlook = self.outlooks.get(key)
        if outlook is None:
            return True
        return (outlook.free - self._clock.now()).total_seconds() <= HORIZON

    def _unpromised(self, key: str) -> datetime:
        outlook = self.outlooks.get(key)
        return outlook.unpromised if outlook else self._clock.now()

    def _adopt_limits(self, limits: dict[str, tuple[Limit, ...]]) -> None:
        for key in self.limits.keys() | limits.keys():
            if self.limits.get(key) != limits.get(key):
                self.outlooks.pop(key, None)
        self.limits = limits

    def _retire(self, key: str) -> list[Flight]:
        """Let the connections made with old settings end with what they have."""
        lanes = self._lanes.pop(key)
        orphans = lanes.take_back()
        task = asyncio.get_running_loop().create_task(lanes.close())
        self._retired[task] = lanes
        task.add_done_callback(self._retired.pop)
        log.info("Server %s has new settings; old connections end.", key, extra={"server": key})
        return orphans

    def _new_router(self) -> Router:
        return Router(self.snapshot, self.health.usable, random.random)

    def _new_lanes(self, server: Server) -> Lanes:
        key = server.key
        return Lanes(
            server=server,
            size=self._size(server),
            policy=host_policy(self.snapshot),
            now=self._clock.now,
            engine=self._engine,
            on_trial=lambda: self.health[key].trial,
        )


def _limits(snapshot: Snapshot) -> dict[str, tuple[Limit, ...]]:
    """Return the limits of every server that has some."""
    found = {key: limits_of(server.limits) for key, server in snapshot.servers.items()}
    return {key: limits for key, limits in found.items() if limits}

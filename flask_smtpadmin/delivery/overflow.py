"""Mail for one server that has no room now, kept out of the way of everybody else's.

A message that only one server may take, because it asks for it or is routed there, can wait for
nobody else. A few of them are held here; the rest goes back to the database, parked, all that is
due at once and not claim by claim; it is called back a batch at a time as the server has room.
However many wait for a slow server, claims for the others meet none of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.delivery.stage import Stage
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.parking import Recall

#: Seconds between two recalls for one server: time to be claimed.
_RECALL_EVERY: Final = 0.25


@dataclass(slots=True)
class Crowd:
    """What waits for one server; ``after`` is the last id that was called back.

    ``behind``: mail was parked since the present round of recalls began, perhaps behind it.
    """

    held: Stage
    parked: bool = False
    pressing: bool = False
    behind: bool = False
    after: int = 0
    recalled_at: float = 0.0


class Overflow:
    """What waits for servers that are full, by server.

    Args:
        most: returns how many messages are held for one server.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._crowds: dict[str, Crowd] = {}

    def __len__(self) -> int:
        return sum(len(crowd.held) for crowd in self._crowds.values())

    def __iter__(self) -> Iterator[Claimed]:
        return (job for crowd in self._crowds.values() for job in crowd.held)

    @property
    def crowded(self) -> frozenset[str]:
        """The servers for which mail is parked."""
        return frozenset(key for key, crowd in self._crowds.items() if crowd.parked)

    def hold(self, server: str, job: Claimed) -> bool:
        """Keep a message until the server has room; False: there are enough, park it."""
        crowd = self._crowds.setdefault(server, Crowd(Stage()))
        if len(crowd.held) < self._most():
            crowd.held.push([job])
            return True
        crowd.parked = crowd.pressing = crowd.behind = True
        return False

    def take(self, room: Callable[[str], int]) -> list[Claimed]:
        """Take what the servers have room for by now."""
        jobs: list[Claimed] = []
        for key, crowd in self._crowds.items():
            places = range(min(len(crowd.held), max(0, room(key))))
            jobs += [crowd.held.take()[2] for _ in places]
        return jobs

    def pressing(self) -> list[str]:
        """Return the servers of which more was claimed than is held: park what is due for them."""
        keys = [key for key, crowd in self._crowds.items() if crowd.pressing]
        for key in keys:
            self._crowds[key].pressing = False
        return keys

    def recalls(self, servers: Iterable[str]) -> list[Recall]:
        """Return what shall be due again: mail for those of ``servers`` of which little is held."""
        now, found = time.monotonic(), []
        for key in self.crowded.intersection(servers):
            crowd = self._crowds[key]
            wanted = self._most() // 2 - len(crowd.held)
            if wanted > 0 and now - crowd.recalled_at > _RECALL_EVERY:
                crowd.recalled_at = now
                crowd.behind = crowd.behind and crowd.after > 0  # a new round sees all there is
                found.append(Recall(key, wanted, crowd.after))
        return found

    def recalled(self, recall: Recall, last: int | None) -> None:
        """Take in that a recall came to message ``last``; None: there were no more after it.

        Another round begins only if more was parked meanwhile: a recall also meets mail that may
        go to several servers and waits for another one, and would meet it for ever.
        """
        crowd = self._crowds[recall.server]
        crowd.parked = last is not None or crowd.behind
        crowd.after = last or 0

    def empty(self) -> list[Claimed]:
        """Give everything away."""
        return [job for crowd in self._crowds.values() for job in crowd.held.empty()]

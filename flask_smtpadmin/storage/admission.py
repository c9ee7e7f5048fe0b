"""Whether there is room for more mail: ``MAX_QUEUE``, without counting the queue for each message.

A count is good for a while: for an eighth of the room it found, or 100 ms. So many processes do not
pass the limit together, and close to it each message is counted for. What others have stored and
not committed yet cannot be seen by anybody: the limit may be passed by that much.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.errors import QueueFull
from flask_smtpadmin.core.states import CLAIMABLE
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.standing import in_states

_GOOD_FOR: Final = 0.1
_SHARE: Final = 8


@dataclass(frozen=True, slots=True)
class Room:
    """How many messages may wait in all (``limit`` 0: any number), and for whom room is sought.

    ``critical`` mail is admitted up to 110 % of the limit.
    """

    limit: int = 0
    critical: bool = False

    @property
    def bound(self) -> int:
        """How many may wait when this mail is among them."""
        return self.limit + (self.limit // 10 if self.critical else 0)


ANY_ROOM: Final = Room()


class Admission:
    """Admits messages of one process.

    Args:
        models: the mapped tables.
    """

    def __init__(self, models: Models) -> None:
        message = models.table("Message")
        bound = sa.bindparam("bound", type_=sa.Integer())
        kinds = (in_states(message, CLAIMABLE), message.c.worker_id.is_not(None))
        counts = (
            sa.select(sa.func.count())
            .select_from(sa.select(message.c.id).where(kind).limit(bound).subquery())
            .scalar_subquery()
            for kind in kinds
        )
        self._count = sa.select(*counts)
        self._lock = threading.Lock()
        self._left = 0
        self._counted_at = 0.0

    def admit(self, connection: Connection, asked: int, room: Room) -> None:
        """Take ``asked`` places, or raise QueueFull.

        What is admitted and not stored after all is forgotten with the next count.
        """
        if not room.limit or not asked:
            return
        with self._lock:  # who waits here finds a fresh count
            fresh = time.monotonic() - self._counted_at < _GOOD_FOR
            if not fresh or asked > self._left:
                queued = self._queued(connection, room.bound)
                if queued + asked > room.bound:
                    raise QueueFull(limit=room.bound, queued=queued, asked=asked)
                self._left = (room.limit - queued) // _SHARE
                self._counted_at = time.monotonic()
            self._left -= asked

    def _queued(self, connection: Connection, limit: int) -> int:
        at_rest, held = connection.execute(self._count, {"bound": limit + 1}).one()
        return int(at_rest + held)

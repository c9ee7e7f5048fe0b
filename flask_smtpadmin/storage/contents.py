"""How long what messages said is kept once they have ended, and what becomes of them after that.

``RETENTION_SENT`` is for those that were sent, or what their type wants instead; ``RETENTION_DEAD``
for those that failed or were stopped, which a person may try again until then. What was caught
stays: it waits for somebody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.rows import RETRYABLE
from flask_smtpadmin.core.states import FINAL, State
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.standing import settled

#: Messages that one step looks at.
BATCH: Final = 500
#: What was sent a moment ago may be in a transaction that nobody sees yet.
_MARGIN: Final = timedelta(seconds=60)
#: Nothing happens to these by itself, and not all of their recipients have them.
_FAILED: Final[tuple[State, ...]] = tuple(
    state for state in FINAL if state not in {"sent", "caught"}
)


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days contents are kept; None: for ever, 0: not at all.

    Of what was sent ``by_type`` says it for messages of these types, ``sent`` for all others;
    ``failed`` for what was not sent. ``attempts``: for how many days those are kept.
    """

    sent: int | None = None
    by_type: Mapping[str, int | None] = field(default_factory=dict)
    failed: int | None = None
    attempts: int | None = None

    def of(self, state: State, kind: str | None) -> int | None:
        """Return the days for messages of a type that ended in ``state``."""
        if state != "sent":
            return self.failed
        return self.by_type.get(kind, self.sent) if kind is not None else self.sent

    @property
    def spans(self) -> list[tuple[State, int]]:
        """Every state, and a number of days that some messages in it are kept for."""
        sent = {days for days in (self.sent, *self.by_type.values()) if days is not None}
        failed = [] if self.failed is None else [(state, self.failed) for state in _FAILED]
        return [*(("sent", days) for days in sorted(sent)), *failed]


class Contents:
    """Removes the contents of messages that ended long ago, a little at a time.

    It goes through each state in the order of time, once for each span, and remembers how far it
    came for as long as the process lives.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._message = database.models.table("Message")
        self._content = database.models.table("Content")
        self._keep = Keep()
        self._seen: dict[tuple[State, int], tuple[datetime, int]] = {}

    def prune(self, keep: Keep, now: datetime, *, most: int = 1) -> None:
        """Remove contents older than ``keep`` says, in ``most`` steps for each span of time."""
        if keep != self._keep:
            self._keep, self._seen = keep, {}
        for span in keep.spans:
            before = now - timedelta(days=span[1]) - _MARGIN
            for _ in range(most):
                if not self._step(span, before):
                    break

    def _step(self, span: tuple[State, int], before: datetime) -> bool:
        """Look at some of what ended until ``before``; False: that was all."""
        state, days = span
        with self._database.read() as connection:
            rows = self._next(connection, span, before)
            numbers = [row.id for row in rows if self._keep.of(state, row.type) == days]
            held = sa.select(self._content.c.id).where(self._content.c.id.in_(numbers))
            found = list(connection.execute(held).scalars()) if numbers else []
        if found:
            self._remove(found, state)
        if rows:
            self._seen[span] = rows[-1].state_at, rows[-1].id
        return len(rows) == BATCH

    def _remove(self, numbers: Collection[int], state: State) -> None:
        """Remove the contents of those of ``numbers`` that nobody tries again meanwhile."""
        message, content = self._message.c, self._content
        still = sa.select(message.id).where(message.id.in_(numbers), message.state == state)
        with self._database.write() as connection:
            over = list(connection.execute(still.with_for_update()).scalars())
            connection.execute(sa.delete(content).where(content.c.id.in_(over)))

    def _next(
        self, connection: Connection, span: tuple[State, int], before: datetime
    ) -> Sequence[Any]:
        columns = self._message.c
        query = sa.select(columns.id, columns.type, columns.state_at).where(
            columns.state == span[0], *settled(self._message), columns.state_at <= before
        )
        if span in self._seen:
            moment, number = self._seen[span]
            later = sa.or_(columns.state_at > moment, columns.id > number)
            query = query.where(columns.state_at >= moment, later)
        query = query.order_by(columns.state_at, columns.id).limit(BATCH)
        return connection.execute(query).all()


def lost(connection: Connection, models: Models, numbers: Collection[int]) -> set[int]:
    """Return those of ``numbers`` that can be tried again no more, for their content is gone.

    All that could be are locked: theirs stay as they are until the transaction ends.
    """
    message = models.table("Message").c
    ended = sa.select(message.id).where(message.id.in_(numbers), message.state.in_(RETRYABLE))
    found = set(connection.execute(ended.with_for_update()).scalars())
    for name in ("Content", "Sealed"):
        if found:
            body = models.table(name).c
            kept = connection.execute(sa.select(body.id).where(body.id.in_(found)))
            found -= set(kept.scalars())
    return found

"""What pages, CLI and API do with messages that are in the table already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.errors import NotFound, WrongState
from flask_smtpadmin.core.rows import (
    CANCELLABLE,
    DELETABLE,
    HURRYABLE,
    RETRYABLE,
    Detail,
    Filter,
    Page,
)
from flask_smtpadmin.core.states import STATES, State
from flask_smtpadmin.storage import listing
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.listing import known_id
from flask_smtpadmin.storage.standing import in_states
from flask_smtpadmin.storage.transitions import move

#: Rows changed or removed in one transaction of a wide action.
CHUNK: Final = 500


class Queue:
    """Reads and admin verbs of one app's messages.

    Args:
        database: connections of our own.
        wake: called after a commit that made mail due.
    """

    def __init__(self, database: Database, *, wake: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._wake = wake
        self._message = database.models.table("Message")
        self._recipient = database.models.table("Recipient")
        self._content = database.models.table("Content")

    def list(
        self, wanted: Filter | None = None, cursor: str | None = None, per_page: int = 25
    ) -> Page:
        """Return one page, newest first; a cursor that makes no sense gives the first page."""
        with self._database.read() as connection:
            return listing.page(
                connection, self._database.models, wanted or Filter(), cursor, per_page
            )

    def get(self, number: int) -> Detail:
        """Return one message with recipients and attempts.

        Raises:
            NotFound: there is none with this id.
        """
        with self._database.read() as connection:
            return listing.detail(connection, self._database.models, known_id(number))

    def states(self, numbers: Sequence[int]) -> dict[int, State]:
        """Return the state of each of ``numbers`` that is there."""
        table = self._message
        query = sa.select(table.c.id, table.c.state).where(table.c.id.in_(numbers))
        with self._database.read() as connection:
            return {row.id: row.state for row in connection.execute(query)}

    def content(self, number: int) -> bytes | None:
        """Return the stored bytes (all but the sender block), None when they were wiped."""
        query = sa.select(self._content.c.body).where(self._content.c.id == known_id(number))
        with self._database.read() as connection:
            body: bytes | None = connection.execute(query).scalar()
        return None if body is None else bytes(body)

    def counts(self) -> dict[State, int]:
        """Return how many messages are in each state, 0 included."""
        state = self._message.c.state
        count, worker = sa.select(sa.func.count()), self._message.c.worker_id
        at_rest = sa.select(state, sa.func.count()).where(worker.is_(None)).group_by(state)
        with self._database.read() as connection:
            found = {row[0]: row[1] for row in connection.execute(at_rest)}
            found["sending"] = connection.execute(count.where(worker.is_not(None))).scalar_one()
        return {name: found.get(name, 0) for name in STATES}

    def retry(self, number: int) -> State:
        """Start a message over, or send one that waits now; return its state.

        What ended (dead, uncertain, expired, partial, cancelled, caught) is queued again with
        failures 0, for the recipients that no server accepted. What waits (queued, scheduled,
        retrying) becomes due at once and keeps its failures.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is being sent, or was sent to everybody.
        """
        with self._database.write() as connection:
            chosen = [known_id(number)]
            if not self._start_over(connection, chosen) and not self._hurry(connection, chosen):
                raise self._refusal(connection, number, "retry")
            state = self._state(connection, number)
        self._wake()
        return state

    def retry_all(self, wanted: Filter) -> int:
        """Start over every message that ``wanted`` means and that has ended; return how many."""
        count = self._in_chunks(wanted, RETRYABLE, self._start_over)
        if count:
            self._wake()
        return count

    def cancel(self, number: int) -> State:
        """Stop a message that waits; return its state.

        Raises:
            NotFound: there is none with this id.
            WrongState: it does not wait.
        """
        with self._database.write() as connection:
            if not self._cancel(connection, [known_id(number)]):
                raise self._refusal(connection, number, "cancel")
        return "cancelled"

    def cancel_all(self, wanted: Filter) -> int:
        """Stop every message that ``wanted`` means and that waits; return how many."""
        return self._in_chunks(wanted, CANCELLABLE, self._cancel)

    def mark_sent(self, number: int) -> State:
        """Settle an uncertain message as sent; return its state.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is not uncertain.
        """
        done = move(self._message, "sent", utcnow(), came_from=("uncertain",))
        with self._database.write() as connection:
            settled = connection.execute(done.where(self._message.c.id == known_id(number)))
            if not settled.rowcount:
                raise self._refusal(connection, number, "mark-sent")
        return "sent"

    def delete(self, number: int) -> None:
        """Remove a message with everything that belongs to it.

        Raises:
            NotFound: there is none with this id.
            WrongState: a worker holds it.
        """
        with self._database.write() as connection:
            if not self._delete(connection, [known_id(number)]):
                raise self._refusal(connection, number, "delete")

    def delete_all(self, wanted: Filter) -> int:
        """Remove every message that ``wanted`` means, but those being sent; return how many."""
        return self._in_chunks(wanted, DELETABLE, self._delete)

    def purge(self, *, state: State | None = None, before: datetime | None = None) -> int:
        """Remove messages for good and return how many.

        Args:
            state: only those in this state; None: those that ended, in any way.
            before: only those in their state since before this aware time.
        """
        until = None if before is None else before.astimezone(UTC).replace(tzinfo=None)
        states = listing.ENDED if state is None else (state,)
        chosen = tuple(name for name in states if name in DELETABLE)
        return self._in_chunks(Filter(), chosen, self._delete, until=until)

    def _start_over(self, connection: Connection, numbers: Sequence[int]) -> int:
        now = utcnow()
        meant = self._message.c.id.in_(numbers)
        released = sa.update(self._message).where(meant, self._message.c.state == "caught")
        connection.execute(released.values(cleared=True))
        again = (
            move(self._message, "queued", now, came_from=RETRYABLE)
            .where(meant)
            .values(
                due_at=now,
                run_at=now,
                waiting_for=None,
                failures=0,
                crashes=0,
                expires_at=None,
                worker_id=None,
                lease_token=None,
                lease_until=None,
            )
        )
        count = connection.execute(again).rowcount
        if count:
            rest = sa.update(self._recipient).where(
                self._recipient.c.message.in_(self._queued_among(numbers)),
                self._recipient.c.state.in_(("refused", "unknown")),
            )
            connection.execute(rest.values(state="pending"))
        return count

    def _queued_among(self, numbers: Sequence[int]) -> sa.Select[Any]:
        """Choose those of ``numbers`` that are queued: a second retry finds nothing to change."""
        table = self._message
        return sa.select(table.c.id).where(table.c.id.in_(numbers), table.c.state == "queued")

    def _hurry(self, connection: Connection, numbers: Sequence[int]) -> int:
        table = self._message
        now = utcnow()
        due = sa.update(table).where(table.c.id.in_(numbers), table.c.state.in_(HURRYABLE))
        since = sa.case((table.c.due_at > now, now), else_=table.c.due_at)  # send_at is void
        return connection.execute(due.values(run_at=now, due_at=since, waiting_for=None)).rowcount

    def _cancel(self, connection: Connection, numbers: Sequence[int]) -> int:
        stopped = move(self._message, "cancelled", utcnow(), came_from=CANCELLABLE)
        stopped = stopped.where(self._message.c.id.in_(numbers))
        return connection.execute(stopped.values(run_at=None, waiting_for=None)).rowcount

    def _delete(self, connection: Connection, numbers: Sequence[int]) -> int:
        """Remove what no worker holds; children by hand, SQLite cascades only when told to."""
        table = self._message
        held = sa.select(table.c.id).where(table.c.id.in_(numbers), table.c.state.in_(DELETABLE))
        free = list(connection.execute(held.with_for_update()).scalars())
        if not free:
            return 0
        for name in ("Attempt", "Recipient"):
            child = self._database.models.table(name)
            connection.execute(sa.delete(child).where(child.c.message.in_(free)))
        connection.execute(sa.delete(self._content).where(self._content.c.id.in_(free)))
        return connection.execute(sa.delete(table).where(table.c.id.in_(free))).rowcount

    def _in_chunks(
        self,
        wanted: Filter,
        states: Iterable[State],
        action: Callable[[Connection, Sequence[int]], int],
        *,
        until: datetime | None = None,
    ) -> int:
        """Apply ``action`` to all that match, oldest first, one short transaction after another."""
        table = self._message
        query = sa.select(table.c.id).where(in_states(table, tuple(states)))
        query = query.where(*listing.conditions(self._database.models, wanted, utcnow()))
        if until is not None:
            query = query.where(table.c.state_at < until)
        query = query.order_by(table.c.id).limit(CHUNK)
        done, last = 0, 0
        while True:
            with self._database.write() as connection:
                found = connection.execute(query.where(table.c.id > last)).scalars()
                numbers: Sequence[int] = list(found)
                done += action(connection, numbers) if numbers else 0
            if len(numbers) < CHUNK:
                return done
            last = numbers[-1]

    def _state(self, connection: Connection, number: int) -> State:
        query = sa.select(self._message.c.state).where(self._message.c.id == number)
        state: State | None = connection.execute(query).scalar()
        if state is None:
            raise NotFound("message", number)
        return state

    def _refusal(self, connection: Connection, number: int, action: str) -> WrongState:
        return WrongState(action, self._state(connection, number))

"""What pages, CLI and API do with messages that are in the table already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.audit_details import filtered
from flask_smtpadmin.core.deeds import Deed, Tally
from flask_smtpadmin.core.errors import ContentWiped, NotFound, WrongState
from flask_smtpadmin.core.history import REPLAYED
from flask_smtpadmin.core.rows import CANCELLABLE, DELETABLE, HURRYABLE, RETRYABLE, Filter
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.core.states import STATES, State
from flask_smtpadmin.storage import listing
from flask_smtpadmin.storage.contents import lost
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.hours import Hours
from flask_smtpadmin.storage.listing import known_id
from flask_smtpadmin.storage.matching import Meaning
from flask_smtpadmin.storage.notes import Note, unkept
from flask_smtpadmin.storage.reader import Reader
from flask_smtpadmin.storage.sealed import Sealed
from flask_smtpadmin.storage.standing import in_states
from flask_smtpadmin.storage.transitions import move, start_over
from flask_smtpadmin.storage.walk import Walk, one_of

#: Rows changed or removed in one transaction of a wide action.
CHUNK: Final = 500
_CAUGHT: Final[tuple[State]] = ("caught",)


class Queue(Reader):
    """Reads and admin verbs of one app's messages.

    Args:
        database: connections of our own.
        wake: called after a commit that made mail due.
        note: keeps the audit trail.
    """

    def __init__(
        self, database: Database, *, wake: Callable[[], None] = lambda: None, note: Note = unkept
    ) -> None:
        super().__init__(database)
        self._wake = wake
        self._note = note
        self._recipient = database.models.table("Recipient")
        self._hours = Hours(database.models)
        self._sealed = Sealed(database.models)

    def retry(self, number: int) -> State:
        """Start a message over, or send one that waits now; return its state.

        What ended (dead, uncertain, expired, partial, cancelled, caught) is queued again with
        failures 0, for the recipients that no server accepted. What waits (queued, scheduled,
        retrying) becomes due at once and keeps its failures.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is being sent, or was sent to everybody.
            ContentWiped: what it said is no longer kept.
        """
        with self._database.write() as connection:
            chosen = [known_id(number)]
            if not self._start_over(connection, chosen) and not self._hurry(connection, chosen):
                raise self._refusal(connection, number, "retry")
            state = self._state(connection, number)
            self._note(connection, "message.retry", f"message:{number}")
        self._wake()
        return state

    def retry_all(self, wanted: Filter) -> int:
        """Start over every message that ``wanted`` means and that has ended; return how many."""
        count = self._in_chunks("retry", wanted, self._start_over)
        if count:
            self._wake()
        return count

    def release(self, number: int) -> State:
        """Let a caught message go out, whatever MODE is; return its state.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is not caught.
        """
        with self._database.write() as connection:
            if not self._release(connection, [known_id(number)]):
                raise self._refusal(connection, number, "release")
            self._note(connection, "message.release", f"message:{number}")
        self._wake()
        return "queued"

    def release_all(self, wanted: Filter) -> int:
        """Let every caught message that ``wanted`` means go out; return how many."""
        count = self._in_chunks("release", wanted, self._release)
        if count:
            self._wake()
        return count

    def replay(self, cause: str) -> int:
        """Start over what became dead or uncertain for ``cause`` in 24 hours; return how many.

        ``NO_CAUSE`` means those without one.
        """
        return sum(
            self.retry_all(Filter(state=state, cause=cause, range="today")) for state in REPLAYED
        )

    def cancel(self, number: int) -> State:
        """Stop a message that waits; return its state.

        Raises:
            NotFound: there is none with this id.
            WrongState: it does not wait.
        """
        with self._database.write() as connection:
            if not self._cancel(connection, [known_id(number)]):
                raise self._refusal(connection, number, "cancel")
            self._note(connection, "message.cancel", f"message:{number}")
        return "cancelled"

    def cancel_all(self, wanted: Filter) -> int:
        """Stop every message that ``wanted`` means and that waits; return how many."""
        return self._in_chunks("cancel", wanted, self._cancel)

    def mark_sent(self, number: int) -> State:
        """Settle an uncertain message as sent; return its state.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is not uncertain.
        """
        now = utcnow()
        done = move(self._message, "sent", now, came_from=("uncertain",))
        with self._database.write() as connection:
            left = self._hours.left(connection, [known_id(number)], now)
            settled = connection.execute(done.where(self._message.c.id == number))
            if not settled.rowcount:
                raise self._refusal(connection, number, "mark-sent")
            self._hours.add_at(connection, left)
            self._hours.add(connection, {("sent", ""): 1}, now)
            self._sealed.wipe(connection, [number])
            self._note(connection, "message.mark_sent", f"message:{number}")
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
            self._note(connection, "message.delete", f"message:{number}")

    def delete_all(self, wanted: Filter) -> int:
        """Remove every message that ``wanted`` means, but those being sent; return how many."""
        return self._in_chunks("delete", wanted, self._delete)

    def purge(self, *, state: State | None = None, before: datetime | None = None) -> int:
        """Remove messages for good and return how many.

        Args:
            state: only those in this state; None: those that ended, in any way.
            before: only those in their state since before this aware time.
        """
        until = None if before is None else before.astimezone(UTC).replace(tzinfo=None)
        states = listing.ENDED if state is None else (state,)
        chosen = [in_states(self._message, tuple(name for name in states if name in DELETABLE))]
        if until is not None:
            chosen.append(self._message.c.state_at < until)
        told = {"state": state or "ended", "before": before and before.isoformat()}
        return self._in_chunks("purge", Filter(state=state), self._delete, *chosen, told=told)

    def send_via(self, number: int, server: str) -> State:
        """Send a message through ``server``, now: one that waits, or one that ended.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is being sent, or was sent to everybody.
        """
        chosen = [known_id(number)]
        with self._database.write() as connection:
            if not self._start_over(connection, chosen) and not self._hurry(connection, chosen):
                raise self._refusal(connection, number, "send-via")
            self._pin(connection, chosen, server)
            state = self._state(connection, number)
            told = {"server": server}
            self._note(connection, "message.send_via", f"message:{number}", told)
        self._wake()
        return state

    def let_go(self, server: str) -> int:
        """Let mail that waits for ``server`` alone go through any other; return how many."""
        table, waiting = self._message, Filter(state="waiting", server=server)

        def free(connection: Connection, numbers: Sequence[int]) -> int:
            chosen = (table.c.id.in_(numbers), table.c.server_key == server)
            parked = sa.case(
                (table.c.waiting_for.is_not(None), table.c.due_at), else_=table.c.run_at
            )
            update = sa.update(table).where(*chosen, table.c.state.in_(HURRYABLE))
            update = update.values(server_key=None, run_at=parked, waiting_for=None)
            return connection.execute(update).rowcount

        count = self._in_chunks("let_go", waiting, free)
        if count:
            self._wake()
        return count

    def link(
        self, connection: Connection, old: int, new: int, action: str = "resend", **told: Any
    ) -> None:
        """Note in the caller's transaction that ``new`` is ``old``, sent again."""
        table = self._message
        connection.execute(sa.update(table).where(table.c.id == new).values(resent_from=old))
        self._note(connection, f"message.{action}", f"message:{old}", {"as_message": new, **told})

    def next_chunk(
        self, wanted: Filter, after: int, max_id: int, *also: sa.ColumnElement[bool]
    ) -> tuple[Sequence[int], int | None]:
        """Return the ids of the next messages that match, oldest first, and where to go on.

        Args:
            wanted: which messages are meant.
            after: those with a greater id only.
            max_id: those with an id up to this one only.
            also: what else must hold.
        """
        models = self._database.models
        with self._database.read() as connection:
            meaning = Meaning.of(models, wanted, utcnow(), connection.dialect.name)
            walk = Walk(connection, meaning, back=True, beyond=after, within=(1, max_id))
            return listing.some_ids(walk, CHUNK, *also)

    def do(self, connection: Connection, deed: Deed, numbers: Sequence[int]) -> Tally:
        """Do ``deed`` with messages in the caller's transaction; return what they were before."""
        table = self._message
        over = listing.is_over(table, utcnow())
        query = sa.select(table.c.id, table.c.state, over).where(
            one_of(table.c.id, numbers, connection.dialect.name), in_states(table, STATES)
        )
        counts: Counter[tuple[State, bool]] = Counter()
        fit = {}
        for row in connection.execute(query.with_for_update()):
            counts[row[1], bool(row[2])] += 1
            if row[1] in deed.states and not (row[2] and deed.spares_expired):
                fit[row[0]] = row[1], bool(row[2])
        gone = lost(connection, self._database.models, list(fit)) if deed.sends and fit else set()
        counts.subtract(fit.pop(number) for number in gone)
        if fit:
            self._do(connection, deed, list(fit))
        return Tally(counts, lost=len(gone))

    def together(self, deed: Deed, numbers: Sequence[int]) -> int:
        """Do a deed's action with those of ``numbers`` that allow it; return how many.

        One transaction and one entry in the audit trail; the deed's filter means nothing here.
        """
        chosen = [number for number in numbers if 0 < number <= LARGEST_ID]
        parts = [chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK)]
        with self._database.write() as connection:
            count = sum(self._do(connection, deed, part) for part in parts)
            if count:
                told = {"count": count, "server": deed.server, "chosen": chosen}
                self._note(connection, f"queue.{deed.action}", "queue", told)
        self._wake()
        return count

    def _do(self, connection: Connection, deed: Deed, numbers: Sequence[int]) -> int:
        if deed.action == "cancel":
            return self._cancel(connection, numbers)
        if deed.action == "delete":
            return self._delete(connection, numbers)
        if deed.action == "release":
            return self._release(connection, numbers)
        count = self._hurry(connection, numbers) + self._start_over(connection, numbers)
        if deed.server is not None:
            self._pin(connection, numbers, deed.server)
        return count

    def _pin(self, connection: Connection, numbers: Sequence[int], server: str) -> None:
        table = self._message
        waits = sa.update(table).where(table.c.id.in_(numbers), table.c.state.in_(HURRYABLE))
        connection.execute(waits.values(server_key=server))

    def _release(self, connection: Connection, numbers: Sequence[int]) -> int:
        table = self._message
        chosen = sa.select(table.c.id).where(table.c.id.in_(numbers), in_states(table, _CAUGHT))
        caught = list(connection.execute(chosen.with_for_update()).scalars())
        return self._start_over(connection, caught) if caught else 0

    def _start_over(self, connection: Connection, numbers: Sequence[int]) -> int:
        now = utcnow()
        gone = lost(connection, self._database.models, numbers)
        numbers = [number for number in numbers if number not in gone]
        meant = self._message.c.id.in_(numbers)
        released = sa.update(self._message).where(meant, self._message.c.state == "caught")
        connection.execute(released.values(cleared=True))
        left = self._hours.left(connection, numbers, now, RETRYABLE)
        count = connection.execute(start_over(self._message, now).where(meant)).rowcount
        self._hours.add_at(connection, left)
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
        count = connection.execute(stopped.values(run_at=None, waiting_for=None)).rowcount
        self._sealed.wipe(connection, numbers)
        return count

    def _delete(self, connection: Connection, numbers: Sequence[int]) -> int:
        """Remove what no worker holds; children by hand, SQLite cascades only when told to."""
        table = self._message
        held = sa.select(table.c.id).where(table.c.id.in_(numbers), table.c.state.in_(DELETABLE))
        free = list(connection.execute(held.with_for_update()).scalars())
        if not free:
            return 0
        left = self._hours.left(connection, free, utcnow())
        for name in ("Attempt", "Recipient"):
            child = self._database.models.table(name)
            connection.execute(sa.delete(child).where(child.c.message.in_(free)))
        connection.execute(sa.delete(self._content).where(self._content.c.id.in_(free)))
        self._sealed.remove(connection, free)
        gone = connection.execute(sa.delete(table).where(table.c.id.in_(free))).rowcount
        self._hours.add_at(connection, left)
        return gone

    def _in_chunks(
        self,
        verb: str,
        wanted: Filter,
        action: Callable[[Connection, Sequence[int]], int],
        *also: sa.ColumnElement[bool],
        told: Mapping[str, Any] | None = None,
    ) -> int:
        """Apply ``action`` to all that match, oldest first, one short transaction after another.

        The audit trail tells of it in the last one and, where there are several, in the first one.
        """
        done, max_id, begun = 0, self.largest_id(), False
        after: int | None = 0
        told = told or {"filter": filtered(wanted)}
        while after is not None:
            numbers, after = self.next_chunk(wanted, after, max_id, *also)
            if not numbers and (after is not None or not begun):
                continue
            with self._database.write() as connection:
                done += action(connection, numbers) if numbers else 0
                if after is None and (done or begun):
                    self._note(connection, f"queue.{verb}", "queue", {**told, "count": done})
                elif done and not begun:
                    begun = True
                    self._note(connection, f"queue.{verb}", "queue", {**told, "begun": True})
        return done

    def _state(self, connection: Connection, number: int) -> State:
        query = sa.select(self._message.c.state).where(self._message.c.id == number)
        state: State | None = connection.execute(query).scalar()
        if state is None:
            raise NotFound("message", number)
        return state

    def _refusal(self, connection: Connection, number: int, action: str) -> WrongState:
        state = self._state(connection, number)
        from_here = _CAUGHT if action == "release" else RETRYABLE
        wiped = action in {"retry", "send-via", "release"} and state in from_here
        return ContentWiped(action, state) if wiped else WrongState(action, state)

"""The way in: messages become rows, in the caller's transaction or in one of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from flask_smtpadmin.core.errors import QueueUnavailable
from flask_smtpadmin.core.queued import Batch, Entry, Flow, QueuedMessage, Terms
from flask_smtpadmin.storage import joining
from flask_smtpadmin.storage.admission import ANY_ROOM, Admission, Room
from flask_smtpadmin.storage.database import Database, schema_errors, utcnow
from flask_smtpadmin.storage.inserts import Inserts

#: How often a batch with keys is tried when others keep taking the same keys.
_ROUNDS: Final = 5
#: Messages of a batch that writes much.
_MANY: Final = 100
#: The database is locked, out of reach or, with some drivers an "internal error", read-only.
_AWAY: Final = (InternalError, OperationalError)

#: Called with the messages that are new, once they are committed or once they never will be.
Callback = Callable[[list[QueuedMessage]], None]

#: The Message-ID of a message, and its idempotency key.
_Name: TypeAlias = tuple[str, str | None]

#: Called with the new messages inside the transaction that stores them.
Also = Callable[[Connection, list[QueuedMessage]], None]


def _nothing(_messages: list[QueuedMessage]) -> None:
    """Stand in for a callback that was not given."""


class Outbox:
    """Takes new messages into the table.

    Args:
        database: connections of our own, for messages that join nobody's transaction.
        seal: encrypts the content of the secret message with this Message-ID.
    """

    def __init__(self, database: Database, seal: Callable[[str, bytes], bytes]) -> None:
        self._database = database
        self._inserts = Inserts(database.models, seal)
        self._admission = Admission(database.models)
        self._message = database.models.table("Message")

    def add(
        self,
        batch: Batch,
        *,
        session: Session | None = None,
        room: Room = ANY_ROOM,
        committed: Callback = _nothing,
        undone: Callback = _nothing,
    ) -> list[QueuedMessage]:
        """Store ``batch``, all or none, and return its messages in the same order.

        Args:
            batch: what to store; a message whose key is known is not stored again.
            session: becomes part of this session's transaction, without flushing or expiring
                anything in it; None: committed before this returns.
            room: how many messages may wait in all.
            committed: called after the (outermost) commit with what is new; not for nothing.
            undone: called instead when the caller's transaction came to nothing.

        Raises:
            QueueFull: nothing was stored.
            QueueUnavailable: the database is locked, away or read-only; nothing was stored.
            SchemaMissing: the tables are not there.
            ConfigurationError: they are secret, and there is no key to encrypt them with.
        """
        if session is None:
            with self._own_transaction(batch) as connection:
                messages = self._store(connection, batch, room)
            new = [message for message in messages if message.created]
            if new:
                committed(new)
            return messages
        with _callers_errors(), schema_errors():
            connection = joining.connection_of(session, self._database.models.Message)
            messages = self._store(connection, batch, room)
        new = [message for message in messages if message.created]
        if new:
            joining.when_over(session, committed=lambda: committed(new), undone=lambda: undone(new))
        return messages

    def flows(self, count: int) -> bool:
        """Say whether so many messages are better stored by :meth:`add_flow`."""
        return self._inserts.flows(self._database.engine.dialect, count)

    def add_flow(
        self, flow: Flow, *, room: Room = ANY_ROOM, committed: Callback = _nothing
    ) -> list[QueuedMessage]:
        """Store what is being built in a transaction of its own, as :meth:`add` does.

        Few of the messages are in memory at a time; an error of building is the caller's, and
        nothing is stored then.
        """
        named: list[_Name] = []
        flow = replace(flow, entries=_built(flow.entries, named))
        try:
            with _taken(self._database), self._database.write(bounded=False) as way_in:
                self._admission.admit(way_in, flow.waiting, room)
                ids = self._inserts.run_flow(way_in, flow, utcnow())
        except _BuildingError as beside:
            raise beside.error from beside.error.__cause__
        messages = _queued(ids, named, flow.terms)
        committed(messages)
        return messages

    def add_with(
        self, batch: Batch, also: Also, *, room: Room = ANY_ROOM, committed: Callback = _nothing
    ) -> list[QueuedMessage]:
        """Store ``batch`` as :meth:`add` does, and do ``also`` in the same transaction."""
        with self._own_transaction(batch, more=True) as connection:
            messages = self._store(connection, batch, room)
            also(connection, messages)
        committed(messages)
        return messages

    @contextmanager
    def _own_transaction(self, batch: Batch, *, more: bool = False) -> Iterator[Connection]:
        database = self._database
        keyed = any(entry.key for entry in batch.entries)
        alone = not keyed and not more
        at_once = alone and self._inserts.in_one_statement(database.dialect, batch)
        # only with a key there may be somebody to wait for
        much = len(batch.entries) >= _MANY
        opened = database.write_at_once() if at_once else database.write(bounded=keyed, much=much)
        with _taken(database), opened as connection:
            yield connection

    def _store(self, connection: Connection, batch: Batch, room: Room) -> list[QueuedMessage]:
        entries = batch.entries
        if not any(entry.key for entry in entries):
            self._admission.admit(connection, batch.waiting, room)
            return self._insert(connection, batch)
        known = self._known_before(connection, entries)
        for _ in range(_ROUNDS):
            missing = replace(batch, entries=_first_of_each_key(entries, known))
            self._admission.admit(connection, missing.waiting, room)
            try:
                with _savepoint(connection):
                    created = self._insert(connection, missing)
            except IntegrityError:
                known |= self._known_now(connection, missing.entries)
            else:
                return _in_order(entries, missing.entries, created, known)
        raise QueueUnavailable("Others keep storing messages with the same keys; try again.")

    def _insert(self, connection: Connection, batch: Batch) -> list[QueuedMessage]:
        if not batch.entries:
            return []
        if batch.mixed:
            return self._insert_mixed(connection, batch)
        ids = self._inserts.run(connection, batch, utcnow())
        return _queued(ids, map(_name, batch.entries), batch.terms)

    def _insert_mixed(self, connection: Connection, batch: Batch) -> list[QueuedMessage]:
        stored: dict[int, QueuedMessage] = {}
        for part in batch.parts():
            made = self._insert(connection, part)
            stored |= {id(entry): one for entry, one in zip(part.entries, made, strict=True)}
        return [stored[id(entry)] for entry in batch.entries]

    def _known_before(
        self, connection: Connection, entries: Sequence[Entry]
    ) -> dict[str, QueuedMessage]:
        """Find the messages that have one of the keys already, by the key's digest."""
        if connection.dialect.name == "sqlite":
            # Take the write lock before looking: nobody can store one of the keys in between.
            connection.execute(sa.delete(self._message).where(sa.false()))
        return self._look_up(connection, entries)

    def _known_now(
        self, connection: Connection, entries: Sequence[Entry]
    ) -> dict[str, QueuedMessage]:
        """Find who was faster, even where the caller's snapshot is too old to show it."""
        known = self._look_up(connection, entries)
        with self._database.read() as fresh:
            return known | self._look_up(fresh, entries)

    def _look_up(
        self, connection: Connection, entries: Sequence[Entry]
    ) -> dict[str, QueuedMessage]:
        table = self._message
        digests = [entry.key_digest for entry in entries if entry.key]
        found: dict[str, QueuedMessage] = {}
        columns = (
            table.c.id,
            table.c.message_id,
            table.c.state,
            table.c.key,
            table.c.key_digest,
            table.c.run_at,
        )
        for start in range(0, len(digests), 500):
            chosen = table.c.key_digest.in_(digests[start : start + 500])
            query = sa.select(*columns).where(chosen)
            for row in connection.execute(query):
                found[row.key_digest] = QueuedMessage(
                    id=row.id,
                    message_id=row.message_id,
                    state=row.state,
                    key=row.key,
                    created=False,
                    next_try_at=_aware(row.run_at),
                )
        return found


@contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """Let a duplicate key fail alone.

    SQLite undoes just the failing statement, and its driver would commit at the release of an
    outermost savepoint; the write lock taken before makes a duplicate impossible there anyway.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    with connection.begin_nested():
        yield


def _name(entry: Entry) -> _Name:
    return entry.built.message_id, entry.key


def _queued(ids: Sequence[int], named: Iterable[_Name], terms: Terms) -> list[QueuedMessage]:
    """Return new messages as the caller gets them."""
    next_try_at = _aware(terms.run_at)
    return [
        QueuedMessage(
            id=number,
            message_id=message_id,
            state=terms.state,
            key=key,
            created=True,
            next_try_at=next_try_at,
        )
        for number, (message_id, key) in zip(ids, named, strict=True)
    ]


class _BuildingError(Exception):
    """Takes an error of who writes messages past those who would blame our database for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _built(entries: Iterator[Entry], named: list[_Name]) -> Iterator[Entry]:
    """Yield ``entries`` and note their names.

    What their author asks a database for may fail like a database of ours.
    """
    try:
        for entry in entries:
            named.append(_name(entry))
            yield entry
    except Exception as error:  # the app's own database may fail by the driver of ours
        raise _BuildingError(error) from error


@contextmanager
def _taken(database: Database) -> Iterator[None]:
    try:
        yield
    except (*_AWAY, PoolTimeout) as error:
        raise QueueUnavailable(
            f"The database did not take the message within {database.busy_timeout:g} s: "
            f"{_reason(error)}. If a transaction of your own holds the lock, pass its "
            "session, send(..., session=that_session), and the message becomes part of it."
        ) from error


@contextmanager
def _callers_errors() -> Iterator[None]:
    try:
        yield
    except _AWAY as error:
        raise QueueUnavailable(
            f"The database did not take the message: {_reason(error)}. The message was to become "
            "part of your session's transaction; roll that back and try again."
        ) from error


def _first_of_each_key(entries: Sequence[Entry], known: dict[str, QueuedMessage]) -> list[Entry]:
    """Return what is to be stored, by key: who waits for a key of another never holds a later one.

    Two batches that share keys would else wait for each other.
    """
    seen = set(known)
    missing = []
    for entry in entries:
        digest = entry.key_digest
        if digest is None or digest not in seen:
            missing.append(entry)
        if digest is not None:
            seen.add(digest)
    return sorted(missing, key=lambda entry: entry.key_digest or "")


def _in_order(
    entries: Sequence[Entry],
    stored: Sequence[Entry],
    created: Sequence[QueuedMessage],
    known: dict[str, QueuedMessage],
) -> list[QueuedMessage]:
    """Return a message for each entry: new, known before, or new with an earlier entry's key."""
    new = {id(entry): message for entry, message in zip(stored, created, strict=True)}
    known = dict(known)
    messages = []
    for entry in entries:
        message = new.get(id(entry)) or known[entry.key_digest or ""]
        messages.append(message)
        if entry.key_digest is not None:
            known.setdefault(entry.key_digest, replace(message, created=False))
    return messages


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _reason(error: Any) -> str:
    """Return the driver's own words, without the SQL and its parameters."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__

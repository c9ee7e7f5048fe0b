"""The INSERTs of the outbox: how messages become rows and get their numbers, one way per dialect.

PostgreSQL takes messages, contents and recipients in one statement, hence in one round trip; of
many messages some are built here while the server stores those before.
SQLite numbers the first message, which takes the write lock; nobody can come in between, so the
others follow it. Elsewhere, and for secret messages, SQLAlchemy asks for the numbers as the
database allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Dialect

from flask_smtpadmin.core.queued import Batch, Entry, Flow, Terms
from flask_smtpadmin.core.search import index_form
from flask_smtpadmin.core.secrecy import WIPED
from flask_smtpadmin.core.states import PRIORITIES
from flask_smtpadmin.storage.bulk import Bulk, Given, in_json, moment
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.pipeline import sends_ahead
from flask_smtpadmin.storage.transitions import entering

#: Messages that are in memory a second time while they are written.
CHUNK: Final = 1000
#: Bytes of their contents; a longer one is written alone.
CHUNK_BYTES: Final = 4 * 2**20
#: Of those, rows in one statement on SQLite.
_PIECE: Final = 128
#: Messages that PostgreSQL stores while as many are built.
_AHEAD: Final = 100

#: The columns of smtpadmin_message that differ within a batch, and those that do not.
_OWN: Final = (
    "message_id",
    "key",
    "key_digest",
    "subject",
    "sender",
    "envelope_from",
    "has_reply_to",
    "smtputf8",
    "eight_bit",
    "size",
    "recipients_total",
    "first_recipient",
)
_COMMON: Final = (
    "state",
    "state_at",
    "priority",
    "type",
    "server_key",
    "cleared",
    "on_uncertain",
    "secret",
    "created_at",
    "due_at",
    "run_at",
    "expires_at",
    "attempts",
    "failures",
    "crashes",
    "error",
)
_RECIPIENT: Final = ("message", "kind", "address", "sought", "state")
_PENDING: Final = "pending"

#: Stores messages with the values that they have in common, and returns their ids in order.
_Way: TypeAlias = Callable[[Connection, Sequence[Entry], dict[str, Any]], Sequence[int]]


class Inserts:
    """Stores messages with their contents and recipients.

    Args:
        models: the mapped tables.
        seal: encrypts the content of the message with this Message-ID.
    """

    def __init__(self, models: Models, seal: Callable[[str, bytes], bytes]) -> None:
        self._tables = [models.table(name) for name in ("Message", "Content", "Recipient")]
        self._sealed = models.table("Sealed")
        self._seal = seal
        message, content, recipient = self._tables
        self._everything = _everything(message, content, recipient)
        self._messages = _messages(message)
        self._contents = _rows(content, "id", "body")
        self._recipients = _rows(recipient, *_RECIPIENT)

    def run(self, connection: Connection, batch: Batch, now: datetime) -> list[int]:
        """Store ``batch``, at least one, and return the ids in its order; ``now`` naive UTC."""
        way, common = self._way(connection, batch.terms), _common(batch.terms, now)
        return [
            number for chunk in _chunks(batch.entries) for number in way(connection, chunk, common)
        ]

    def run_flow(self, connection: Connection, flow: Flow, now: datetime) -> list[int]:
        """Store ``flow`` as it is built, and return the ids in its order."""
        way, common = self._way(connection, flow.terms), _common(flow.terms, now)
        if way == self._with_everything:
            pieces = _chunks(flow.entries, _AHEAD)
            rows = self._everything.run_each(
                connection, (self._given(piece, common) for piece in pieces)
            )
            return [number for (number,) in rows]
        return [
            number for chunk in _chunks(flow.entries) for number in way(connection, chunk, common)
        ]

    def flows(self, dialect: Dialect, count: int) -> bool:
        """Say whether so many messages are better stored by :meth:`run_flow`.

        Never on SQLite, whose one lock would be held while they are built.
        """
        if dialect.name == "sqlite":
            return False
        return count > (_AHEAD if sends_ahead(dialect) else CHUNK)

    def in_one_statement(self, dialect: str, batch: Batch) -> bool:
        """Say whether :meth:`run` takes a single statement, which needs no transaction around."""
        at_once = dialect == "postgresql" and not (batch.mixed or batch.terms.secret)
        return at_once and len(next(_chunks(batch.entries))) == len(batch.entries)

    def _way(self, connection: Connection, terms: Terms) -> _Way:
        """Return how messages are stored on this database, with these terms."""
        if terms.secret:
            return self._sealing
        ways = {"postgresql": self._with_everything, "sqlite": self._after_the_first}
        return ways.get(connection.dialect.name, self._by_sqlalchemy)

    def _with_everything(
        self, connection: Connection, entries: Sequence[Entry], common: dict[str, Any]
    ) -> Sequence[int]:
        rows, shared = self._given(entries, common)
        return self._everything.execute(connection, rows, *shared).scalars().all()

    def _given(
        self, entries: Sequence[Entry], common: dict[str, Any]
    ) -> tuple[list[tuple[Any, ...]], tuple[Any, ...]]:
        """Return the rows and what they share for the statement that stores everything."""
        rows, start = [], 1
        for number, entry in enumerate(entries, 1):
            rows.append((number, *_own(entry), start))
            start += len(entry.built.content)
        contents = b"".join([entry.built.content for entry in entries])
        recipients = in_json(
            [
                (number, recipient.kind, recipient.address, index_form(recipient.address))
                for number, entry in enumerate(entries, 1)
                for recipient in entry.built.recipients
            ]
        )
        return rows, (*map(_text, common.values()), contents, recipients)

    def _after_the_first(
        self, connection: Connection, entries: Sequence[Entry], common: dict[str, Any]
    ) -> Sequence[int]:
        shared = [_text(value) for value in common.values()]
        first = self._messages.execute(connection, [(None, *_own(entries[0]))], *shared).lastrowid
        ids = range(first, first + len(entries))
        stored = list(zip(ids, entries, strict=True))
        if len(stored) > 1:
            rows = [(number, *_own(entry)) for number, entry in stored[1:]]
            self._messages.run(connection, rows, *shared)
        contents: list[Any] = [(number, entry.built.content) for number, entry in stored]
        self._contents.run(connection, contents)
        self._recipients.run(connection, list(_recipients(stored)))
        return ids

    def _by_sqlalchemy(
        self, connection: Connection, entries: Sequence[Entry], common: dict[str, Any]
    ) -> Sequence[int]:
        content = self._tables[1]
        bodies = [entry.built.content for entry in entries]
        return self._insert_all(connection, entries, common, content, bodies)

    def _sealing(
        self, connection: Connection, entries: Sequence[Entry], common: dict[str, Any]
    ) -> Sequence[int]:
        over = common["state"] in WIPED  # mail of a type that is switched off
        built = [] if over else [item.built for item in entries]
        bodies = [self._seal(one.message_id, one.content) for one in built]
        return self._insert_all(connection, entries, common, self._sealed, bodies)

    def _insert_all(
        self,
        connection: Connection,
        entries: Sequence[Entry],
        common: dict[str, Any],
        content: sa.Table,
        bodies: Sequence[bytes],
    ) -> Sequence[int]:
        message, _, recipient = self._tables
        rows = [dict(zip(_OWN, _own(entry), strict=True)) | common for entry in entries]
        in_order = connection.dialect.insert_executemany_returning_sort_by_parameter_order
        if len(rows) > 1 and in_order:
            many = sa.insert(message).returning(message.c.id, sort_by_parameter_order=True)
            ids = list(connection.execute(many, rows).scalars())
        else:
            ids = [_new_id(connection.execute(sa.insert(message), row)) for row in rows]
        stored = list(zip(ids, entries, strict=True))
        if bodies:
            pairs = zip(ids, bodies, strict=True)
            contents = [{"id": number, "body": body} for number, body in pairs]
            connection.execute(sa.insert(content), contents)
        recipients = [dict(zip(_RECIPIENT, row, strict=True)) for row in _recipients(stored)]
        connection.execute(sa.insert(recipient), recipients)
        return ids


def _chunks(entries: Iterable[Entry], most: int = CHUNK) -> Iterator[Sequence[Entry]]:
    """Cut ``entries`` into pieces that fit into memory."""
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.built.content)
        if chunk and (size > CHUNK_BYTES or len(chunk) == most):
            yield chunk
            chunk, size = [], len(entry.built.content)
        chunk.append(entry)
    yield chunk


def _own(entry: Entry) -> tuple[Any, ...]:
    """Return the values of ``_OWN``."""
    built = entry.built
    return (
        built.message_id,
        entry.key,
        entry.key_digest,
        built.subject[:255],
        built.sender,
        built.envelope_from,
        built.has_reply_to,
        built.smtputf8,
        built.eight_bit,
        len(built.content),
        len(built.recipients),
        built.recipients[0].address,
    )


def _common(terms: Terms, now: datetime) -> dict[str, Any]:
    """Return the values of ``_COMMON`` by name, in that order."""
    values = {
        **entering(terms.state, now),
        "priority": PRIORITIES[terms.priority],
        "type": terms.type,
        "server_key": terms.server,
        "cleared": terms.cleared,
        "on_uncertain": terms.on_uncertain,
        "secret": terms.secret,
        "created_at": now,
        "due_at": terms.run_at or now,
        "run_at": terms.run_at,
        "expires_at": terms.expires_at,
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
        "error": terms.error,
    }
    return {name: values[name] for name in _COMMON}


def _recipients(stored: Sequence[tuple[int, Entry]]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of ``_RECIPIENT``."""
    for number, entry in stored:
        for recipient in entry.built.recipients:
            address = recipient.address
            yield number, recipient.kind, address, index_form(address), _PENDING


def _text(value: Any) -> Any:
    return moment(value) if isinstance(value, datetime) else value


def _new_id(result: sa.CursorResult[Any]) -> int:
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101 - a single-row INSERT always has one
    return int(key[0])


def _messages(message: sa.Table) -> Bulk:
    """Store messages under numbers that were chosen for them; None: the next one."""

    def build(given: Given) -> sa.Executable:
        common: list[Any] = [sa.bindparam(name) for name in _COMMON]
        rows = sa.select(*given.values.values(), *common)
        return sa.insert(message).from_select([*given.values, *_COMMON], rows)

    return Bulk(build, _types(message, "id", *_OWN), _COMMON, _PIECE)


def _rows(table: sa.Table, *names: str) -> Bulk:
    def build(given: Given) -> sa.Executable:
        rows = sa.select(*given.values.values())
        return sa.insert(table).from_select(names, rows)

    return Bulk(build, _types(table, *names), piece=_PIECE)


def _everything(message: sa.Table, content: sa.Table, recipient: sa.Table) -> Bulk:
    """Store messages, contents and recipients, and return the numbers in order.

    The sequence numbers the rows as they are sorted; so the n-th smallest number is the n-th
    message's. The contents come as one value, cut at ``start``.
    """

    def build(given: Given) -> sa.Executable:
        common = [sa.cast(sa.bindparam(name), message.c[name].type) for name in _COMMON]
        rows = sa.select(*[given[name] for name in _OWN], *common).order_by(given["id"])
        new = sa.insert(message).from_select([*_OWN, *_COMMON], rows).returning(message.c.id)
        stored = new.cte("stored")
        place = sa.func.row_number().over(order_by=stored.c.id)
        numbered = sa.select(stored.c.id, place.label("place")).cte("numbered")
        contents = sa.cast(sa.bindparam("contents"), content.c.body.type)
        body = sa.func.substr(contents, given["start"], given["size"])
        bodies = sa.select(numbered.c.id, body).where(numbered.c.place == given["id"])
        return (
            sa.select(numbered.c.id)
            .order_by(numbered.c.id)
            .add_cte(sa.insert(content).from_select(["id", "body"], bodies).cte("content"))
            .add_cte(_unfolded_recipients(recipient, numbered).cte("recipient"))
        )

    columns = {**_types(message, "id", *_OWN), "start": sa.Integer()}
    return Bulk(build, columns, (*_COMMON, "contents", "recipients"))


def _unfolded_recipients(recipient: sa.Table, numbered: sa.CTE) -> sa.Insert:
    document = sa.cast(sa.bindparam("recipients", type_=sa.Text()), JSONB())
    elements = sa.func.jsonb_array_elements(document)
    one = elements.table_valued("value", with_ordinality="position", name="one").render_derived()
    item = [one.c.value.op("->>")(sa.literal_column(str(at))) for at in range(4)]
    rows = (
        sa.select(numbered.c.id, *item[1:], sa.literal_column(f"'{_PENDING}'"))
        .where(numbered.c.place == sa.cast(item[0], sa.Integer()))
        .order_by(one.c.position)
    )
    return sa.insert(recipient).from_select(_RECIPIENT, rows)


def _types(table: sa.Table, *names: str) -> dict[str, Any]:
    return {name: table.c[name].type for name in names}

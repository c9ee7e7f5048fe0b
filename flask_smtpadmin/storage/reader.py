"""What pages, CLI and API read of messages that are in the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from flask_smtpadmin.core.deeds import MOST_COUNTED, Tally
from flask_smtpadmin.core.mail.mime import Built
from flask_smtpadmin.core.rows import (
    Detail,
    Filter,
    MessageRow,
    Page,
)
from flask_smtpadmin.core.states import STATES, State
from flask_smtpadmin.storage import listing
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.listing import PATIENCE, known_id
from flask_smtpadmin.storage.standing import in_states
from flask_smtpadmin.storage.walk import one_of


class Reader:
    """Reads one app's messages.

    Args:
        database: connections of our own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._message = database.models.table("Message")
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

    def some(self, numbers: Sequence[int]) -> tuple[MessageRow, ...]:
        """Return those of ``numbers`` that are there, newest first."""
        if not numbers:
            return ()
        with self._database.read() as connection:
            return listing.some(connection, self._database.models, numbers)

    def neighbours(self, number: int, wanted: Filter) -> tuple[int | None, int | None]:
        """Return the ids of the next newer and older message that ``wanted`` means."""
        with self._database.read() as connection:
            models = self._database.models
            return listing.neighbours(connection, models, wanted, known_id(number))

    def states(self, numbers: Sequence[int]) -> dict[int, State]:
        """Return the state of each of ``numbers`` that is there."""
        table = self._message
        query = sa.select(table.c.id, table.c.state).where(table.c.id.in_(numbers))
        with self._database.read() as connection:
            return {row.id: row.state for row in connection.execute(query)}

    def content(self, number: int) -> bytes | None:
        """Return the stored bytes (all but the sender block), None when they were wiped.

        None for secret messages, too, whose bytes are elsewhere.
        """
        return self._body(self._content, number)

    def sealed(self, number: int) -> bytes | None:
        """Return the encrypted bytes of a secret message, None when they were wiped."""
        return self._body(self._database.models.table("Sealed"), number)

    def _body(self, table: sa.Table, number: int) -> bytes | None:
        query = sa.select(table.c.body).where(table.c.id == known_id(number))
        with self._database.read() as connection:
            body: bytes | None = connection.execute(query).scalar()
        return None if body is None else bytes(body)

    def stored(self, number: int) -> Built | None:
        """Return a message as it was stored, sealed if it is secret; None: its content was wiped.

        Raises:
            NotFound: there is none with this id.
        """
        with self._database.read() as connection:
            return listing.stored(connection, self._database.models, known_id(number))

    def counts(self, *states: State, most: int = MOST_COUNTED) -> dict[State, int]:
        """Return how many messages are in each state, or in those of ``states``; 0 included.

        More than ``most`` of a state are not counted: ``most`` + 1 stands for them.
        """
        table, names = self._message, states or STATES
        bounded = (
            sa.select(table.c.id).where(in_states(table, (name,))).limit(most + 1).subquery()
            for name in names
        )
        counts = (sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in bounded)
        with self._database.read() as connection:
            row = connection.execute(sa.select(*counts)).one()
        return dict(zip(names, row, strict=True))

    def tally(
        self, wanted: Filter, *, most: int = MOST_COUNTED, patience: float = PATIENCE
    ) -> Tally:
        """Count what ``wanted`` means by state, up to ``most`` and for so many seconds.

        Raises:
            InvalidSearch: ``wanted.q`` cannot be meant.
        """
        with self._database.read() as connection:
            return listing.tally(connection, self._database.models, wanted, most, patience)

    def addressees(self, numbers: Sequence[int], *, most: int) -> tuple[tuple[str, ...], int]:
        """Return some of the people that these messages are for, and how many there are."""
        table = self._database.models.table("Recipient")
        with self._database.read() as connection:
            among = one_of(table.c.message, numbers, connection.dialect.name)
            people = sa.select(table.c.address).where(among).distinct()
            total = connection.execute(sa.select(sa.func.count()).select_from(people.subquery()))
            names = connection.execute(people.order_by(table.c.address).limit(most)).scalars()
            return tuple(names), total.scalar_one()

    def largest_id(self) -> int:
        """Return the id of the newest message, 0 when there is none."""
        with self._database.read() as connection:
            newest = connection.execute(sa.select(sa.func.max(self._message.c.id))).scalar()
        return int(newest or 0)

    def export(self, wanted: Filter) -> Iterator[MessageRow]:
        """Yield all messages that ``wanted`` means, newest first, read some hundred at a time."""
        cursor: str | None = None
        while True:
            page = self.list(wanted, cursor, listing.MAX_PER_PAGE)
            yield from page.messages
            cursor = page.next
            if cursor is None:
                return

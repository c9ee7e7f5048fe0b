"""What a filter means: the condition that rows fulfil, and the indexes that lead to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from flask_smtpadmin.core.queued import digest
from flask_smtpadmin.core.rows import NO_CAUSE, Filter, Range
from flask_smtpadmin.core.search import Kind, Term
from flask_smtpadmin.core.states import FINAL, STATES, State
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.standing import in_states, settled

#: ``today`` is the last 24 hours: the same for every viewer's time zone, and as on the tiles.
_SPANS: Final[dict[Range, timedelta]] = {
    "today": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
#: The column that has exactly the value, and how the value is read.
_EQUAL: Final[dict[Kind, tuple[str, Callable[[str], str | int]]]] = {
    "id": ("id", int),
    "message_id": ("message_id", str),
    "cause": ("cause", str),
    "type": ("type", str),
    "key": ("key_digest", digest),
}
#: The columns of which one contains the value.
_COLUMNS_OF: Final[dict[Kind, tuple[str, ...]]] = {
    "from": ("sender",),
    "subject": ("subject",),
    "error": ("error",),
    "words": ("subject", "error", "first_recipient", "message_id", "key"),
}


@dataclass(frozen=True, slots=True)
class Arm:
    """Rows that one index has together: a condition, and the column with the messages' ids.

    ``little``: a handful whose index does not have them by id, as what workers hold.
    """

    number: sa.Column[Any]
    conditions: tuple[sa.ColumnElement[bool], ...]
    little: bool = False

    def all(self) -> sa.Select[Any]:
        """Return the SELECT of all ids, in no order, as ``number``."""
        return sa.select(self.number.label("number")).where(*self.conditions)

    def next(self, low: int, high: int, most: int, *, back: bool) -> sa.Select[Any]:
        """Return the SELECT of the highest ids (with ``back``: the lowest) from ``low`` on."""
        if self.little:  # an expression: no planner goes through all ids for it
            return self.all().where((self.number + 0).between(low, high))
        order = self.number.asc() if back else self.number.desc()
        return self.all().where(self.number.between(low, high)).order_by(order).limit(most)


@dataclass(frozen=True, slots=True)
class Way:
    """Indexes that together lead to all that one part of a filter means.

    ``ordered``: each arm can be read in the order of ids. ``wide``: of many rows as a rule.
    """

    arms: tuple[Arm, ...]
    ordered: bool = True
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """A filter, understood once for several statements.

    Attributes:
        models: the tables.
        wanted: the filter.
        terms: its search.
        now: naive UTC.
        dialect: of the database.
    """

    models: Models
    wanted: Filter
    terms: tuple[Term, ...]
    now: datetime
    dialect: str

    @classmethod
    def of(cls, models: Models, wanted: Filter, now: datetime, dialect: str) -> Meaning:
        """Read ``wanted``; raises InvalidSearch."""
        return cls(models, wanted, wanted.terms, now, dialect)

    @property
    def impossible(self) -> bool:
        """Whether no row can match: no text holds a null character, and PostgreSQL refuses it."""
        return "\0" in f"{self.wanted.q}{self.wanted.type}{self.wanted.server}{self.wanted.cause}"

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """From when on and until before when messages were created, naive UTC."""
        after = [_naive(term) for term in self.terms if term.kind == "after"]
        before = [_naive(term) for term in self.terms if term.kind == "before"]
        return max(after, default=None), min(before, default=None)

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return what a row of ``smtpadmin_message`` must fulfil."""
        if self.impossible:
            return [sa.false()]
        table, wanted = self.models.table("Message"), self.wanted
        found: list[sa.ColumnElement[bool]] = []
        if wanted.states:
            found.append(in_states(table, wanted.states))
        if wanted.type:
            found.append(table.c.type == wanted.type)
        if wanted.server:
            found.append(_at(table, wanted.server))
        if wanted.cause:
            unknown = wanted.cause == NO_CAUSE
            cause = table.c.cause
            found.append(cause.is_(None) if unknown else cause == wanted.cause)
        if wanted.range:
            found.append(table.c.state_at >= self.now - _SPANS[wanted.range])
        return found + [self._holds(term) for term in self.terms]

    def ways(self) -> list[Way]:
        """Return the indexes that lead to the rows, the ones likely to have fewest first."""
        found = [way for term in self.terms if (way := self._way_of(term))]
        wanted = self.wanted
        if wanted.server:
            found.append(self._way_of_server(wanted.server))
        if wanted.states:
            found.append(self._way_of_states(wanted.states))
        if wanted.type:
            found.append(self._way_of_type(wanted.type))
        if wanted.range:
            found.append(self._way_of_range(wanted.states, self.now - _SPANS[wanted.range]))
        return sorted(found, key=lambda way: way.wide)

    def _holds(self, term: Term) -> sa.ColumnElement[bool]:
        table, value = self.models.table("Message"), term.value
        if term.kind in _EQUAL:
            name, read = _EQUAL[term.kind]
            return table.c[name] == read(value)
        if term.kind in _COLUMNS_OF:
            names = _COLUMNS_OF[term.kind]
            return sa.or_(*(self._contains(table.c[name], value) for name in names))
        if term.moment is not None:
            created = table.c.created_at
            return created >= _naive(term) if term.kind == "after" else created < _naive(term)
        return _at(table, value) if term.kind == "server" else self._of_recipients(term)

    def _of_recipients(self, term: Term) -> sa.ColumnElement[bool]:
        message, recipient = self.models.table("Message"), self.models.table("Recipient")
        if term.kind == "recipient":
            chosen: Sequence[sa.ColumnElement[bool]] = (
                self._contains(recipient.c.address, term.value),
            )
        else:
            chosen = self._sought(term)
        to = sa.exists().where(recipient.c.message == message.c.id, *chosen)
        if term.kind == "mailbox":
            return sa.or_(message.c.message_id == f"<{term.value}>", to)
        return to

    def _sought(self, term: Term) -> tuple[sa.ColumnElement[bool], ...]:
        column = self.models.table("Recipient").c.sought
        if term.kind == "domain":  # "A" follows "@"
            return column >= f"{term.value}@", column < f"{term.value}A"
        return (column == term.form,)

    def _contains(self, column: sa.Column[Any], text: str) -> sa.ColumnElement[bool]:
        if self.dialect == "postgresql":
            return column.icontains(text, autoescape=True)
        return column.contains(text, autoescape=True)  # LIKE goes by no case there

    def _way_of(self, term: Term) -> Way | None:
        table, value = self.models.table("Message"), term.value
        if term.kind in {"id", "key", "cause"}:
            return Way((Arm(table.c.id, (self._holds(term),)),))
        if term.kind in {"address", "domain", "mailbox"}:
            return self._way_of_recipient(term)
        if term.kind == "message_id":
            return self._free_and_held(table.c.message_id == value)
        if term.kind == "type":
            return self._way_of_type(value)
        return self._way_of_server(value) if term.kind == "server" else None

    def _way_of_recipient(self, term: Term) -> Way:
        table, recipient = self.models.table("Message"), self.models.table("Recipient")
        arms: tuple[Arm, ...] = (Arm(recipient.c.message, self._sought(term)),)
        if term.kind == "mailbox":
            arms += self._free_and_held(table.c.message_id == f"<{term.value}>").arms
        return Way(arms, ordered=term.kind != "domain")

    def _free_and_held(self, condition: sa.ColumnElement[bool], *, wide: bool = False) -> Way:
        """Return the way to an index that on PostgreSQL has nothing that a worker holds."""
        table = self.models.table("Message")
        if self.dialect != "postgresql":
            return Way((Arm(table.c.id, (condition,)),), wide=wide)
        free, held = table.c.worker_id.is_(None), table.c.worker_id.is_not(None)
        arms = Arm(table.c.id, (free, condition)), Arm(table.c.id, (held, condition), little=True)
        return Way(arms, wide=wide)

    def _way_of_type(self, name: str) -> Way:
        return self._free_and_held(self.models.table("Message").c.type == name, wide=True)

    def _way_of_server(self, key: str) -> Way:
        table = self.models.table("Message")
        columns = table.c.server_key, table.c.sent_via
        return Way(tuple(Arm(table.c.id, (column == key,)) for column in columns), wide=True)

    def _way_of_states(self, states: Sequence[State]) -> Way:
        return Way(tuple(map(self._in_state, states)), wide="sent" in states)

    def _in_state(self, state: State) -> Arm:
        table = self.models.table("Message")
        return Arm(table.c.id, (in_states(table, (state,)),), little=state == "sending")

    def _way_of_range(self, states: Sequence[State], since: datetime) -> Way:
        table = self.models.table("Message")
        recent, resting = table.c.state_at >= since, settled(table)
        arms = []
        for state in states or STATES:
            if state in FINAL:
                known = (*resting, table.c.state == state, recent)
                arms.append(Arm(table.c.id, known, little=True))
            else:
                arm = self._in_state(state)
                arms.append(Arm(table.c.id, (*arm.conditions, recent), little=arm.little))
        return Way(tuple(arms), ordered=False, wide=True)


def _at(table: sa.Table, server: str) -> sa.ColumnElement[bool]:
    return sa.or_(table.c.server_key == server, table.c.sent_via == server)


def _naive(term: Term) -> datetime:
    assert term.moment is not None  # noqa: S101 - terms about time have one
    return term.moment.astimezone(UTC).replace(tzinfo=None)

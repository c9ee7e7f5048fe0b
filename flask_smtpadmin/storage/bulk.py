"""One statement about many rows, compiled once and never a statement per row on the wire.

The rows travel as one JSON parameter that the database unfolds into a table, so the SQL text stays
the same however many they are, and servers keep its plan. SQLite has no plan to lose and is given
VALUES. It runs in our own process, and a statement is one step there, for which Python's lock is
free: to step a statement for each row would stop at the lock each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, starmap
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeEngine

from flask_smtpadmin.storage.pipeline import run_each
from flask_smtpadmin.storage.taking import skips_locked

#: A value as every driver and JSON take it; a time is text, see :func:`moment`.
Value: TypeAlias = str | int | float | None
#: A value that is the same for all rows; bytes travel beside the JSON.
Shared: TypeAlias = Value | bytes
_Row: TypeAlias = tuple[Value, ...]
_Columns: TypeAlias = Mapping[str, TypeEngine[Any]]

_ROWS: Final = "given"
#: What arrays are written with, in as few bytes as possible.
_JSON: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_NUMBERS: Final = "numbers"
#: Where the rows stand in SQLite's SQL, and how many of them at a time.
_VALUES: Final = f"VALUES (:{_ROWS})"
_PIECE: Final = 64
#: The first SQLite with UPDATE ... FROM; older ones step a statement for each row.
_UPDATES_FROM: Final = (3, 33)


def in_json(rows: Sequence[Any]) -> str:
    """Return arrays as the text that PostgreSQL and MariaDB unfold."""
    return _JSON.encode(rows)


def moment(time: datetime) -> str:
    """Return a naive UTC time as all three databases read it; microseconds always shown."""
    return time.isoformat(" ", "microseconds")


@dataclass(frozen=True, slots=True)
class Given:
    """What a statement knows of a row: columns of the unfolded table, or parameters.

    The first value of a row is its number. ``numbers`` is the list of all of them, for a planner
    that shall find the table's rows by index however small it believes the table to be.
    """

    values: Mapping[str, sa.ColumnElement[Any]]
    numbers: sa.ColumnElement[Any] | None = None

    def __getitem__(self, name: str) -> sa.ColumnElement[Any]:
        return self.values[name]

    def numbered(self, column: sa.Column[int]) -> sa.ColumnElement[bool]:
        """Return the condition that ``column`` of the table holds the row's number."""
        joined = column == next(iter(self.values.values()))
        return joined if self.numbers is None else joined & (column == sa.any_(self.numbers))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """SQL for one dialect.

    ``names`` are the parameters in the order they are given: of a row or all rows, shared,
    constants. ``order`` sorts them where the driver goes by position.
    """

    sql: str
    names: tuple[str, ...]
    constants: tuple[Value, ...]
    order: tuple[int, ...] | None

    def split(self, rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
        """Cut ``rows`` into what one statement takes."""
        yield rows

    def sql_for(self, _rows: Sequence[_Row]) -> str:
        """Return the SQL that takes ``rows`` at once."""
        return self.sql

    def parameters(self, rows: Sequence[_Row], shared: tuple[Shared, ...]) -> Any:
        """Return the parameters for ``rows``: a list of them, or one with all rows in it."""
        if self.names[0] != _ROWS:
            each = [self.arranged(row, shared) for row in rows]
            return each if len(each) > 1 else each[0]
        if self.names[1:2] != (_NUMBERS,):
            return self.arranged((in_json(rows),), shared)
        numbers = ",".join([str(row[0]) for row in rows])
        return self.arranged((in_json(rows), f"{{{numbers}}}"), shared)

    def arranged(self, values: _Row, shared: tuple[Shared, ...]) -> Any:
        """Return the parameters of one execution as the driver takes them."""
        given = (*values, *shared, *self.constants)
        if self.order is None:
            return dict(zip(self.names, given, strict=True))
        return tuple([given[index] for index in self.order])


@dataclass(frozen=True, slots=True)
class _InValues(_Compiled):
    """SQL with the rows in VALUES: written for one parameter, and repeated for all of them."""

    piece: int = _PIECE
    by_size: dict[int, str] = field(default_factory=dict)

    def split(self, rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
        """Cut ``rows`` into pieces of a size that SQL is kept for."""
        for start in range(0, len(rows), self.piece):
            yield rows[start : start + self.piece]

    def sql_for(self, rows: Sequence[_Row]) -> str:
        """Return the SQL for so many rows."""
        size = len(rows)
        if size not in self.by_size:
            row = f"({', '.join('?' * len(rows[0]))})"
            values = f"VALUES {', '.join([row] * size)}"
            self.by_size[size] = self.sql.replace("VALUES (?)", values)
        return self.by_size[size]

    def parameters(self, rows: Sequence[_Row], shared: tuple[Shared, ...]) -> Any:
        """Return all values of all rows, where the one parameter stood."""
        given = self.arranged((None,), shared)
        at = (self.order or (0,)).index(0)
        return (*given[:at], *chain.from_iterable(rows), *given[at + 1 :])


class Lookup:
    """A SELECT of what belongs to rows known by their number, however many these are.

    Args:
        query: without the condition on ``number``; values come as the driver gives them.
        number: the column that must hold one of the numbers.
    """

    def __init__(self, query: sa.Select[Any], number: sa.Column[int]) -> None:
        self._query = query
        self._number = number
        self._compiled: dict[str, str | sa.Select[Any]] = {}

    def run(self, connection: Connection, numbers: Sequence[int]) -> Sequence[Any]:
        """Return the rows for ``numbers``."""
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = self._compile(dialect)
        if not isinstance(known, str):
            return connection.execute(known, {_ROWS: list(numbers)}).all()
        given = ",".join(map(str, numbers))
        if dialect.name == "sqlite":
            return connection.exec_driver_sql(known, (f"[{given}]",)).all()
        return connection.exec_driver_sql(known, {_NUMBERS: f"{{{given}}}"}).all()

    def _compile(self, dialect: Dialect) -> str | sa.Select[Any]:
        if dialect.name == "sqlite":
            numbers = sa.func.json_each(sa.bindparam(_ROWS, type_=sa.Text())).table_valued("value")
            query = self._query.where(self._number.in_(sa.select(numbers.c.value)))
        elif dialect.name == "postgresql":
            query = self._query.where(self._number == sa.any_(_numbers()))
        else:
            inline: sa.BindParameter[Any] = sa.bindparam(
                _ROWS, expanding=True, literal_execute=True
            )
            return self._query.where(self._number.in_(inline))
        return str(query.compile(dialect=dialect))


class Bulk:
    """A statement about many rows.

    Args:
        build: returns the INSERT or UPDATE, given what stands for the columns of a row.
        columns: the name and type of each value of a row, in order.
        shared: the names of the parameters (``sa.bindparam``) that are the same for all rows.
        piece: rows at a time on SQLite, which keeps a statement for each number up to this.
    """

    def __init__(
        self,
        build: Callable[[Given], sa.Executable],
        columns: _Columns,
        shared: Sequence[str] = (),
        piece: int = _PIECE,
    ) -> None:
        self._build = build
        self._piece = piece
        self._columns = dict(columns)
        self._shared = tuple(shared)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[_Row], *shared: Shared) -> int:
        """Run it for ``rows`` and return how many rows of the table it inserted or matched.

        Args:
            connection: inside a transaction.
            rows: at least one; the values in the order of ``columns``.
            shared: the values of the shared parameters, in their order.
        """
        pieces = self._for(connection.dialect).split(rows)
        return sum(self.execute(connection, piece, *shared).rowcount for piece in pieces)

    def execute(
        self, connection: Connection, rows: Sequence[_Row], *shared: Shared
    ) -> sa.CursorResult[Any]:
        """Run it once, as :meth:`run` does, and return what came back; on SQLite for one row."""
        compiled = self._for(connection.dialect)
        return connection.exec_driver_sql(compiled.sql_for(rows), compiled.parameters(rows, shared))

    def run_each(
        self,
        connection: Connection,
        given: Iterable[tuple[Sequence[_Row], tuple[Shared, ...]]],
    ) -> list[Any]:
        """Run it once for each of ``given``, and return all rows that came back; not on SQLite.

        Where the driver can, the next is made while the server carries one out.
        """
        compiled = self._for(connection.dialect)
        return run_each(connection, compiled.sql, starmap(compiled.parameters, given))

    def text(self, dialect: Dialect) -> str:
        """Return the SQL that ``dialect`` gets, with the driver's marks for parameters."""
        return self._for(dialect).sql

    def _for(self, dialect: Dialect) -> _Compiled:
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = self._compile(dialect)
        return known

    def _compile(self, dialect: Dialect) -> _Compiled:
        given, names = _given(dialect, self._columns)
        statement: Any = self._build(given)
        made = statement.compile(dialect=dialect)
        names = (*names, *self._shared)
        constants = {name: value for name, value in made.params.items() if name not in names}
        names = (*names, *constants)
        order = made.positiontup and tuple(map(names.index, made.positiontup))
        parts = str(made), names, tuple(constants.values()), order
        return _InValues(*parts, self._piece) if _takes_values(dialect) else _Compiled(*parts)


def _given(dialect: Dialect, columns: _Columns) -> tuple[Given, tuple[str, ...]]:
    """Return what stands for a row on ``dialect``, and the parameters that bring it."""
    if dialect.name == "postgresql":
        rows = _jsonb_array_elements(columns)
        return Given(dict(rows.c), _numbers()), (_ROWS, _NUMBERS)
    if skips_locked(dialect):
        return Given(dict(_json_table(columns).c)), (_ROWS,)
    if _takes_values(dialect):
        return Given(dict(zip(columns, _values(columns).c, strict=True))), (_ROWS,)
    marks = {name: f"{_ROWS}_{name}" for name in columns}
    values = {name: sa.bindparam(mark, type_=columns[name]) for name, mark in marks.items()}
    return Given(values), tuple(marks.values())


def _takes_values(dialect: Dialect) -> bool:
    if dialect.name != "sqlite" or dialect.paramstyle != "qmark":
        return False
    version: tuple[int, ...] = dialect.loaded_dbapi.sqlite_version_info
    return version >= _UPDATES_FROM


def _values(columns: _Columns) -> sa.FromClause:
    """SQLite's table of the rows; it names the columns itself."""
    named = [sa.column(f"column{at}", kind) for at, kind in enumerate(columns.values(), 1)]
    return sa.text(_VALUES).columns(*named).subquery(_ROWS)


def _numbers() -> sa.ColumnElement[Any]:
    """PostgreSQL's array of the numbers, sent as text: no driver has to build it."""
    return sa.bindparam(_NUMBERS, type_=ARRAY(sa.BigInteger))


def _jsonb_array_elements(columns: _Columns) -> sa.FromClause:
    document = sa.cast(sa.bindparam(_ROWS, type_=sa.Text()), JSONB())
    row = sa.func.jsonb_array_elements(document).table_valued("value", name="element").c.value
    values = []
    for index, (name, kind) in enumerate(columns.items()):
        text = row.op("->>")(sa.literal_column(str(index)))
        value = text if isinstance(kind, sa.String) else sa.cast(text, kind)
        values.append(value.label(name))
    unfolded = sa.select(*values).cte(_ROWS)
    return unfolded.prefix_with("MATERIALIZED")  # or a join would unfold it for every pair


def _json_table(columns: _Columns) -> sa.FromClause:
    dialect = mysql.dialect()
    kinds = {  # never VARCHAR(n): JSON_TABLE would cut text off without a word
        name: "LONGTEXT" if isinstance(kind, sa.String) else kind.compile(dialect)
        for name, kind in columns.items()
    }
    quoted = dialect.identifier_preparer.quote
    parts = (
        f"{quoted(name)} {kind} PATH '$[{at}]'" for at, (name, kind) in enumerate(kinds.items())
    )
    paths: sa.ColumnElement[Any] = sa.literal_column(f"'$[*]' COLUMNS ({', '.join(parts)})")
    rows = sa.func.json_table(sa.bindparam(_ROWS, type_=sa.Text()), paths)
    return rows.table_valued(*columns, name=_ROWS)

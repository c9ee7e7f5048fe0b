"""Statements on their way before earlier ones are answered: PostgreSQL's pipeline mode.

While the server carries one out, the next one is made here. A thread for that would not do: what
it sends waits for Python's lock, which who builds messages hardly ever lets go. psycopg 3 sends
in the midst of its ``executemany``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError

#: The first psycopg whose ``executemany`` sends ahead and keeps what comes back.
_SENDS_AHEAD: Final = (3, 1)
#: Statements on their way at most: where the server is the slower one, they wait in memory here.
_AT_MOST: Final = 16


def sends_ahead(dialect: Dialect) -> bool:
    """Say whether the driver sends statements before earlier ones are answered."""
    if dialect.driver != "psycopg":
        return False
    version: tuple[int, ...] = getattr(dialect, "psycopg_version", (0,))
    return version >= _SENDS_AHEAD


def run_each(connection: Connection, sql: str, parameters: Iterable[Any]) -> list[Any]:
    """Run ``sql`` once with each of ``parameters``, and return all rows that came back, in order.

    Args:
        connection: inside a transaction; not to be used by who makes the parameters.
        sql: returns rows; with the driver's marks.
        parameters: gone through once, at least one; an error of theirs is raised as it is.
    """
    if not sends_ahead(connection.dialect):
        return [row for one in parameters for row in connection.exec_driver_sql(sql, one)]
    with _told_as_sqlalchemy(connection, sql), closing(connection.connection.cursor()) as cursor:
        driver: Any = cursor
        rows: list[Any] = []
        parameters = iter(parameters)
        for first in parameters:
            driver.executemany(
                sql, chain((first,), islice(parameters, _AT_MOST - 1)), returning=True
            )
            rows += driver.fetchall()
            while driver.nextset():
                rows += driver.fetchall()
    return rows


@contextmanager
def _told_as_sqlalchemy(connection: Connection, sql: str) -> Iterator[None]:
    """Turn an error of the driver into SQLAlchemy's, and give up a connection that broke."""
    dialect = connection.dialect
    driver: Any = dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        broken = dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if broken:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql, None, error, driver.Error, connection_invalidated=broken, dialect=dialect
        ) from error

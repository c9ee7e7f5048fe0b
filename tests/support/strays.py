"""Rows that outlived their message: no foreign key keeps them from it, so the tests look."""

from __future__ import annotations

import sqlalchemy as sa

_MESSAGE = "smtpadmin_message"
#: The tables of what belongs to a message, and where its number stands.
_PARTS = {
    "smtpadmin_content": "id",
    "smtpadmin_sealed": "id",
    "smtpadmin_recipient": "message",
    "smtpadmin_attempt": "message",
}


def strays(url: str) -> dict[str, int]:
    """Return how many rows of a table belong to no message, for each table with any."""
    found = {}
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        if not sa.inspect(connection).has_table(_MESSAGE):
            return {}
        for table, column in _PARTS.items():
            alone = f"WHERE {column} NOT IN (SELECT id FROM {_MESSAGE})"
            count = f"SELECT count(*) FROM {table} {alone}"
            found[table] = connection.exec_driver_sql(count).scalar_one()
    return {table: count for table, count in found.items() if count}

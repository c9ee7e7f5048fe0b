"""A very long queue in little time: one message, copied inside the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.site import Site, message
from flask_smtpadmin.storage.database import utcnow

#: Rows that one transaction adds.
CHUNK = 20_000


def fill_with_copies(site: Site, count: int) -> None:
    """Queue ``count`` mails of 2 KB; they differ in id and Message-ID alone.

    The message that is copied stays behind, scheduled for next year, so that a worker that runs
    already leaves it alone. Statistics are renewed at the end, as autovacuum would do.
    """
    with site.app.app_context():
        later = datetime.now(UTC) + timedelta(days=365)
        model = site.mail.send(message(0), send_at=later).id
    for start in range(0, count, CHUNK):
        with site.state.database.write() as connection:
            _copy(site, connection, model, min(CHUNK, count - start))
    with site.state.database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def _copy(site: Site, connection: Connection, model: int, count: int) -> None:
    messages = site.state.models.table("Message")
    last = connection.execute(sa.select(sa.func.max(messages.c.id))).scalar_one()
    series = numbers(connection, last + 1, last + count)
    for name, key in (("Message", "id"), ("Content", "id"), ("Recipient", "message")):
        table = site.state.models.table(name)
        columns = [column for column in table.c if column.name == key or not column.primary_key]
        values = [_value(column, key, series) for column in columns]
        each = table.join(series, sa.true())
        copied = sa.select(*values).select_from(each).where(table.c[key] == model)
        connection.execute(sa.insert(table).from_select([c.name for c in columns], copied))
    if connection.dialect.name == "postgresql":  # ids were given, not drawn
        sequence = sa.func.pg_get_serial_sequence(messages.name, "id")
        connection.execute(sa.select(sa.func.setval(sequence, last + count)))


def _value(column: sa.Column[Any], key: str, series: sa.FromClause) -> sa.ColumnElement[Any]:
    if column.name == key:
        return series.c.n
    if column.name == "message_id":
        return sa.literal("<copy-") + sa.cast(series.c.n, sa.String) + "@example.com>"
    if column.name in {"run_at", "due_at"}:
        return sa.literal(utcnow())
    if column.name == "state" and "run_at" in column.table.c:
        return sa.literal("queued")
    return column


def numbers(connection: Connection, first: int, last: int) -> sa.FromClause:
    """Return a table of the numbers from ``first`` to ``last``, as ``n``."""
    if connection.dialect.name == "postgresql":
        return sa.func.generate_series(first, last).table_valued("n").render_derived()
    counted = sa.select(sa.literal(first).label("n")).cte("counted", recursive=True)
    return counted.union_all(sa.select(counted.c.n + 1).where(counted.c.n < last))

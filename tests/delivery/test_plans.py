"""How the databases find rows: by index, in a queue of any size, whatever their statistics say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from support.queues import MailQueue, decided

from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.storage.admission import Admission, Room
from flask_smtpadmin.storage.claims import Claims
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.parking import PARKED, Parking
from flask_smtpadmin.storage.rescue import Leases

#: Enough that no planner prefers to read a table from end to end.
MESSAGES = 3000
_SCANS = {
    "sqlite": re.compile(r"SCAN (smtpadmin_\w+)\b(?! USING)"),
    "postgresql": re.compile(r"Seq Scan on (smtpadmin_\w+)"),
}


class Plans:
    """Asks the database for its plan of every statement on the tables of the mail."""

    def __init__(self, queue: MailQueue) -> None:
        self.queue = queue
        self.seen: list[str] = []
        self._asking = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Collect plans of what is run inside."""
        engine = self.queue.database.engine
        sa.event.listen(engine, "before_cursor_execute", self._explain)
        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", self._explain)

    def _explain(
        self, connection: Connection, cursor: Any, sql: str, given: Any, *others: Any
    ) -> None:
        if not re.match(r"(WITH|SELECT|UPDATE|INSERT|DELETE)\b", sql) or "smtpadmin_" not in sql:
            return
        words = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        cursor.execute(words + sql, given[0] if others[-1] else given)  # one of many
        self.seen += [
            " ".join(map(str, row)) if self.queue.database.dialect != "mysql" else _mariadb(row)
            for row in cursor.fetchall()
        ]

    def scans(self) -> list[str]:
        """Return the steps that read a table from end to end."""
        pattern = _SCANS.get(self.queue.database.dialect, re.compile(r"smtpadmin_\w+ ALL"))
        return [step for step in self.seen if pattern.search(step)]


def _mariadb(row: Any) -> str:
    """Return table, way of access and key of one line of MariaDB's EXPLAIN."""
    kind, table, way, key = row[1], row[2], row[3], row[5]
    if kind == "INSERT":  # the table that rows are put into: it is not read, whatever is said
        way = "put"
    return f"{table} {way} {key}"


@pytest.fixture
def plans(mail_queue: MailQueue) -> Plans:
    """Return a queue with many messages, of which the database has made its statistics."""
    mail_queue.send(MESSAGES)
    table = mail_queue.models.table("Message")
    with mail_queue.database.write() as connection:
        parked = {"run_at": None, "waiting_for": "server", "server_key": "held"}
        connection.execute(sa.update(table).where(table.c.id % 5 == 0).values(parked))
    engine = mail_queue.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("message", "content", "recipient", "attempt"):
            words = {"mysql": "ANALYZE TABLE", "sqlite": "SELECT 1 FROM"}
            first = words.get(connection.dialect.name, "ANALYZE")
            connection.exec_driver_sql(f"{first} smtpadmin_{name}").close()
    return Plans(mail_queue)


def test_the_peek_reads_the_due_index(plans: Plans) -> None:
    """When the next message is due is one step into the index for each priority."""
    with plans.watching(), plans.queue.database.read() as connection:
        Claims(plans.queue.models, "w1").peek(connection)
    assert plans.scans() == []
    assert sum("ix_smtpadmin_message_due" in step for step in plans.seen) == 3


def test_a_cycle_scans_nothing(plans: Plans) -> None:
    """Claim, hand-over and result find each row by its number or by the due index."""
    queue = plans.queue
    with plans.watching(), queue.database.work() as connection:
        jobs = Claims(queue.models, "w1").claim(connection, utcnow(), 50)
        assert len(jobs) == 50
    assert any("ix_smtpadmin_message_due" in step for step in plans.seen)
    with plans.watching():
        queue.hand_over(jobs)
        queue.finish(jobs, decided("sent", server="ok"), code=250)
    assert plans.scans() == []


def test_chores_scan_nothing(plans: Plans) -> None:
    """Leases, rescue, parked mail and the count for MAX_QUEUE read what they are about."""
    queue, now = plans.queue, utcnow()
    queue.claim(limit=20)
    leases, parking = Leases(queue.models), Parking(queue.models)
    with plans.watching(), queue.database.work() as connection:
        leases.renew(connection, "w1", now)
        leases.held(connection, "w1")
        leases.holders(connection, now)
        leases.drop_unknown(connection, "w1", {"none"}, now)
        leases.rescue(connection, "w1", Policy(), now)
        parking.expire(connection, now, 3600.0)
        parking.park(connection, "other", now)
        assert parking.release(connection, PARKED, ["other"], now) is None
        Admission(queue.models).admit(connection, 1, Room(10 * MESSAGES))
    assert plans.scans() == []

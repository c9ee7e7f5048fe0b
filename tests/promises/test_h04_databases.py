"""A database that fails in small ways: cut at a commit, read-only, deadlocked."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from support.crowd import doubled, lost, unexplained
from support.cuts import scissors
from support.processes import wait_until
from support.promises import Report, databases, promise, seconds, size
from support.smtp import MailServer
from support.workers import WorkerSite

from flask_smtpadmin import Message, QueueUnavailable

WorkerSites = Callable[..., WorkerSite]
MAILS = size(2_000, ci=200)
_SERVERS = [one for one in databases(everywhere=True) if one.values[0] != "sqlite"]


@pytest.fixture(params=_SERVERS)
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database of a server."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@promise("H4")
def test_connections_cut_at_a_commit(
    database_url: str,
    worker_site: WorkerSites,
    smtp: MailServer,
    report: Report,
    dice: random.Random,
) -> None:
    """H4: one commit in five is cut, before the database heard it or before it told: 0 doubles."""
    cuts: Counter[str] = Counter()
    turns = itertools.cycle(("before", "after"))

    def cut() -> str:
        where = next(turns) if dice.random() < 0.2 else ""
        cuts[where] += 1
        return where

    with scissors(database_url) as (proxy, url):
        site = worker_site(url)
        site.send(MAILS)
        smtp.pause = 0.05
        proxy.cut = cut
        worker = site.start()
        site.wait_for_states(timeout=size(300, ci=90), sent=MAILS)
        proxy.cut = str
        report(mails=MAILS, cut_before=cuts["before"], cut_after=cuts["after"])
        report(lost=lost(site, smtp), duplicates=doubled(smtp))
        assert min(cuts["before"], cuts["after"]) >= size(10, ci=1)
        assert worker.poll() is None
        assert lost(site, smtp) == doubled(smtp) == unexplained(site, smtp) == 0
        assert {row.outcome for row in site.rows("Attempt")} <= {"sent", "returned"}
        site.stop()
        site.state.database.dispose()


def fail_over(connection: Connection, *, read_only: bool) -> None:
    """Let this database take no writes, or take them again, and end all other connections."""
    if connection.dialect.name == "postgresql":
        name = connection.engine.url.database
        word = "on" if read_only else "off"
        orders = [f"ALTER DATABASE {name} SET default_transaction_read_only = {word}"]
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        orders += [query + "current_database() AND pid <> pg_backend_pid()"]
    else:
        query = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> "
        others = connection.exec_driver_sql(query + "CONNECTION_ID()").scalars()
        orders = [f"SET GLOBAL tx_read_only = {int(read_only)}"]
        orders += [f"KILL {number}" for number in others]
    for order in orders:
        connection.exec_driver_sql(order)


@contextmanager
def replica(site: WorkerSite, url: str) -> Iterator[None]:
    """Have a database that takes no writes, as after a failover to a replica, for a while."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        fail_over(admin, read_only=True)
        site.state.database.dispose()
        try:
            yield
        finally:
            fail_over(admin, read_only=False)
            site.state.database.dispose()
    engine.dispose()


@promise("H4")
def test_a_failover_to_a_read_only_replica(
    database_url: str, worker_site: WorkerSites, smtp: MailServer, report: Report
) -> None:
    """H4: read-only for a minute: it is told, ``send()`` says so, and all goes on afterwards."""
    site = worker_site(database_url)
    site.send(MAILS)
    smtp.pause, smtp.most = 0.01, MAILS // 10
    worker = site.start()
    wait_until(lambda: len(smtp.received) == smtp.most)
    with replica(site, database_url):
        smtp.most = math.inf
        wait_until(lambda: "cannot be written to" in site.log.read_text())
        with site.site.app.app_context(), pytest.raises(QueueUnavailable):
            site.site.mail.send(Message("one more", ["a@example.com"], body="x", sender="b@c.de"))
        time.sleep(1 + seconds(60))
        stood = len(smtp.received)
        time.sleep(1)
        assert len(smtp.received) == stood < MAILS
    site.wait_for_states(timeout=90, sent=MAILS)
    report(mails=MAILS, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert worker.poll() is None
    assert site.tracebacks() == 0
    assert lost(site, smtp) == doubled(smtp) == 0


WAITING = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}


def cross(site: WorkerSite, url: str) -> None:
    """Lock the last message in the worker's hands; once it waits for that one, the others."""
    message = site.state.models.table("Message")
    engine = sa.create_engine(url, isolation_level="READ COMMITTED")
    watch = engine.execution_options(isolation_level="AUTOCOMMIT")
    query = sa.select(message.c.id).where(message.c.state == "sending")
    last = query.order_by(message.c.id.desc()).limit(1).with_for_update()
    with engine.connect() as other, watch.connect() as seen:
        # MariaDB ends the one that changed less, and looks anew after 0.1 s without a question
        other.exec_driver_sql("INSERT INTO ballast SELECT * FROM ballast")
        if other.execute(last).scalar_one_or_none() is None:
            return  # too late on a busy machine: all of them are sent
        waiting = WAITING[engine.dialect.name]
        wait_until(lambda: seen.exec_driver_sql(waiting).scalar(), every=0.2)
        other.execute(query.order_by(message.c.id).with_for_update()).all()
        other.rollback()
    engine.dispose()


@promise("H4")
def test_a_deadlock(
    database_url: str, worker_site: WorkerSites, smtp: MailServer, report: Report
) -> None:
    """H4: the database ends the worker's transaction: done again, 0 lost, 0 doubles."""
    site = worker_site(database_url, SMTPADMIN_POOL_SIZE=10)
    with site.state.database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (n INTEGER)")
        rows = ", ".join(f"({n})" for n in range(2_000))
        connection.exec_driver_sql(f"INSERT INTO ballast VALUES {rows}")
    smtp.pause = 1.0
    rounds = 0
    site.start()
    while not site.log.exists() or "deadlock" not in site.log.read_text().lower():
        rounds += 1
        assert rounds <= 10, site.log.read_text()
        site.send(10)
        accepted = 10 * rounds
        wait_until(lambda n=accepted: len(smtp.received) == n, every=0.001)
        cross(site, database_url)
        site.wait_for_states(sent=10 * rounds)
    report(rounds=rounds, lost=lost(site, smtp), duplicates=doubled(smtp))
    assert lost(site, smtp) == doubled(smtp) == 0

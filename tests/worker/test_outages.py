"""Databases and keys that are away, hang or change under a worker: it waits, and loses nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from support.postgresql import PostgreSQL
from support.processes import wait_until
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite

from flask_smtpadmin.delivery import ending, upkeep
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.worker import supervisor
from flask_smtpadmin.worker.supervisor import DatabaseHangs, Supervisor

WorkerSites = Callable[..., WorkerSite]


def told(site: WorkerSite, words: str) -> int:
    """Count how often the worker's log says something."""
    return site.log.read_text().count(words) if site.log.exists() else 0


@contextmanager
def away(server: PostgreSQL, site: WorkerSite) -> Iterator[None]:
    """Have no database for a while."""
    site.state.database.dispose()
    server.crash()
    try:
        yield
    finally:
        server.start()


@pytest.mark.postgresql
def test_a_worker_waits_for_its_database(
    worker_site: WorkerSites, postgresql_server: PostgreSQL, postgresql_url: str, smtp: MailServer
):
    """Started while nothing answers: one line says so, and mail flows once it does."""
    site = worker_site(postgresql_url)
    site.send(3)
    with away(postgresql_server, site):
        worker = site.start()
        wait_until(lambda: told(site, "Waiting for it"))
        time.sleep(2)
        assert worker.poll() is None
        assert told(site, "\n") == 1
    site.wait_for_states(sent=3)


@pytest.mark.postgresql
def test_a_burst_does_not_wait(
    worker_site: WorkerSites, postgresql_server: PostgreSQL, postgresql_url: str
):
    """It says in a sentence that the database cannot be used, and exits 1."""
    site = worker_site(postgresql_url)
    with away(postgresql_server, site):
        worker = site.start("--burst")
        assert worker.wait(60) == 1
    assert told(site, "The database cannot be used")
    assert not told(site, "Traceback")


@pytest.mark.postgresql
def test_a_worker_that_waits_hears_a_signal(
    worker_site: WorkerSites, postgresql_server: PostgreSQL, postgresql_url: str
):
    """Told to stop before it ever reached its database it exits 0, without its time of grace."""
    site = worker_site(postgresql_url)
    with away(postgresql_server, site):
        worker = site.start()
        wait_until(lambda: told(site, "Waiting for it"))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(ending.GRACE - 5) == 0


def test_missing_tables_are_not_waited_for(worker_site: WorkerSites):
    """Nobody makes them while the worker waits: exit 1 with the command that does."""
    site = worker_site()
    with site.site.app.app_context():
        site.site.db.drop_all()
    assert site.start().wait(60) == 1
    assert told(site, "flask db upgrade")


@pytest.mark.parametrize("pause", [0.0, 0.15, 0.3])
def test_an_early_signal_ends_it_well(worker_site: WorkerSites, pause: float):
    """While it registers, sweeps or looks at its servers for the first time: exit 0, signed off."""
    site = worker_site()
    worker = site.start()
    wait_until(lambda: site.rows("Worker"), every=0.001)
    time.sleep(pause)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(ending.GRACE - 5) == 0
    assert all(row.stopped_at for row in site.rows("Worker"))


@pytest.mark.postgresql
def test_a_database_that_hangs_keeps_no_worker_from_ending(
    worker_site: WorkerSites,
    postgresql_server: PostgreSQL,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """It neither answers nor refuses: the worker ends when its time is over, and says why."""
    monkeypatch.setattr(supervisor, "GRACE", 0.5)
    monkeypatch.setattr(supervisor, "_LAST_WORDS", 0.5)
    monkeypatch.setattr(ending, "GRACE", 0.5)
    site = worker_site(postgresql_url)
    worker = Supervisor(site.state, Options())
    raised: list[BaseException] = []

    def run() -> None:
        try:
            worker.run()
        except DatabaseHangs as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: site.rows("Worker"))
    postgresql_server.freeze()
    try:
        time.sleep(1.5)
        worker.stop()
        thread.join(30)
        assert raised
    finally:
        postgresql_server.thaw()
    for engine in [one for one in threading.enumerate() if one.name == "smtpadmin-engine"]:
        engine.join(30)


def test_a_schema_that_changes_under_a_worker_delays_mail_only(
    worker_site: WorkerSites, database_url: str, smtp: MailServer
):
    """A column is gone, as with a newer app's migration: it waits, says so, and goes on."""
    site = worker_site(database_url)
    column = "ALTER TABLE smtpadmin_attempt {} COLUMN ms{}"
    worker = site.start()
    site.send(5)
    site.wait_for_states(sent=5)
    with site.state.database.write() as connection:
        connection.execute(sa.text(column.format("DROP", "")))
    site.send(20)
    wait_until(lambda: told(site, "cannot be written to"))
    time.sleep(1)
    assert told(site, "Traceback") <= 1
    with site.state.database.write() as connection:
        connection.execute(sa.text(column.format("ADD", " FLOAT")))
        connection.execute(sa.text("ALTER TABLE smtpadmin_message ADD COLUMN later INTEGER"))
    site.wait_for_states(sent=25)
    assert worker.poll() is None
    assert len(smtp.received) == 25


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[str]:
    """Return a list that grows with each call of a method."""
    calls: list[str] = []
    method = getattr(owner, name)

    def counting(*args: Any) -> Any:
        calls.append(name)
        return method(*args)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_a_key_that_is_rotated_or_missing_holds_mail_and_no_more(
    worker_site: WorkerSites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The file changes and goes under a running worker: mail waits, and goes once it is back."""
    monkeypatch.setattr(upkeep, "_RELOAD_EVERY", 0.0)
    monkeypatch.setattr(upkeep, "_LOOK_EVERY", 0.1)
    key, other = Fernet.generate_key(), Fernet.generate_key()
    file = tmp_path / "keys"
    file.write_bytes(key)
    monkeypatch.setenv("SMTPADMIN_ENCRYPTION_KEYS_FILE", str(file))
    with mail_server(users={"ada": "right"}) as server:
        site = worker_site(SMTPADMIN_HOST="", SMTPADMIN_PORT=None, SMTPADMIN_TLS_MODE=None)
        values = {"host": "127.0.0.1", "port": str(server.port), "tls_mode": "none"}
        sign_in = {"username": "ada", "password": "right"}
        site.state.settings.save_server("default", {**values, **sign_in})
        worker = Supervisor(site.state, Options())
        thread = threading.Thread(target=worker.run)
        thread.start()
        loads = count_calls(monkeypatch, upkeep.Upkeep, "_adopt_settings")
        try:
            sent = 0
            for content in (other, None):
                site.send(2)
                site.wait_for_states(sent=sent + 2)
                file.write_bytes(content) if content else file.unlink()
                seen = len(loads)
                wait_until(lambda seen=seen: len(loads) > seen + 1)  # one may have been under way
                site.send(3)
                wait_until(lambda: {row.waiting_for for row in site.rows()} == {None, "settings"})
                file.write_bytes(other + b"," + key)
                sent += 5
                site.wait_for_states(sent=sent)
        finally:
            worker.stop()
            thread.join(60)

"""Locks, limits and the databases that have one connection."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from support.apps import Site
from support.shop import Shop, letter

from flask_smtpadmin import QueueFull, QueueUnavailable, SchemaMissing
from flask_smtpadmin.storage.database import BUSY_TIMEOUT


def test_caller_holds_the_write_lock(sqlite_shop: Shop) -> None:
    """A caller whose session holds SQLite's lock is joined, not waited for."""
    sqlite_shop.db.session.add(sqlite_shop.Order(name="mine"))
    sqlite_shop.db.session.flush()
    began = time.monotonic()
    sqlite_shop.mail.send(letter())
    assert time.monotonic() - began < BUSY_TIMEOUT
    sqlite_shop.db.session.commit()
    assert sqlite_shop.stored() == 1


def test_lock_held_by_a_session_we_cannot_see(sqlite_shop: Shop) -> None:
    """A lock that is not ``db.session``'s: QueueUnavailable in time, naming ``session=``."""
    sqlite_shop.state.database.busy_timeout = 0.3
    with Session(sqlite_shop.db.engine) as other:
        other.execute(sa.insert(sqlite_shop.Order).values(name="theirs"))
        began = time.monotonic()
        with pytest.raises(QueueUnavailable, match="session="):
            sqlite_shop.mail.send(letter())
        assert 0.2 < time.monotonic() - began < BUSY_TIMEOUT
        sqlite_shop.mail.send(letter(), session=other)
        other.commit()
    assert (sqlite_shop.stored(), sqlite_shop.bell.count) == (1, 1)


def test_lock_that_is_given_back_in_time(sqlite_shop: Shop) -> None:
    """A writer that is busy for a moment only delays the message."""
    other = sqlite3.connect(sqlite_shop.db.engine.url.database, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.commit).start()
    assert sqlite_shop.mail.send(letter()).created
    other.close()


def test_joined_and_locked(sqlite_shop: Shop) -> None:
    """Joined, the session's own time-out counts, and the error says what it was about."""
    engine = sa.create_engine(sqlite_shop.db.engine.url, connect_args={"timeout": 0.2})
    with Session(sqlite_shop.db.engine) as other, Session(engine) as mine:
        other.execute(sa.insert(sqlite_shop.Order).values(name="theirs"))
        with pytest.raises(QueueUnavailable, match="your session"):
            sqlite_shop.mail.send(letter(), session=mine)
    engine.dispose()
    assert sqlite_shop.stored() == 0


def test_switch_to_wal_never_waits(make_app: Callable[..., Site]) -> None:
    """The first connection of ours, while the caller holds the lock, does not wait for it."""
    app, db, mail = make_app(create=False)
    with app.app_context():
        db.create_all()
        db.session.execute(sa.delete(mail.models.Setting))
        began = time.monotonic()
        assert app.extensions["smtpadmin"].settings.revision() == 0
        assert time.monotonic() - began < BUSY_TIMEOUT
        db.session.rollback()


def test_wal_can_be_refused(sqlite_url: str) -> None:
    """``sqlite_wal=False`` leaves the file's journal as it is; by default it becomes WAL."""
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    from flask_smtpadmin import SMTPAdmin

    for wal, mode in ((False, "delete"), (True, "wal")):
        app = Flask("site")
        app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=sqlite_url)
        db = SQLAlchemy(app)
        mail = SMTPAdmin(app, db, sqlite_wal=wal)
        with app.app_context():
            db.create_all()
            mail.send(letter())
            with closing(sqlite3.connect(db.engine.url.database)) as fresh:
                assert fresh.execute("PRAGMA journal_mode").fetchone() == (mode,)
            db.engine.dispose()
        app.extensions["smtpadmin"].database.dispose()


def test_in_memory(make_shop: Callable[..., Shop]) -> None:
    """In-memory SQLite has one connection: alone it commits at once, joined with the session."""
    shop = make_shop("sqlite:///:memory:")
    shop.mail.send(letter())
    shop.db.session.rollback()
    assert len(shop.state.queue.list().messages) == 1
    shop.db.session.add(shop.Order(name="mine"))
    shop.mail.send(letter())
    shop.db.session.rollback()
    assert len(shop.state.queue.list().messages) == 1
    shop.db.session.scalars(sa.select(shop.Order)).all()
    shop.mail.send(letter(), key="k")
    shop.db.session.rollback()
    assert len(shop.state.queue.list().messages) == 2
    shop.db.session.add(shop.Order(name="mine"))
    shop.mail.send(letter())
    shop.db.session.commit()
    assert len(shop.state.queue.list().messages) == 3


def test_full(make_shop: Callable[..., Shop], database_url: str) -> None:
    """At MAX_QUEUE nothing more is taken, a batch as a whole; a known key is still answered."""
    shop = make_shop(database_url, SMTPADMIN_MAX_QUEUE=3)
    first = shop.mail.send(letter(), key="k")
    with pytest.raises(QueueFull) as caught:
        shop.mail.send_many([letter(), letter(), letter()])
    error = caught.value
    assert (error.limit, error.queued, error.asked) == (3, 1, 3)
    shop.mail.send_many([letter(), letter()])
    with pytest.raises(QueueFull):
        shop.mail.send(letter())
    assert shop.mail.send(letter(), key="k").id == first.id
    shop.state.queue.cancel(first.id)
    assert shop.mail.send(letter()).created


def test_full_and_joined(make_shop: Callable[..., Shop], database_url: str) -> None:
    """QueueFull leaves the caller's transaction whole."""
    shop = make_shop(database_url, SMTPADMIN_MAX_QUEUE=1)
    shop.db.session.add(shop.Order(name="mine"))
    shop.db.session.flush()
    shop.mail.send(letter())
    with pytest.raises(QueueFull):
        shop.mail.send(letter())
    shop.db.session.commit()
    assert (shop.orders(), shop.stored()) == (1, 1)


def test_no_limit(make_shop: Callable[..., Shop]) -> None:
    """MAX_QUEUE 0 takes any number."""
    shop = make_shop(SMTPADMIN_MAX_QUEUE=0)
    assert len(shop.mail.send_many([letter() for _ in range(1200)])) == 1200


@pytest.mark.parametrize("joined", [False, True])
def test_missing_tables(database_url: str, make_app: Callable[..., Site], *, joined: bool) -> None:
    """Without the tables ``send`` says which command makes them."""
    app, db, mail = make_app(database_url, create=False)
    with app.app_context(), pytest.raises(SchemaMissing, match="flask db upgrade"):
        mail.send(letter(), session=db.session if joined else None)


def test_many_in_chunks(shop: Shop) -> None:
    """Thousands of messages get their ids, contents and recipients in order."""
    letters = [letter(f"user{number}@example.com", cc=["cc@example.com"]) for number in range(1100)]
    queued = shop.mail.send_many(letters)
    assert len({message.id for message in queued}) == 1100
    for number in (0, 499, 500, 1099):
        detail = shop.state.queue.get(queued[number].id)
        assert [one.address for one in detail.recipients] == [
            f"user{number}@example.com",
            "cc@example.com",
        ]
        assert detail.message.message_id == queued[number].message_id
        content = shop.state.queue.content(queued[number].id) or b""
        assert f"user{number}@example.com".encode() in content
    assert shop.bell.count == 1


@pytest.mark.parametrize(
    "database",
    [
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ],
)
def test_a_frozen_transaction_gives_its_rows_back(
    database: str,
    make_shop: Callable[..., Shop],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A transaction whose process does nothing is ended by the server; others get its rows."""
    monkeypatch.setattr("flask_smtpadmin.storage.database.IDLE_TIMEOUT", 1)
    shop = make_shop(request.getfixturevalue(database))
    shop.mail.send(letter())
    table = shop.state.models.table("Message")
    taken = []

    def freeze() -> None:
        with shop.state.database.work() as frozen:
            frozen.execute(sa.update(table).values(worker_id="frozen"))
            time.sleep(2.5)
            with shop.state.database.work() as other:
                taken.append(other.execute(sa.update(table).values(worker_id="other")).rowcount)

    with pytest.raises(sa.exc.DBAPIError):
        freeze()
    assert taken == [1]

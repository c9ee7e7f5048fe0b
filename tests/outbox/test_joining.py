"""A message goes out if and only if the transaction that it belongs to commits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from support.shop import Shop, letter

from flask_smtpadmin.storage.joining import changes

Begin = Callable[[Shop], None]


def _new_object(shop: Shop) -> None:
    shop.db.session.add(shop.Order(name="new"))


def _changed_object(shop: Shop) -> None:
    shop.db.session.get_one(shop.Order, 1).name = "changed"


def _deleted_object(shop: Shop) -> None:
    shop.db.session.delete(shop.db.session.get_one(shop.Order, 1))


def _flushed(shop: Shop) -> None:
    _new_object(shop)
    shop.db.session.flush()


def _orm_update(shop: Shop) -> None:
    shop.db.session.execute(sa.update(shop.Order).values(name="all"))


def _text(shop: Shop) -> None:
    shop.db.session.execute(sa.text("DELETE FROM smtpadmin_setting"))


def _raw_update(shop: Shop) -> None:
    table = shop.Order.__table__
    shop.db.session.connection().execute(sa.update(table).values(name="raw"))


def _begun(shop: Shop) -> None:
    shop.db.session.begin()


def _nested(shop: Shop) -> None:
    shop.db.session.begin_nested()


@pytest.fixture
def ordered(shop: Shop) -> Shop:
    """Return a shop with one committed order."""
    shop.db.session.add(shop.Order(name="first"))
    shop.db.session.commit()
    shop.db.session.remove()
    return shop


IN_USE = [
    _new_object,
    _changed_object,
    _deleted_object,
    _flushed,
    _orm_update,
    _text,
    _raw_update,
    _begun,
]


@pytest.mark.parametrize("begin", IN_USE)
def test_joined_and_rolled_back(ordered: Shop, begin: Begin) -> None:
    """A session in use takes the message with it when it rolls back; nobody is told."""
    begin(ordered)
    ordered.mail.send(letter())
    ordered.db.session.rollback()
    assert (ordered.stored(), ordered.bell.count) == (0, 0)


@pytest.mark.parametrize("begin", [*IN_USE, _nested])
def test_joined_and_committed(ordered: Shop, begin: Begin) -> None:
    """A session in use keeps the message until it commits; then the bell rings, once."""
    begin(ordered)
    ordered.mail.send(letter())
    assert ordered.bell.count == 0
    ordered.db.session.commit()
    assert (ordered.stored(), ordered.bell.count) == (1, 1)


def test_no_session_at_all(shop: Shop) -> None:
    """Without a session the message is durable on return, and no session comes into being."""
    shop.db.session.remove()
    shop.mail.send(letter())
    assert (shop.stored(), shop.bell.count) == (1, 1)
    assert not shop.db.session.registry.has()


def test_only_reads(ordered: Shop) -> None:
    """A session that only read is left alone: durable on return, still in its transaction."""
    order = ordered.db.session.get_one(ordered.Order, 1)
    ordered.db.session.connection().execute(sa.text("SELECT 1"))
    transaction = ordered.db.session().get_transaction()
    ordered.mail.send(letter())
    assert (ordered.stored(), ordered.bell.count) == (1, 1)
    assert ordered.db.session().get_transaction() is transaction
    assert not sa.inspect(order).expired_attributes
    ordered.db.session.rollback()
    assert ordered.stored() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "WITH x AS (SELECT 'please update or delete' AS y) SELECT y FROM x",
        'WITH x AS (SELECT 1 AS "update") SELECT * FROM x -- delete',
        "WITH x AS (SELECT id FROM t FOR UPDATE SKIP LOCKED) SELECT * FROM x",
        "WITH x AS (SELECT id FROM t FOR NO KEY UPDATE) SELECT * FROM x",
    ],
)
def test_a_read_that_only_speaks_of_changes(statement: str) -> None:
    """Text, names and row locks change nothing: a session that nobody commits is not joined."""
    assert not changes(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "WITH x AS (SELECT 'it''s') INSERT INTO t SELECT * FROM x",
        "with x as (update t set n = 'a' returning id) select * from x",
        "/* select */ DELETE FROM t",
        "LOCK TABLE t",
    ],
)
def test_whatever_is_no_read(statement: str) -> None:
    """A change inside WITH, and any other statement, is work that somebody will commit."""
    assert changes(statement)


def test_after_the_commit(ordered: Shop) -> None:
    """What a transaction did is forgotten when it ends: the next message stands alone."""
    _flushed(ordered)
    ordered.db.session.commit()
    ordered.mail.send(letter())
    assert ordered.stored() == 1
    _raw_update(ordered)
    ordered.db.session.rollback()
    ordered.mail.send(letter())
    assert ordered.stored() == 2


def test_nothing_is_flushed_or_expired(ordered: Shop) -> None:
    """Joining leaves the caller's objects as they are, half-filled ones too."""
    session = ordered.db.session
    order = session.get_one(ordered.Order, 1)
    order.name = "changed"
    unfinished = ordered.Order()  # a flush would fail: name is missing
    session.add(unfinished)
    ordered.mail.send(letter())
    assert (unfinished in session.new, order in session.dirty) == (True, True)
    assert not sa.inspect(order).expired_attributes
    unfinished.name = "finished"
    session.commit()
    assert (ordered.orders(), ordered.stored()) == (2, 1)


def test_released_savepoint_rings_nothing(ordered: Shop) -> None:
    """The bell waits for the outermost commit, not for the release of a savepoint."""
    _flushed(ordered)
    with ordered.db.session.begin_nested():
        ordered.mail.send(letter())
    assert ordered.bell.count == 0
    ordered.db.session.commit()
    assert (ordered.stored(), ordered.bell.count) == (1, 1)


def test_released_savepoint_and_outer_rollback(ordered: Shop) -> None:
    """A released savepoint is undone by the outer rollback, and its message with it."""
    _flushed(ordered)
    with ordered.db.session.begin_nested():
        ordered.mail.send(letter())
    ordered.db.session.rollback()
    assert (ordered.stored(), ordered.orders(), ordered.bell.count) == (0, 1, 0)


def test_a_savepoint_that_comes_first(ordered: Shop) -> None:
    """A savepoint with nothing before it commits nothing either, on SQLite too."""
    ordered.db.session.get_one(ordered.Order, 1)
    with ordered.db.session.begin_nested():
        _flushed(ordered)
        ordered.mail.send(letter())
    ordered.db.session.rollback()
    assert (ordered.stored(), ordered.orders(), ordered.bell.count) == (0, 1, 0)
    with ordered.db.session.begin_nested():
        ordered.mail.send(letter())
    ordered.db.session.commit()
    assert (ordered.stored(), ordered.bell.count) == (1, 1)


def test_rolled_back_savepoint(ordered: Shop) -> None:
    """Only the message inside the savepoint is undone when that rolls back."""
    _flushed(ordered)
    ordered.mail.send(letter("outer@example.com"))
    savepoint = ordered.db.session.begin_nested()
    ordered.mail.send(letter("inner@example.com"))
    savepoint.rollback()
    ordered.db.session.commit()
    rows = ordered.state.queue.list().messages
    assert [row.first_recipient for row in rows] == ["outer@example.com"]
    assert ordered.bell.count == 1


def test_another_session(ordered: Shop) -> None:
    """``session=`` joins that session, begun or not, whatever ``db.session`` does."""
    with Session(ordered.db.engine) as other:
        ordered.mail.send(letter(), session=other)
        assert ordered.bell.count == 0
        other.rollback()
        assert ordered.stored() == 0
        ordered.mail.send(letter(), session=other)
        other.commit()
    assert (ordered.stored(), ordered.bell.count) == (1, 1)


def test_scoped_session(ordered: Shop) -> None:
    """``session=db.session`` joins although nothing is open in it."""
    ordered.mail.send(letter(), session=ordered.db.session)
    assert ordered.stored() == 0
    ordered.db.session.commit()
    assert (ordered.stored(), ordered.bell.count) == (1, 1)


def test_removed_session(ordered: Shop) -> None:
    """A session that goes away without a commit takes its message along."""
    ordered.mail.send(letter(), session=ordered.db.session)
    ordered.db.session.remove()
    assert (ordered.stored(), ordered.bell.count) == (0, 0)


def test_external_transaction(ordered: Shop) -> None:
    """A session on a connection that somebody began a transaction on belongs to that."""
    with ordered.db.engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="rollback_only") as session:
            ordered.mail.send(letter(), session=session)
            session.commit()
        outer.rollback()
    assert ordered.stored() == 0


def test_test_in_a_transaction(ordered: Shop) -> None:
    """A test that puts a connection with an open transaction under ``db.session`` undoes all."""
    engines = ordered.db.engines
    engine = engines[None]
    with engine.connect() as connection, connection.begin() as outer:
        engines[None] = connection
        ordered.mail.send(letter())
        outer.rollback()
        ordered.db.session.remove()
        engines[None] = engine
    assert ordered.stored() == 0


def test_listener_after_the_commit(ordered: Shop) -> None:
    """``send`` in a listener for ``after_commit`` stands alone: that transaction is over."""
    session = ordered.db.session()
    sa.event.listen(session, "after_commit", lambda _: ordered.mail.send(letter()), once=True)
    _flushed(ordered)
    session.commit()
    assert (ordered.stored(), ordered.bell.count) == (1, 1)


def test_receiver_may_use_the_session(ordered: Shop) -> None:
    """A receiver of ``message_queued`` runs after the commit and may query."""
    from flask_smtpadmin import message_queued

    seen = []

    def receive(app: object, message: object) -> None:
        orders = ordered.db.session.scalars(sa.select(ordered.Order)).all()
        seen.append((app, message, len(orders)))

    with message_queued.connected_to(receive):
        _new_object(ordered)
        queued = ordered.mail.send(letter())
        ordered.db.session.commit()
    assert seen == [(ordered.app, queued, 2)]

"""One message per key, whoever asks, however often, at whatever time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from support.shop import Shop, letter

from flask_smtpadmin import InvalidMessage, QueueUnavailable


def test_second_call_returns_the_first(shop: Shop) -> None:
    """The second call with a key returns the first message and stores nothing."""
    first = shop.mail.send(letter("first@example.com"), key="order-1")
    second = shop.mail.send(letter("second@example.com"), key="order-1")
    assert (first.created, second.created) == (True, False)
    assert (second.id, second.message_id) == (first.id, first.message_id)
    assert (second.key, second.next_try_at) == ("order-1", first.next_try_at)
    assert (shop.stored(), shop.bell.count) == (1, 1)


def test_whatever_its_state(shop: Shop) -> None:
    """A key counts as long as the row is there, and is free again after that."""
    first = shop.mail.send(letter(), key="k")
    shop.state.queue.cancel(first.id)
    second = shop.mail.send(letter(), key="k")
    assert (second.id, second.state, second.created) == (first.id, "cancelled", False)
    shop.state.queue.delete(first.id)
    assert shop.mail.send(letter(), key="k").created


def test_keys_differ_to_the_letter(shop: Shop) -> None:
    """Case, trailing spaces and accents make another key, whatever the collation."""
    keys = ["key", "KEY", "key ", "kéy", "x" * 255, "x" * 254 + "y"]
    assert all(shop.mail.send(letter(), key=key).created for key in keys)


def test_race(shop: Shop) -> None:
    """Of 8 threads that send with one key at the same moment, one creates the message."""
    start = threading.Barrier(8)

    def send(number: int) -> tuple[int, bool]:
        with shop.app.app_context():
            start.wait()
            queued = shop.mail.send(letter(f"user{number}@example.com"), key="one")
            return queued.id, queued.created

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(send, range(8)))
    assert len({number for number, _ in results}) == 1
    assert [created for _, created in results].count(True) == 1
    assert shop.stored() == 1


def test_joined_conflict_breaks_nothing(shop: Shop) -> None:
    """A known key leaves the caller's transaction whole: its own changes commit."""
    first = shop.mail.send(letter(), key="k")
    shop.db.session.add(shop.Order(name="mine"))
    shop.db.session.flush()
    second = shop.mail.send(letter(), key="k")
    shop.db.session.commit()
    assert (second.id, second.created) == (first.id, False)
    assert (shop.orders(), shop.stored(), shop.bell.count) == (1, 1, 1)


def test_joined_twice(shop: Shop) -> None:
    """Inside one transaction the second call finds the first, committed or not."""
    shop.db.session.begin()
    first = shop.mail.send(letter(), key="k")
    second = shop.mail.send(letter(), key="k")
    shop.db.session.commit()
    assert (second.id, first.created, second.created) == (first.id, True, False)


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
@pytest.mark.parametrize("url", ["postgresql_url", "mariadb_url"])
def test_joined_race(
    url: str,
    level: str,
    request: pytest.FixtureRequest,
    make_shop: Callable[..., Shop],
) -> None:
    """A key that another transaction stores meanwhile is found, and the caller's commits.

    The caller's snapshot is older than the other's commit; its INSERT waits for that commit.
    """
    shop = make_shop(request.getfixturevalue(url))
    engine = shop.db.engine.execution_options(isolation_level=level)
    with Session(engine) as session, ThreadPoolExecutor(1) as thread:
        assert session.scalars(sa.select(shop.Order)).all() == []
        session.execute(sa.insert(shop.Order).values(name="mine"))
        with Session(shop.db.engine) as other:
            first = shop.mail.send(letter(), session=other, key="k")
            waiting = thread.submit(_send_joined, shop, session)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
            other.commit()
        second = waiting.result(30)
        session.commit()
    assert (second.id, second.created) == (first.id, False)
    assert (shop.orders(), shop.stored()) == (1, 1)


def _send_joined(shop: Shop, session: Session):
    with shop.app.app_context():
        return shop.mail.send(letter(), session=session, key="k")


def test_waits_for_an_open_key_only_so_long(
    postgresql_url: str, make_shop: Callable[..., Shop]
) -> None:
    """A key in a transaction that does not end: QueueUnavailable after the time-out."""
    shop = make_shop(postgresql_url)
    shop.state.database.busy_timeout = 0.3
    with Session(shop.db.engine) as other:
        shop.mail.send(letter(), session=other, key="k")
        with pytest.raises(QueueUnavailable, match="session="):
            shop.mail.send(letter(), key="k")


def test_many(shop: Shop) -> None:
    """``send_many`` stores what is new and returns a message for each, in order."""
    shop.mail.send(letter(), key="b")
    letters = [letter(f"{name}@example.com") for name in "abcad"]
    queued = shop.mail.send_many(letters, keys=["a", "b", "c", "a", None])
    assert [message.created for message in queued] == [True, False, True, False, True]
    assert queued[3].id == queued[0].id
    assert [message.key for message in queued] == ["a", "b", "c", "a", None]
    assert shop.stored() == 4


def test_many_race(shop: Shop) -> None:
    """Batches that share keys, at the same moment, store each key once."""
    start = threading.Barrier(4)
    keys = [f"key-{number}" for number in range(50)]

    def send(seed: int) -> list[int]:
        mine = keys[seed * 10 :] + keys[: seed * 10]
        with shop.app.app_context():
            start.wait()
            queued = shop.mail.send_many([letter() for _ in mine], keys=mine)
        return [message.id for message in sorted(queued, key=lambda one: one.key)]

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(send, range(4)))
    assert shop.stored() == 50
    assert all(ids == results[0] for ids in results)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "a\nb", 7])
def test_bad_key(sqlite_shop: Shop, key: object) -> None:
    """A key is 1 to 255 printable characters."""
    with pytest.raises(InvalidMessage) as caught:
        sqlite_shop.mail.send(letter(), key=key)
    assert caught.value.field == "key"


@pytest.mark.parametrize("keys", [["a"], "ab", ["a", "b", "c"]])
def test_as_many_keys_as_messages(sqlite_shop: Shop, keys: object) -> None:
    """``keys`` takes one for each message."""
    with pytest.raises(InvalidMessage) as caught:
        sqlite_shop.mail.send_many([letter(), letter()], keys=keys)
    assert (caught.value.field, sqlite_shop.stored()) == ("keys", 0)

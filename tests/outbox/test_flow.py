"""Thousands of messages at once: stored while the next ones are built, all or none."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin import InvalidMessage, Message, QueueFull, QueueUnavailable
from flask_smtpadmin.core.mail.mime import Built
from flask_smtpadmin.storage.inserts import CHUNK

MANY = 2 * CHUNK + 100


@pytest.fixture(
    params=[
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def flowing(request: pytest.FixtureRequest, make_shop: Callable[..., Shop]) -> Shop:
    """Give a shop on a database where building and storing go on side by side."""
    return make_shop(request.getfixturevalue(request.param))


def people(count: int) -> dict[str, dict[str, Any]]:
    """Return so many readers, each with a number."""
    return {f"user{number}@example.com": {"number": number} for number in range(count)}


def test_a_queue_without_a_limit_keeps_them(
    database_url: str, make_shop: Callable[..., Shop]
) -> None:
    """They are committed though nothing else was asked in that transaction."""
    shop = make_shop(database_url, SMTPADMIN_MAX_QUEUE=0)
    shop.mail.send_many([letter() for _ in range(MANY)])
    assert shop.stored() == MANY


def test_each_row_is_the_right_one(shop: Shop) -> None:
    """Ids, contents and recipients of a mailing in several chunks belong together, in order."""
    shop.mail.email_type(
        "news",
        subject="Number {{ number }}",
        text="For {{ number }}.",
        sample={"number": 1},
    )
    queued = shop.mail.send_type("news", people(MANY))
    ids = [message.id for message in queued]
    assert len(set(ids)) == len(ids) == MANY
    assert shop.stored() == MANY
    for number in (0, CHUNK - 1, CHUNK, 2 * CHUNK, MANY - 1):
        detail = shop.state.queue.get(ids[number])
        assert detail.message.subject == f"Number {number}"
        assert detail.message.message_id == queued[number].message_id
        assert [one.address for one in detail.recipients] == [f"user{number}@example.com"]
        assert f"For {number}.".encode() in (shop.state.queue.content(ids[number]) or b"")
    assert shop.bell.count == 1


@pytest.mark.parametrize("wrong", [0, CHUNK, MANY - 1])
def test_a_message_that_cannot_be_used_keeps_all_back(shop: Shop, wrong: int) -> None:
    """The error says which one it is, and what was stored before it is undone."""
    letters = [letter(f"user{number}@example.com") for number in range(MANY)]
    letters[wrong].subject = "two\nlines"
    with pytest.raises(InvalidMessage) as caught:
        shop.mail.send_many(letters)
    assert (caught.value.index, caught.value.field) == (wrong, "subject")
    assert shop.stored() == 0
    assert shop.bell.count == 0
    assert shop.mail.send(letter()).created  # the connection is as good as before


def test_few_of_them_are_in_memory(flowing: Shop) -> None:
    """While one chunk is stored the next one is built; what was stored before is let go."""
    most = 0

    def prepare(number: int) -> dict[str, Any]:
        nonlocal most
        if number % CHUNK == CHUNK // 2:
            built = [one for one in gc.get_objects() if type(one) is Built]
            most = max(most, sum(one.subject.startswith("Few") for one in built))
        return {"number": number}

    flowing.mail.email_type(
        "news",
        subject="Few {{ number }}",
        text="Hello",
        prepare=prepare,
        sample={"number": 1},
    )
    flowing.mail.send_type("news", people(5 * CHUNK))
    assert flowing.stored() == 5 * CHUNK
    assert 0 < most < 3 * CHUNK


def test_a_full_queue_is_told_before_anything_is_built(
    make_shop: Callable[..., Shop], postgresql_url: str
) -> None:
    """QueueFull counts all of them, and no message was looked at."""
    shop = make_shop(postgresql_url, SMTPADMIN_MAX_QUEUE=MANY - 1)
    with pytest.raises(QueueFull) as caught:
        shop.mail.send_many([letter() for _ in range(MANY)])
    assert caught.value.asked == MANY
    assert shop.stored() == 0


def test_a_database_that_goes_away_in_the_midst(
    make_shop: Callable[..., Shop], postgresql_url: str
) -> None:
    """The error is the one of any ``send``, nothing is stored, and the next call works."""
    shop = make_shop(postgresql_url)
    shop.mail.send(letter())

    def cut(number: int) -> dict[str, Any]:
        if number == CHUNK + 10:
            _end_others(shop)
        return {"number": number}

    shop.mail.email_type(
        "news", subject="{{ number }}", text="Hello", prepare=cut, sample={"number": 1}
    )
    with pytest.raises(QueueUnavailable):
        shop.mail.send_type("news", people(MANY))
    assert shop.stored() == 1
    shop.mail.send(letter())
    assert shop.stored() == 2


def _end_others(shop: Shop) -> None:
    """Have PostgreSQL end every connection to this database that is in a transaction."""
    engine = sa.create_engine(shop.db.engine.url)
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state <> 'idle'"
                " AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


def test_a_generator_s_own_error_is_the_caller_s(flowing: Shop) -> None:
    """What goes wrong in the app while it writes is raised as it is, and nothing is stored."""

    class Late(Message):
        @property
        def subject(self) -> str:
            raise ZeroDivisionError

        @subject.setter
        def subject(self, _value: str) -> None:
            """Take none."""

    def letters() -> Iterator[Message]:
        yield from (letter() for _ in range(CHUNK + 5))
        yield Late(recipients=["a@example.com"])

    with pytest.raises(ZeroDivisionError):
        flowing.mail.send_many(list(letters()))
    assert flowing.stored() == 0


@pytest.mark.parametrize(
    "away",
    [
        sa.exc.OperationalError("SELECT", {}, Exception("the shop's own database is away")),
        psycopg.OperationalError("the shop's own database is away"),
    ],
    ids=["SQLAlchemy", "driver"],
)
def test_an_error_of_the_apps_own_database_stays_one(flowing: Shop, away: Exception) -> None:
    """What a type's values are made of may be out of reach: the queue is not blamed for that."""

    def prepare(number: int) -> dict[str, Any]:
        if number == CHUNK + 1:
            raise away
        return {"number": number}

    flowing.mail.email_type(
        "own", subject="{{ number }}", text="Hello.", prepare=prepare, sample={"number": 1}
    )
    with pytest.raises(type(away)) as caught:
        flowing.mail.send_type("own", people(MANY))
    assert caught.value is away
    assert flowing.stored() == 0

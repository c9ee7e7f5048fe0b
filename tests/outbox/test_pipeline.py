"""Statements that go out before earlier ones are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop

from flask_smtpadmin.storage import pipeline
from flask_smtpadmin.storage.pipeline import run_each, sends_ahead


@pytest.fixture
def shop(postgresql_url: str, make_shop: Callable[..., Shop]) -> Shop:
    """Return a shop on PostgreSQL."""
    return make_shop(postgresql_url)


@pytest.fixture(params=["ahead", "in turn"])
def any_way(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop whose driver sends ahead, and one whose driver does not."""
    if request.param == "in turn":
        monkeypatch.setattr(pipeline, "sends_ahead", lambda _dialect: False)
    return shop


def test_the_next_is_made_while_the_server_is_busy(shop: Shop) -> None:
    """A second statement is asked for though the first one still waits for a lock."""
    with shop.db.engine.connect() as other, shop.state.database.write() as connection:
        other.execute(sa.text("LOCK TABLE smtpadmin_job IN ACCESS EXCLUSIVE MODE"))

        def parameters() -> Iterator[dict[str, Any]]:
            yield {"number": 1}
            other.rollback()
            yield {"number": 2}

        sql = "SELECT %(number)s + count(*) FROM smtpadmin_job"
        assert run_each(connection, sql, parameters()) == [(1,), (2,)]


def test_rows_come_in_order(any_way: Shop) -> None:
    """All rows of all statements, as the parameters were given."""
    given = ({"number": number} for number in range(300))
    with any_way.state.database.write() as connection:
        rows = run_each(connection, "SELECT generate_series(1, mod(%(number)s, 3))", given)
    assert [number for (number,) in rows] == [1, 1, 2] * 100


def test_an_error_is_sqlalchemys(any_way: Shop) -> None:
    """One that fails is told like any other statement, and nothing of them is kept."""
    sql = """INSERT INTO "order" (id, name) VALUES (%(id)s, 'tea') RETURNING id"""
    twice = [{"id": 1}, {"id": 1}]
    with pytest.raises(sa.exc.IntegrityError), any_way.state.database.write() as connection:
        run_each(connection, sql, twice)
    assert any_way.orders() == 0


def test_a_broken_connection_is_given_up(any_way: Shop) -> None:
    """The error says that it broke, and the pool does not hand it out again."""
    database = any_way.state.database
    with pytest.raises(sa.exc.OperationalError) as caught, database.write() as connection:
        run_each(connection, "SELECT pg_terminate_backend(pg_backend_pid())", [{}, {}])
    assert caught.value.connection_invalidated
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1


def test_which_drivers_send_ahead(shop: Shop) -> None:
    """Psycopg 3 does; no other driver is asked to."""
    assert sends_ahead(shop.db.engine.dialect)
    assert not sends_ahead(sa.create_engine("sqlite://").dialect)

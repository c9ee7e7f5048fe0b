"""MAX_QUEUE: exact where it matters, and not counted anew for each message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin import QueueFull
from flask_smtpadmin.storage.admission import Admission, Room
from flask_smtpadmin.storage.database import utcnow


@pytest.fixture
def counted(shop: Shop) -> list[str]:
    """Return the statements that counted what waits, as they are run."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "count(" in statement:
            seen.append(statement)

    sa.event.listen(shop.state.database.engine, "before_cursor_execute", note)
    return seen


def admit(shop: Shop, admission: Admission, asked: int, room: Room) -> None:
    """Ask for places without storing anything."""
    with shop.state.database.read() as connection:
        admission.admit(connection, asked, room)


def test_one_count_serves_many_messages(shop: Shop, counted: list[str]) -> None:
    """An eighth of the room may be filled after a count; the next message is counted for."""
    admission = Admission(shop.state.models)
    for _ in range(10):
        admit(shop, admission, 1, Room(80))
    assert len(counted) == 1
    admit(shop, admission, 1, Room(80))
    assert len(counted) == 2


def test_a_count_is_old_after_100_ms(
    shop: Shop, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other processes stored in the meantime is seen."""
    clock = [100.0]
    monkeypatch.setattr("flask_smtpadmin.storage.admission.time.monotonic", lambda: clock[0])
    admission = Admission(shop.state.models)
    for moment in (100.0, 100.09, 100.11):
        clock[0] = moment
        admit(shop, admission, 1, Room(1000))
    assert len(counted) == 2


def test_the_limit_is_exact_for_one_sender(
    make_shop: Callable[..., Shop], database_url: str
) -> None:
    """One by one exactly MAX_QUEUE messages are stored, whatever was counted before."""
    shop = make_shop(database_url, SMTPADMIN_MAX_QUEUE=20)
    for _ in range(20):
        shop.mail.send(letter())
    with pytest.raises(QueueFull):
        shop.mail.send(letter())
    assert shop.stored() == 20


def test_critical_mail_has_a_tenth_in_reserve(shop: Shop) -> None:
    """Where ordinary mail is refused, critical mail is taken up to 110 % of the limit."""
    shop.mail.send_many([letter() for _ in range(10)])
    admission = Admission(shop.state.models)
    with pytest.raises(QueueFull):
        admit(shop, admission, 1, Room(10))
    admit(shop, admission, 1, Room(10, critical=True))
    with pytest.raises(QueueFull) as caught:
        admit(shop, admission, 2, Room(10, critical=True))
    assert (caught.value.limit, caught.value.queued, caught.value.asked) == (11, 10, 2)


def test_no_limit_counts_nothing(shop: Shop, counted: list[str]) -> None:
    """0 means any number, and what does not wait (``asked`` 0) needs no room."""
    admission = Admission(shop.state.models)
    admit(shop, admission, 10**9, Room(0))
    admit(shop, admission, 0, Room(1))
    assert counted == []


def test_what_a_worker_holds_waits_too(shop: Shop) -> None:
    """Claimed messages take room until they are done."""
    shop.mail.send_many([letter() for _ in range(3)])
    table = shop.state.models.table("Message")
    with shop.state.database.write() as connection:
        held = {"state": "sending", "worker_id": "w1", "run_at": None, "lease_until": utcnow()}
        connection.execute(sa.update(table).values(held))
    with pytest.raises(QueueFull):
        admit(shop, Admission(shop.state.models), 1, Room(3))

"""How long what is over is kept: contents of messages, and attempts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.core.errors import ContentWiped
from flask_smtpadmin.core.retention import Keep
from flask_smtpadmin.core.rows import RETRYABLE, Filter
from flask_smtpadmin.core.states import State
from flask_smtpadmin.storage.addresses import Addresses
from flask_smtpadmin.storage.attempts import Attempts
from flask_smtpadmin.storage.contents import Contents
from flask_smtpadmin.storage.database import utcnow

FAILED: tuple[State, ...] = ("dead", "uncertain", "partial", "expired", "cancelled")


def put(shop: Shop, number: int, **columns: Any) -> None:
    """Set columns of one message."""
    table = shop.state.models.table("Message")
    with shop.state.database.write() as connection:
        connection.execute(sa.update(table).where(table.c.id == number).values(**columns))


def ended(shop: Shop, states: Sequence[State], days: float) -> list[int]:
    """Queue messages that ended so many days ago, one in each of ``states``."""
    numbers = [one.id for one in shop.mail.send_many([letter() for _ in states])]
    moment = utcnow() - timedelta(days=days)
    for number, state in zip(numbers, states, strict=True):
        put(shop, number, state=state, run_at=None, state_at=moment)
    return numbers


def there(shop: Shop, numbers: Sequence[int]) -> list[bool]:
    """Say of each message whether its content is kept."""
    return [shop.state.queue.content(number) is not None for number in numbers]


def test_contents_are_kept_as_long_as_their_type_wants(shop: Shop) -> None:
    """Each type by its own days, others by RETENTION_SENT; what was not sent is left alone."""
    kinds = ["news", "bill", "code", None, "bill"]
    numbers = [shop.mail.send(letter(), type=kind).id for kind in kinds]
    now = utcnow()
    for number in numbers:
        put(shop, number, state="sent", run_at=None, state_at=now - timedelta(days=3))
    put(shop, numbers[4], state="dead")
    contents = Contents(shop.state.database)
    keep = Keep(2, {"news": 5, "bill": None, "code": 0})
    contents.prune(keep, now)
    there = [shop.state.queue.content(number) is not None for number in numbers]
    assert there == [True, True, False, False, True]
    contents.prune(keep, now + timedelta(days=3))
    assert shop.state.queue.content(numbers[0]) is None


def test_all_that_is_too_old_is_found_in_steps(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one step takes, many of one moment: each call goes on where the last one ended."""
    monkeypatch.setattr("flask_smtpadmin.storage.ended.BATCH", 2)
    shop = sqlite_shop
    numbers = [one.id for one in shop.mail.send_many([letter() for _ in range(5)])]
    now = utcnow()
    for number in numbers:
        put(shop, number, state="sent", run_at=None, state_at=now - timedelta(days=8))
    contents = Contents(shop.state.database)
    for left in (3, 1, 0):
        contents.prune(Keep(7), now)
        assert sum(shop.state.queue.content(n) is not None for n in numbers) == left


def test_what_failed_is_kept_for_its_own_time(shop: Shop) -> None:
    """RETENTION_DEAD is for all that was not sent; what was caught, or waits, stays."""
    old = ended(shop, (*FAILED, "caught", "sent"), days=31)
    waiting = shop.mail.send(letter()).id
    put(shop, waiting, state_at=utcnow() - timedelta(days=31))
    new = ended(shop, FAILED, days=29)
    Contents(shop.state.database).prune(Keep(failed=30), utcnow())
    assert there(shop, old) == [False] * len(FAILED) + [True, True]
    assert all(there(shop, [*new, waiting]))


def test_what_lost_its_content_is_not_tried_again(shop: Shop) -> None:
    """Each verb refuses it in words, or leaves it alone; those that have theirs go on."""
    gone = ended(shop, FAILED, days=31)
    Contents(shop.state.database).prune(Keep(failed=30), utcnow())
    (fine,) = ended(shop, ["dead"], days=1)
    queue = shop.state.queue
    for number in gone:
        with pytest.raises(ContentWiped, match="no longer kept"):
            queue.retry(number)
        assert not queue.get(number).message.can_retry
    with shop.state.database.write() as connection:
        tally = queue.do(connection, Deed("retry"), [*gone, fine])
    assert (tally.doable(Deed("retry")), tally.skipped(Deed("retry"))) == (1, {"state": len(gone)})
    assert queue.get(fine).message.state == "queued"
    assert queue.retry_all(Filter(state="dead")) == 0
    states = [queue.get(number).message.state for number in gone]
    assert states == list(FAILED)


@pytest.mark.parametrize("state", sorted(set(RETRYABLE) - {"caught"}))
def test_one_that_is_tried_again_keeps_its_content(shop: Shop, state: State) -> None:
    """Who comes between finding what is old and removing it is waited for, and keeps it."""
    (number,) = ended(shop, [state], days=31)
    contents = Contents(shop.state.database)
    found = threading.Event()
    remove = contents._remove

    def slowly(numbers: Sequence[int], of: State) -> None:
        assert list(numbers) == [number]
        shop.state.queue.retry(number)
        found.set()
        remove(numbers, of)

    contents._remove = slowly  # type: ignore[method-assign]  # to come in between
    contents.prune(Keep(failed=30), utcnow())
    assert found.is_set()
    assert there(shop, [number]) == [True]


CANARY = "kanari"


def canaries(shop: Shop, states: Sequence[State], days: float) -> list[int]:
    """Queue messages with an address in every place, that ended so many days ago."""
    letters = [
        letter(f"o'{CANARY}{n}@example.com", cc=[f"{CANARY}.{n}@example.org"])
        for n in range(len(states))
    ]
    for one in letters:
        one.subject = f"For {CANARY}"
    keys = [f"welcome:{CANARY}{n}-{days}@example.com" for n in range(len(states))]
    numbers = [shop.mail.send(one, key=key).id for one, key in zip(letters, keys, strict=True)]
    told = f"550 5.1.1 <o'{CANARY}@example.com> unknown"
    moment = utcnow() - timedelta(days=days)
    attempt, recipient = (shop.state.models.table(name) for name in ("Attempt", "Recipient"))
    for number, state in zip(numbers, states, strict=True):
        put(shop, number, state=state, run_at=None, state_at=moment, error=told)
        tried = {"worker_id": "w", "server_key": "default", "started_at": moment, "phase": "done"}
        with shop.state.database.write() as connection:
            row = {"message": number, "n": 1, "reply": told, **tried}
            connection.execute(sa.insert(attempt).values(**row))
            whose = recipient.c.message == number
            connection.execute(sa.update(recipient).where(whose).values(reply=told))
    return numbers


def rows_of(shop: Shop, numbers: Sequence[int]) -> str:
    """Return all that the tables hold about messages."""
    models, found = shop.state.models, []
    with shop.state.database.read() as connection:
        for name in ("Message", "Content", "Recipient", "Attempt"):
            table = models.table(name)
            number = table.c.message if "message" in table.c else table.c.id
            found.append(connection.execute(sa.select(table).where(number.in_(numbers))).all())
    return repr(found)


def test_nothing_tells_whom_old_messages_were_to(shop: Shop) -> None:
    """No table holds an address or a subject then; what became of them is still there."""
    old = canaries(shop, (*FAILED, "sent"), days=31)
    new = canaries(shop, ["dead", "sent"], days=29)
    keep = Keep(sent=7, failed=30, addresses=30)
    Contents(shop.state.database).prune(keep, utcnow())
    Addresses(shop.state.database).prune(keep, utcnow())
    assert CANARY not in rows_of(shop, old)
    detail = shop.state.queue.get(old[0])
    assert (detail.message.subject, detail.message.state) == ("…", "dead")
    assert [one.address for one in detail.recipients] == ["o•••@example.com", "k•••@example.org"]
    assert detail.attempts[0].reply == "550 5.1.1 <o•••@example.com> unknown"
    assert all(CANARY in rows_of(shop, [number]) for number in new)


def test_no_address_goes_before_the_content(shop: Shop) -> None:
    """What can still be tried again, or read, has its recipients, whatever the settings say."""
    dead, sent = canaries(shop, ["dead", "sent"], days=40)
    (caught,) = canaries(shop, ["caught"], days=40)
    addresses, database = Addresses(shop.state.database), shop.state.database
    for keep in (Keep(sent=None, failed=365, addresses=0), Keep(addresses=0)):
        addresses.prune(keep, utcnow())
        assert all(CANARY in rows_of(shop, [number]) for number in (dead, sent, caught))
    addresses.prune(Keep(sent=7, failed=30, addresses=0), utcnow())  # and was not removed yet
    assert all(CANARY in rows_of(shop, [number]) for number in (dead, sent))
    keep = Keep(sent=7, failed=365, addresses=0)
    Contents(database).prune(keep, utcnow())
    Addresses(database).prune(keep, utcnow())
    assert CANARY not in rows_of(shop, [sent])
    assert shop.state.queue.retry(dead) == "queued"
    assert CANARY in rows_of(shop, [caught])


def test_many_are_masked_in_steps(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call goes on where the last one ended; one that is masked is left as it is."""
    monkeypatch.setattr("flask_smtpadmin.storage.ended.BATCH", 2)
    numbers = canaries(shop, ["sent"] * 5, days=31)
    keep = Keep(sent=7, failed=30, addresses=30)
    Contents(shop.state.database).prune(keep, utcnow(), most=9)
    addresses = Addresses(shop.state.database)
    for left in (3, 1, 0, 0):
        addresses.prune(keep, utcnow())
        assert sum(CANARY in rows_of(shop, [number]) for number in numbers) == left
    before = rows_of(shop, numbers)
    Addresses(shop.state.database).prune(keep, utcnow(), most=9)
    assert rows_of(shop, numbers) == before


def test_old_attempts_go(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that began before a time, the oldest first, some at a time."""
    monkeypatch.setattr("flask_smtpadmin.storage.attempts.BATCH", 2)
    (number,) = ended(shop, ["dead"], days=200)
    attempt = shop.state.models.table("Attempt")
    now = utcnow()
    rows = [
        {
            "message": number,
            "n": n,
            "worker_id": "w",
            "server_key": "default",
            "started_at": now - timedelta(days=200 - n),
            "phase": "done",
        }
        for n in range(1, 5)
    ]
    with shop.state.database.write() as connection:
        connection.execute(sa.insert(attempt), rows)
    attempts = Attempts(shop.state.models)
    more = []
    for _ in range(3):
        with shop.state.database.write() as connection:
            more.append(attempts.prune(connection, now - timedelta(days=196.5)))
    assert more == [True, False, False]
    assert [one.n for one in shop.state.queue.get(number).attempts] == [4]

"""Messages that open accounts: sealed in a table of their own, and wiped when they have ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from support.queues import MailQueue, decided
from support.shop import Shop, letter

from flask_smtpadmin import QueueFull
from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.core.errors import ConfigurationError, ContentWiped, SecretUnreadable
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.mail.mime import Renderer
from flask_smtpadmin.core.queued import Batch, Entry
from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.secrecy import veiled
from flask_smtpadmin.core.states import State
from flask_smtpadmin.posting import post
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.journal import decode, encode
from flask_smtpadmin.storage.parking import Parking
from flask_smtpadmin.storage.rescue import Leases
from flask_smtpadmin.storage.results import Results
from flask_smtpadmin.storage.sealed import Sealed

LINK = "https://shop.example/reset/kanari-7f3a"


def secret(shop: Shop, count: int = 1, **options: Any) -> list[int]:
    """Queue secret messages and return their numbers."""
    letters = [letter(f"to{n}@example.com", sender="app@example.com") for n in range(count)]
    for one in letters:
        one.body = LINK
    return [one.id for one in post(shop.state, letters, Handling(secret=True, **options))]


def kept(shop: Shop) -> list[int]:
    """Return the numbers of the messages whose sealed content is there."""
    table = shop.state.models.table("Sealed")
    with shop.state.database.read() as connection:
        return list(connection.execute(sa.select(table.c.id).order_by(table.c.id)).scalars())


def put(shop: Shop, number: int, **columns: Any) -> None:
    """Set columns of one message."""
    table = shop.state.models.table("Message")
    with shop.state.database.write() as connection:
        connection.execute(sa.update(table).where(table.c.id == number).values(**columns))


def prune(shop: Shop, now: datetime) -> int:
    """Remove what was kept for long enough at ``now``."""
    with shop.state.database.write() as connection:
        return Sealed(shop.state.models).prune(connection, now)


def test_no_table_holds_what_a_secret_message_says(shop: Shop) -> None:
    """Content goes sealed into a table of its own; the mark is in the row and in its JSON."""
    numbers = secret(shop, 3)
    ordinary = shop.mail.send(letter()).id
    metadata = shop.state.models.metadata
    with shop.state.database.read() as connection:
        rows = [connection.execute(sa.select(item)).all() for item in metadata.sorted_tables]
    assert "kanari" not in repr(rows)
    assert kept(shop) == numbers
    assert [shop.state.queue.content(number) for number in numbers] == [None] * 3
    marks = [shop.mail.queue.get(number)["secret"] for number in (*numbers, ordinary)]
    assert marks == [True, True, True, False]


def test_a_worker_opens_it_and_nobody_opens_it_as_another(shop: Shop) -> None:
    """A claim brings sealed and other contents; the Message-ID inside must be the row's own."""
    numbers = secret(shop, 2)
    ordinary = shop.mail.send(letter(sender="app@example.com")).id
    jobs = {job.id: job for job in MailQueue(shop).claim()}
    first, second = (jobs[number] for number in numbers)
    assert b"Good to have you." in (jobs[ordinary].content or b"")
    assert LINK.encode() in shop.state.seals.open(first.message_id, first.content or b"")
    with pytest.raises(SecretUnreadable, match="encrypted for another one"):
        shop.state.seals.open(first.message_id, second.content or b"")


def test_without_a_key_nothing_is_stored(make_shop: Callable[..., Shop], sqlite_url: str) -> None:
    """What cannot be encrypted is refused, not stored in clear."""
    shop = make_shop(sqlite_url, SMTPADMIN_ENCRYPTION_KEYS=["none"])
    with pytest.raises(ConfigurationError, match="is not a Fernet key"):
        secret(shop)
    assert shop.stored() == 0


def test_what_a_switched_off_type_says_is_not_stored(shop: Shop) -> None:
    """Its message is stored as cancelled, which is an end like any other."""
    handling = Handling(secret=True, kept_back="The type Reset is switched off.")
    terms = handling.terms(now=datetime.now(UTC), caught=False)
    built = Renderer(now=datetime.now(UTC), domain="example.com").render(letter(), "token")
    (queued,) = shop.state.outbox.add(Batch([Entry(built)], terms))
    row = shop.state.queue.get(queued.id).message
    assert (row.state, row.secret, row.wiped, kept(shop)) == ("cancelled", True, True, [])


def test_key_and_transaction_are_heeded(shop: Shop) -> None:
    """The second with a key is the first, and a rollback takes the sealed content with it."""
    first, again = (secret(shop, keys=["k"])[0] for _ in range(2))
    assert (first, kept(shop)) == (again, [first])
    shop.db.session.add(shop.Order(name="x"))
    secret(shop, 2)
    shop.db.session.rollback()
    assert kept(shop) == [first]


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Reset your password", "Reset your password"),
        ("482913 is your code", "… is your code"),
        ("Your code: AB-12-CD.", "Your code: …"),
        ("Ihr Code lautet QWERTY", "Ihr Code lautet …"),
        ("Über Größe, 您的验证码", "Über Größe, 您的验证码"),
        ("Go to https://shop.example/x", "Go to …"),
    ],
)
def test_a_code_in_the_subject_is_not_listed(subject: str, shown: str) -> None:
    """Words with digits, in capitals or with a link are left out of lists."""
    assert veiled(subject) == shown


def test_the_row_has_the_veiled_subject(shop: Shop) -> None:
    """The message itself keeps the whole one."""
    one = letter(sender="app@example.com")
    one.subject = "482913 is your code"
    (queued,) = post(shop.state, [one], Handling(secret=True))
    assert shop.state.queue.get(queued.id).message.subject == "… is your code"
    body = shop.state.queue.sealed(queued.id) or b""
    assert b"Subject: 482913 is your code" in shop.state.seals.open(queued.message_id, body)


@pytest.mark.parametrize("state", ["sent", "expired", "dead", "retrying", "uncertain", "partial"])
def test_the_commit_of_its_end_wipes_it(shop: Shop, state: State) -> None:
    """Sent or expired: gone in the same transaction. Else it stays; others' are not touched."""
    number, other = secret(shop, 2)
    queue = MailQueue(shop)
    (job,) = (job for job in queue.claim() if job.id == number)
    queue.hand_over([job])
    queue.finish([job], decided(state, run_at=utcnow() if state == "retrying" else None))
    assert kept(shop) == ([other] if state in {"sent", "expired"} else [number, other])


def test_a_rollback_of_sent_keeps_it(sqlite_shop: Shop) -> None:
    """The worker dies, or the database refuses: the content goes only with the commit."""
    shop = sqlite_shop
    (number,) = secret(shop)
    queue = MailQueue(shop)
    (job,) = queue.claim()
    queue.hand_over([job])
    result = queue.result(job, decided("sent"))
    with shop.state.database.write() as connection:
        Results(shop.state.models, "w1").finish(connection, [result], utcnow())
        connection.rollback()
    assert kept(shop) == [number]
    with shop.state.database.write() as connection:
        Leases(shop.state.models).rescue(connection, "w1", Policy(), utcnow())
    (again,) = queue.claim("w2")
    assert LINK.encode() in shop.state.seals.open(again.message_id, again.content or b"")


def test_every_other_end_wipes_it(shop: Shop) -> None:
    """Cancelled, expired while it waits, settled as sent, expired in a worker's hands, deleted."""
    cancelled, parked, settled, held, deleted, bulk, left = secret(shop, 7)
    queue, now = shop.state.queue, utcnow()
    queue.cancel(cancelled)
    put(shop, parked, run_at=None, waiting_for="server", expires_at=now - timedelta(seconds=1))
    put(shop, settled, run_at=None, state="uncertain")
    queue.mark_sent(settled)
    queue.delete(deleted)
    assert queue.together(Deed("cancel"), [bulk]) == 1
    with shop.state.database.write() as connection:
        assert Parking(shop.state.models).expire(connection, now, 10**6) == 1
    jobs = [j for j in MailQueue(shop).claim() if j.id == held]
    with shop.state.database.write() as connection:
        Results(shop.state.models, "w1").expire(connection, jobs, now)
    assert kept(shop) == [left]


def test_the_journal_of_a_dead_worker_wipes_it(sqlite_shop: Shop) -> None:
    """It holds no content, and the result that is written in the worker's stead wipes it."""
    shop = sqlite_shop
    secret(shop)
    queue = MailQueue(shop)
    (job,) = queue.claim()
    queue.hand_over([job])
    line = encode(queue.result(job, decided("sent")))
    assert b"kanari" not in line
    assert (job.content or b"x") not in line
    with shop.state.database.write() as connection:
        Results(shop.state.models, "w1").finish(connection, [decode(line[:-1])], utcnow())
    assert kept(shop) == []


def test_a_failed_one_is_kept_for_a_day_at_most(shop: Shop) -> None:
    """Dead, partial, uncertain and caught ones: 24 hours, and not beyond their own time."""
    dead, partial, lapsing, waiting = secret(shop, 4)
    now = utcnow()
    put(shop, dead, state="dead", run_at=None, state_at=now)
    put(shop, partial, state="partial", run_at=None, state_at=now)
    hour = now + timedelta(hours=1)
    put(shop, lapsing, state="caught", run_at=None, state_at=now, expires_at=hour)
    put(shop, waiting, created_at=now - timedelta(days=3))
    assert prune(shop, now + timedelta(minutes=59)) == 0
    assert prune(shop, hour) == 1
    assert kept(shop) == [dead, partial, waiting]
    until = shop.state.queue.get(dead).message.kept_until
    assert until is not None
    assert abs(until.replace(tzinfo=None) - now - timedelta(hours=24)) < timedelta(seconds=1)
    assert prune(shop, now + timedelta(hours=23, minutes=59)) == 0
    assert prune(shop, now + timedelta(hours=24, seconds=1)) == 2
    assert kept(shop) == [waiting]


def test_what_an_unknown_way_forgot_is_removed(sqlite_shop: Shop) -> None:
    """The sweep also finds contents of messages that ended or are gone."""
    shop = sqlite_shop
    ended, gone, waiting = secret(shop, 3)
    put(shop, ended, state="cancelled", run_at=None)
    message = shop.state.models.table("Message")
    with shop.state.database.write() as connection:
        connection.execute(sa.delete(message).where(message.c.id == gone))
    assert prune(shop, utcnow()) == 2
    assert kept(shop) == [waiting]


def test_a_retry_needs_the_content(shop: Shop) -> None:
    """Until then it starts over and keeps its own time; afterwards it says why not, one or many."""
    number, other = secret(shop, 2, expires_in=3600)
    now = utcnow()
    for one in (number, other):
        put(shop, one, state="dead", run_at=None, state_at=now)
    before = shop.state.queue.get(number).message
    assert before.can_retry
    assert shop.state.queue.retry(number) == "queued"
    assert shop.state.queue.get(number).message.expires_at == before.expires_at
    assert prune(shop, now + timedelta(hours=2)) == 1
    after = shop.state.queue.get(other).message
    assert (after.wiped, after.can_retry, after.kept_until) == (True, False, None)
    with pytest.raises(ContentWiped, match="let your app make a new one"):
        shop.state.queue.retry(other)
    put(shop, other, expires_at=None)
    assert shop.state.queue.retry_all(Filter(state="dead")) == 0
    with shop.state.database.write() as connection:
        tally = shop.state.queue.do(connection, Deed("retry"), [other])
    assert (tally.doable(Deed("retry")), tally.skipped(Deed("retry"))) == (0, {"state": 1})
    assert shop.state.queue.get(other).message.state == "dead"


def test_other_keys_do_not_open_it(make_shop: Callable[..., Shop], sqlite_url: str) -> None:
    """Of several keys any opens it; without its own the error names where to put that."""
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    shop = make_shop(sqlite_url, SMTPADMIN_ENCRYPTION_KEYS=[old])
    (number,) = secret(shop)
    message_id = shop.state.queue.get(number).message.message_id
    body = shop.state.queue.sealed(number) or b""
    both = make_shop(sqlite_url, SMTPADMIN_ENCRYPTION_KEYS=[new, old])
    assert LINK.encode() in both.state.seals.open(message_id, body)
    other = make_shop(sqlite_url, SMTPADMIN_ENCRYPTION_KEYS=[new])
    with pytest.raises(SecretUnreadable, match="SMTPADMIN_ENCRYPTION_KEYS"):
        other.state.seals.open(message_id, body)


def test_critical_mail_is_taken_when_ordinary_mail_is_not(
    make_shop: Callable[..., Shop], sqlite_url: str
) -> None:
    """``Handling.critical`` uses the tenth above MAX_QUEUE, and no more than that."""
    shop = make_shop(sqlite_url, SMTPADMIN_MAX_QUEUE=10)
    shop.mail.send_many([letter() for _ in range(10)])
    with pytest.raises(QueueFull):
        shop.mail.send(letter())
    post(shop.state, [letter()], Handling(critical=True))
    with pytest.raises(QueueFull):
        post(shop.state, [letter()], Handling(critical=True))

"""Claims on the three databases: every row once, in order, and nothing is lost between."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from support.queues import MailQueue

from flask_smtpadmin.storage import taking
from flask_smtpadmin.storage.claims import Claims
from flask_smtpadmin.storage.database import utcnow


def claim_until_empty(queue: MailQueue, worker: str, found: list[tuple[str, int]]) -> None:
    """Claim in batches of 7 until nothing is left, as a worker of its own."""
    claims = Claims(queue.models, worker)
    empty = 0
    while empty < 3:
        with queue.database.write() as connection:
            jobs = claims.claim(connection, utcnow(), 7)
        found.extend((worker, job.id) for job in jobs)
        empty = 0 if jobs else empty + 1


def test_eight_workers_at_once_get_each_row_once(mail_queue: MailQueue):
    """240 messages, 8 claimers: each message goes to exactly one of them, and none is left."""
    ids = mail_queue.send(240)
    found: list[tuple[str, int]] = []
    threads = [
        threading.Thread(target=claim_until_empty, args=(mail_queue, f"w{n}", found))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(number for _, number in found) == dict.fromkeys(ids, 1)
    held = {row.id: row.worker_id for row in mail_queue.rows()}
    assert held == {number: worker for worker, number in found}
    assert mail_queue.states() == {"sending": 240}


def test_a_claim_brings_all_that_the_handover_needs(mail_queue: MailQueue):
    """Content, pending recipients and counters come with the claim; the row is under a lease."""
    mail_queue.send(3, recipients=2)
    jobs = mail_queue.claim()
    assert [len(job.recipients) for job in jobs] == [2, 2, 2]
    assert all(b"Subject: Number" in (job.content or b"") for job in jobs)
    assert len({job.token for job in jobs}) == 1
    for row in mail_queue.rows():
        assert (row.state, row.run_at, row.worker_id) == ("sending", None, "w1")
        assert 50 < (row.lease_until - utcnow()).total_seconds() <= 60


def test_the_most_urgent_come_first_and_the_oldest_of_them(mail_queue: MailQueue):
    """Order is priority, then run_at, then id; what is not due is left alone."""
    bulk = mail_queue.send(2, priority="bulk")
    normal = mail_queue.send(2)
    mail_queue.send(1, priority="urgent", send_at=datetime.now(UTC) + timedelta(hours=1))
    urgent = mail_queue.send(1, priority="urgent")
    assert [job.id for job in mail_queue.claim(limit=4)] == urgent + normal + bulk[:1]
    assert [job.id for job in mail_queue.claim()] == bulk[1:]
    assert mail_queue.claim() == []


def test_every_tenth_claim_takes_the_oldest_of_any_priority(sqlite_queue: MailQueue):
    """Bulk mail is not starved by a stream of urgent mail."""
    bulk = sqlite_queue.send(1, priority="bulk")
    sqlite_queue.send(20, priority="urgent")
    claims = Claims(sqlite_queue.models, "w1")
    claimed = []
    for _ in range(10):
        with sqlite_queue.database.write() as connection:
            claimed += [job.id for job in claims.claim(connection, utcnow(), 1)]
    assert claimed[9] == bulk[0]


def test_only_more_urgent_mail_when_asked(sqlite_queue: MailQueue):
    """``below`` leaves what is not more urgent than what is staged."""
    sqlite_queue.send(3)
    urgent = sqlite_queue.send(1, priority="urgent")
    assert [job.id for job in sqlite_queue.claim(below=1)] == urgent


def test_an_unknown_database_claims_row_by_row(sqlite_queue: MailQueue):
    """The guarded UPDATE wins a row once, whatever the dialect."""
    ids = sqlite_queue.send(3)
    table = sqlite_queue.models.table("Message")
    due = taking.due_ids(table, 1, utcnow(), 10)
    update = sa.update(table).where(table.c.state == "queued").values(state="sending", run_at=None)
    with sqlite_queue.database.write() as connection:
        won = taking._guarded(connection, list(table.c), update, due)
        again = taking._guarded(connection, list(table.c), update, sa.select(table.c.id))
    assert [row.id for row in won] == ids
    assert again == []


def test_content_beyond_the_budget_is_loaded_at_hand_over(sqlite_queue: MailQueue, monkeypatch):
    """One claim never loads more than its budget; the rest is fetched when it is its turn."""
    monkeypatch.setattr("flask_smtpadmin.storage.claims.CONTENT_BUDGET", 500)
    sqlite_queue.send(4)
    jobs = sqlite_queue.claim()
    missing = [job for job in jobs if job.content is None]
    assert 0 < len(missing) < 4
    with sqlite_queue.database.read() as connection:
        Claims(sqlite_queue.models, "w1").load(connection, jobs)
    assert all(job.content for job in jobs)

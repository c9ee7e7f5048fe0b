"""Results in groups, and the fence: who lost a message changes nothing about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from support.queues import MailQueue, decided

from flask_smtpadmin.core.rate import limits_of
from flask_smtpadmin.core.recipient_end import RecipientEnd
from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.delivery.writer import Batch, Writer
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.parking import PARKED, Parking
from flask_smtpadmin.storage.rescue import Leases
from flask_smtpadmin.storage.results import HandOver, Results


def test_sent_messages_are_finished_together(mail_queue: MailQueue):
    """Message, attempt and recipient say the same, and no lease is left."""
    mail_queue.send(5, recipients=2)
    jobs = mail_queue.claim()
    assert mail_queue.hand_over(jobs) == {job.id for job in jobs}
    assert {(row.attempts, row.state) for row in mail_queue.rows()} == {(0, "sending")}
    assert {(r.n, r.phase) for r in mail_queue.rows("Attempt")} == {(1, "handed_over")}
    written, lost = mail_queue.finish(jobs, decided("sent", server="ok"), code=250, reply="250 ok")
    assert (len(written), lost) == (5, [])
    assert {
        (r.state, r.attempts, r.sent_via, r.worker_id, r.lease_until) for r in mail_queue.rows()
    } == {("sent", 1, "default", None, None)}
    assert {(r.outcome, r.phase, r.code) for r in mail_queue.rows("Attempt")} == {
        ("sent", "done", 250)
    }
    assert {r.state for r in mail_queue.rows("Recipient")} == {"accepted"}


def test_who_lost_the_lease_changes_nothing(mail_queue: MailQueue):
    """A late result is dropped as a whole: state, attempts and recipients stay as they were."""
    mail_queue.send(3)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.change(lease_token="f" * 32, worker_id="w2")
    before = [mail_queue.rows(name) for name in ("Message", "Attempt", "Recipient")]
    for decision in (decided("sent"), decided("dead"), decided("retrying", run_at=utcnow())):
        written, lost = mail_queue.finish(jobs, decision)
        assert (written, len(lost)) == ([], 3)
    assert mail_queue.hand_over(jobs) == set()
    assert [mail_queue.rows(name) for name in ("Message", "Attempt", "Recipient")] == before


def test_a_repeated_commit_is_harmless(mail_queue: MailQueue):
    """When the answer to a commit was lost, writing it again counts nothing twice."""
    mail_queue.send(2)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.hand_over(jobs, again=True)
    assert len(mail_queue.rows("Attempt")) == 2
    mail_queue.finish(jobs, decided("sent"))
    written, lost = mail_queue.finish(jobs, decided("sent"))
    assert (len(written), lost) == (2, [])
    assert {row.attempts for row in mail_queue.rows()} == {1}


def test_a_partial_try_keeps_the_fate_of_each_recipient(sqlite_queue: MailQueue):
    """Accepted is never sent again, refused is final, and the next claim brings the pending one."""
    sqlite_queue.send(1, recipients=3)
    job = sqlite_queue.claim()[0]
    sqlite_queue.hand_over([job])
    first, second, third = (recipient.address for recipient in job.recipients)
    ends = (
        RecipientEnd(first, "accepted", 250),
        RecipientEnd(second, "refused", 550, "550 no such user"),
        RecipientEnd(third, "pending", 450, "450 later"),
    )
    decision = decided("retrying", failures=1, run_at=utcnow(), recipients=ends, server="ok")
    sqlite_queue.finish([job], decision)
    again = sqlite_queue.claim()[0]
    assert [recipient.address for recipient in again.recipients] == [third]
    assert (again.accepted, again.refused, again.failures, again.attempts) == (1, 1, 1, 1)


def test_who_had_it_before_keeps_that_word(mail_queue: MailQueue):
    """The end of a message changes only what was pending, and only the last of its attempts."""
    mail_queue.send(2, recipients=2)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    for job in jobs:
        first, second = (recipient.address for recipient in job.recipients)
        ends = RecipientEnd(first, "accepted", 251), RecipientEnd(second, "pending", 450)
        decision = decided("retrying", run_at=utcnow(), recipients=ends, server="ok")
        mail_queue.finish([job], decision, code=450)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.finish(jobs, decided("sent", server="ok"), code=250)
    ended = [(row.state, row.code) for row in mail_queue.rows("Recipient")]
    assert ended == [("accepted", 251), ("accepted", 250)] * 2
    tries = [(row.n, row.outcome, row.code) for row in mail_queue.rows("Attempt")]
    assert sorted(tries) == [(1, "retry", 450)] * 2 + [(2, "sent", 250)] * 2


def test_what_is_lost_is_left_out_of_its_group(mail_queue: MailQueue):
    """One of three is another worker's by now: two are finished and counted, all of them whole."""
    mail_queue.send(3)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    table = mail_queue.models.table("Message")
    with mail_queue.database.write() as connection:
        theirs = sa.update(table).where(table.c.id == jobs[1].id)
        connection.execute(theirs.values(lease_token="f" * 32, worker_id="w2"))
    written, lost = mail_queue.finish(jobs, decided("sent", server="ok"), code=250)
    assert [item.job.id for item in written] == [jobs[0].id, jobs[2].id]
    assert [item.job.id for item in lost] == [jobs[1].id]
    assert [row.state for row in mail_queue.rows()] == ["sent", "sending", "sent"]
    states = [row.state for row in mail_queue.rows("Recipient")]
    assert states == ["accepted", "pending", "accepted"]
    outcomes = {row.message: row.outcome for row in mail_queue.rows("Attempt")}
    assert [outcomes[job.id] for job in jobs] == ["sent", None, "sent"]
    assert [(row.kind, row.n) for row in mail_queue.rows("Hour")] == [("sent", 2)]


def test_a_withdrawn_hand_over_leaves_no_trace(mail_queue: MailQueue):
    """Never begun: no attempt is counted and the message is due again."""
    mail_queue.send(2)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    with mail_queue.database.write() as connection:
        items = [HandOver(job, 1, "default") for job in jobs]
        Results(mail_queue.models, "w1").withdraw(connection, items, utcnow())
    assert mail_queue.rows("Attempt") == []
    assert {(row.state, row.attempts) for row in mail_queue.rows()} == {("queued", 0)}
    assert len(mail_queue.claim("w2")) == 2


def test_parked_messages_are_not_claimed_until_released(mail_queue: MailQueue):
    """Waiting for a server they are due to nobody; released in order for servers that work."""
    mail_queue.send(3)
    jobs = mail_queue.claim()
    with mail_queue.database.write() as connection:
        results = Results(mail_queue.models, "w1")
        results.put_back(connection, [(job, "server") for job in jobs], utcnow())
    assert mail_queue.claim() == []
    parking = Parking(mail_queue.models)
    with mail_queue.database.write() as connection:
        assert parking.waiting(connection) == 3
        assert parking.release(connection, {"paused"}, ["default"], utcnow()) is None
    assert mail_queue.claim() == []
    with mail_queue.database.write() as connection:
        parking.release(connection, set(PARKED), ["default"], utcnow())
    assert len(mail_queue.claim()) == 3


def test_parked_messages_expire(mail_queue: MailQueue):
    """Older than MAX_AGE: the sweep ends them though nothing else happens to them."""
    mail_queue.send(2)
    jobs = mail_queue.claim()
    with mail_queue.database.write() as connection:
        results = Results(mail_queue.models, "w1")
        results.put_back(connection, [(job, "server") for job in jobs], utcnow())
        assert Parking(mail_queue.models).expire(connection, utcnow(), 3600) == 0
        later = utcnow() + timedelta(seconds=3700)
        assert Parking(mail_queue.models).expire(connection, later, 3600) == 2
    assert mail_queue.states() == {"expired": 2}


def test_rescue_tells_handed_over_from_merely_claimed(mail_queue: MailQueue):
    """What was in flight is uncertain and counted, what was only claimed is queued untouched."""
    mail_queue.send(4)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs[:2])
    with mail_queue.database.write() as connection:
        done = Leases(mail_queue.models).rescue(connection, "w1", Policy(), utcnow())
    assert (done.requeued, len(done.decided)) == (2, 2)
    rows = [(row.state, row.failures, row.crashes, row.worker_id) for row in mail_queue.rows()]
    assert rows == [("retrying", 1, 1, None)] * 2 + [("queued", 0, 0, None)] * 2
    assert {(r.outcome, r.cause) for r in mail_queue.rows("Attempt")} == {
        ("uncertain", "worker_lost")
    }
    assert len(mail_queue.claim("w2")) == 4


def test_the_third_crash_is_the_end(mail_queue: MailQueue):
    """A message that three workers died of is a dead letter; its content stays."""
    mail_queue.send(1)
    policy = Policy(threshold=99, attempts=99)
    for crash in (1, 2, 3):
        jobs = mail_queue.claim(f"w{crash}")
        mail_queue.hand_over(jobs, f"w{crash}")
        with mail_queue.database.write() as connection:
            Leases(mail_queue.models).rescue(connection, f"w{crash}", policy, utcnow())
    row = mail_queue.rows()[0]
    assert (row.state, row.cause, row.crashes) == ("dead", "worker_crash", 3)
    assert len(mail_queue.rows("Content")) == 1


def test_a_lost_claim_is_found_again(mail_queue: MailQueue):
    """Rows leased to us under a token that we never heard of go back to the queue."""
    mail_queue.send(4)
    known = mail_queue.claim(limit=2)
    mail_queue.claim(limit=2)  # committed, but its answer was lost
    with mail_queue.database.write() as connection:
        leases = Leases(mail_queue.models)
        assert leases.drop_unknown(connection, "w1", {known[0].token}, utcnow()) == 2
    assert mail_queue.states() == {"sending": 2, "queued": 2}


def test_what_is_refused_a_slot_when_a_commit_is_repeated_was_never_handed_over(
    mail_queue: MailQueue,
):
    """The lost commit took the last slot of the day: its attempt goes, or a crash would count."""
    mail_queue.send(1)
    (job,) = mail_queue.claim()
    writer = Writer(mail_queue.database, "w1", Clock())
    limits = {"default": limits_of({"per_day": 1})}
    batch = Batch(hand_over=[HandOver(job, 1, "default")], limits=limits)
    assert writer.commit(batch).handed == {job.id}
    written = writer.commit(replace(batch, again=True, tokens=frozenset({job.token})))
    assert (written.handed, written.grant.refused) == (frozenset(), {job.id})
    assert mail_queue.rows("Attempt") == []
    assert mail_queue.states() == {"sending": 1}

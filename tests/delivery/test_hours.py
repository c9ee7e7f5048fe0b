"""What is counted by the hour is what happened to the messages, whatever happens to a worker."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.queues import MailQueue, decided

from flask_smtpadmin.core.retry import Decision, Policy, RecipientEnd
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.states import FAILED
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.hours import Hours, begin_of, hour_of
from flask_smtpadmin.storage.parking import Parking
from flask_smtpadmin.storage.rescue import Leases
from flask_smtpadmin.storage.results import Results


def counted(queue: MailQueue) -> Counter[tuple[str, str]]:
    """Return what is counted, all hours and places together."""
    found: Counter[tuple[str, str]] = Counter()
    for row in queue.rows("Hour"):
        found[row.kind, row.name] += row.n
    return found


def standing(queue: MailQueue) -> Counter[tuple[str, str]]:
    """Return what the messages themselves say, failures by cause."""
    rows = [row for row in queue.rows() if row.state in ("sent", *FAILED)]
    return Counter((row.state, "" if row.state == "sent" else row.cause or "") for row in rows)


def difference(queue: MailQueue) -> Counter[tuple[str, str]]:
    """Return what was entered without what was left."""
    found = counted(queue)
    return +Counter(
        {
            (kind, name): n - found[f"-{kind}", name]
            for (kind, name), n in found.items()
            if not kind.startswith("-") and kind != "refused"
        }
    )


def given_up(mail_queue: MailQueue, count: int, cause: str = "mailbox_unknown") -> list[int]:
    """Let ``count`` messages become dead letters; return their ids."""
    ids = mail_queue.send(count)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.finish(jobs, decided("dead", cause=cause))
    return ids


def test_each_end_is_counted_with_its_cause(mail_queue: MailQueue) -> None:
    """Sent, partial, dead, uncertain and expired once each; what is tried again not at all."""
    mail_queue.send(12)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.finish(jobs[:5], decided("sent"))
    mail_queue.finish(jobs[5:7], decided("dead", cause="mailbox_unknown"))
    mail_queue.finish(jobs[7:8], decided("partial", cause="mailbox_full"))
    mail_queue.finish(jobs[8:9], decided("uncertain", cause="server_disconnected"))
    mail_queue.finish(jobs[9:10], decided("expired", cause="dns_failure"))
    mail_queue.finish(jobs[10:], decided("retrying", run_at=utcnow(), cause="greylisted"))
    assert counted(mail_queue) == {
        ("sent", ""): 5,
        ("dead", "mailbox_unknown"): 2,
        ("partial", "mailbox_full"): 1,
        ("uncertain", "server_disconnected"): 1,
        ("expired", "dns_failure"): 1,
    }
    assert {(row.hour, row.place) for row in mail_queue.rows("Hour")} <= {
        (hour_of(utcnow()), "w1"),
        (hour_of(utcnow()) - 1, "w1"),
    }


@pytest.mark.parametrize("decision", [decided("sent"), decided("dead", cause="x")], ids=str)
def test_a_commit_whose_answer_was_lost_counts_once(
    mail_queue: MailQueue, decision: Decision
) -> None:
    """The same results written again change no count, nor does a worker that lost them."""
    mail_queue.send(3)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.finish(jobs, decision)
    mail_queue.finish(jobs, decision)
    mail_queue.finish(jobs, decision, worker="w2")
    assert sum(counted(mail_queue).values()) == 3
    assert difference(mail_queue) == standing(mail_queue)


def test_some_of_a_group_written_before_count_once(mail_queue: MailQueue) -> None:
    """Of a group that was written in part only the rest is counted."""
    mail_queue.send(4)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.finish(jobs[:1], decided("sent"))
    written, lost = mail_queue.finish(jobs, decided("sent"))
    assert (len(written), lost) == (4, [])
    assert counted(mail_queue) == {("sent", ""): 4}


def test_a_transaction_that_fails_counts_nothing(mail_queue: MailQueue) -> None:
    """Counts and messages are committed together or not at all."""
    mail_queue.send(2)
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    results = [mail_queue.result(job, decided("sent")) for job in jobs]
    with suppress(ZeroDivisionError), mail_queue.database.work() as connection:
        Results(mail_queue.models, "w1").finish(connection, results, utcnow())
        1 / 0  # noqa: B018 - something goes wrong before the commit
    assert (counted(mail_queue), standing(mail_queue)) == ({}, {})


def test_workers_in_parallel_lose_no_count(mail_queue: MailQueue) -> None:
    """Four workers and sweeps write at once, and every message is counted once."""
    mail_queue.send(120)
    jobs = mail_queue.claim(limit=200)
    mail_queue.hand_over(jobs)

    def write(name: str, share: list[Any]) -> None:
        for job in share:
            state = "dead" if job.id % 3 == 0 else "sent"
            cause = "c" if state == "dead" else None
            decision = decided(state, cause=cause)  # type: ignore[arg-type]  # a parameter
            result = mail_queue.result(job, decision)
            with mail_queue.database.work() as connection:
                results = Results(mail_queue.models, "w1")
                results._hours = Hours(mail_queue.models, name)
                results.finish(connection, [result], utcnow())

    threads = [threading.Thread(target=write, args=(f"place{n % 3}", jobs[n::4])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(standing(mail_queue).values()) == 120
    assert difference(mail_queue) == standing(mail_queue)


def test_what_a_dead_worker_held_is_counted_by_who_takes_it_back(mail_queue: MailQueue) -> None:
    """A message that is held in doubt counts as uncertain; one that is queued again does not."""
    mail_queue.send(3, on_uncertain="hold")
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs[:2])
    with mail_queue.database.write() as connection:
        Leases(mail_queue.models).rescue(connection, "w1", Policy(), utcnow())
    assert counted(mail_queue) == {("uncertain", "worker_lost"): 2}
    assert difference(mail_queue) == standing(mail_queue)


def test_mail_whose_time_ran_out_is_counted(mail_queue: MailQueue) -> None:
    """Parked or in a worker's hands: it expires once, under the cause it had."""
    mail_queue.send(2)
    mail_queue.change(waiting_for="server", run_at=None, cause="connection_refused")
    with mail_queue.database.write() as connection:
        Parking(mail_queue.models).expire(connection, utcnow(), max_age=-60)
    mail_queue.send(1)
    jobs = mail_queue.claim()
    for _ in range(2):
        with mail_queue.database.write() as connection:
            Results(mail_queue.models, "w1").expire(connection, jobs, utcnow())
    assert counted(mail_queue) == {("expired", "connection_refused"): 2, ("expired", ""): 1}


def test_deeds_by_hand_are_taken_off(mail_queue: MailQueue) -> None:
    """Retry, delete and mark as sent keep what was counted in step with the messages."""
    ids = given_up(mail_queue, 6)
    queue = mail_queue.state.queue
    queue.retry(ids[0])
    queue.delete(ids[1])
    assert difference(mail_queue) == standing(mail_queue) == {("dead", "mailbox_unknown"): 4}
    assert queue.retry_all(Filter(state="dead")) == 4
    assert queue.retry_all(Filter(state="dead")) == 0
    assert difference(mail_queue) == standing(mail_queue) == {}
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    mail_queue.finish(jobs, decided("uncertain", cause="server_disconnected"))
    queue.mark_sent(jobs[0].id)
    assert difference(mail_queue) == standing(mail_queue)
    assert counted(mail_queue)["dead", "mailbox_unknown"] == 6  # it did happen


def test_refused_recipients_are_counted_by_domain(mail_queue: MailQueue) -> None:
    """What a server said no to at RCPT, once for each recipient, without the address."""
    mail_queue.send(1, recipients=3)
    job = mail_queue.claim()[0]
    mail_queue.hand_over([job])
    first, second, third = (item.address for item in job.recipients)
    ends = (
        RecipientEnd(first, "accepted", 250),
        RecipientEnd(second, "refused", 550, "550 no"),
        RecipientEnd(third, "refused", 550, "550 no"),
    )
    decision = decided("partial", cause="mailbox_unknown", recipients=ends, server="ok")
    mail_queue.finish([job], decision)
    refused = {name: n for (kind, name), n in counted(mail_queue).items() if kind == "refused"}
    assert refused == {"example1.com": 1, "example2.com": 1}


def test_content_that_is_refused_is_no_refusal_at_rcpt(sqlite_queue: MailQueue) -> None:
    """A recipient that never had a chance is not counted against its domain."""
    sqlite_queue.send(1)
    job = sqlite_queue.claim()[0]
    sqlite_queue.hand_over([job])
    ends = (RecipientEnd(job.recipients[0].address, "refused", 554, "554 spam"),)
    decision = decided("dead", cause="content_rejected", recipients=ends)
    sqlite_queue.finish([job], decision, phase="body")
    assert ("refused", "example0.com") not in counted(sqlite_queue)


def test_old_hours_become_days_and_then_go(mail_queue: MailQueue) -> None:
    """A row for each day, cause and state is left; domains and corrections last two days."""
    now = utcnow()
    today = hour_of(now)
    hours = Hours(mail_queue.models, "w1")
    with mail_queue.database.write() as connection:
        for ago in range(40 * 24):
            events = {("sent", ""): 1, ("-sent", ""): 1, ("refused", "a.example"): 1}
            hours.add(connection, events, begin_of(today - ago))
            hours.add(connection, {("dead", "x"): 2}, begin_of(today - ago))
    for _ in range(9):
        with mail_queue.database.write() as connection:
            Hours(mail_queue.models).fold(connection, now)
    rows = mail_queue.rows("Hour")
    assert min(row.hour for row in rows) >= today - 31 * 24 - 24
    old = [row for row in rows if row.hour < today - 74]
    assert {(row.place, row.hour % 24, row.kind) for row in old} == {
        ("", 0, "sent"),
        ("", 0, "dead"),
    }
    whole = [row for row in old if today - 30 * 24 <= row.hour]
    assert {(row.kind, row.n) for row in whole} == {("sent", 24), ("dead", 48)}
    recent = sum(row.n for row in rows if row.kind == "sent" and row.hour > today - 24)
    assert recent == 24


def test_the_hours_are_read_with_all_places_together(sqlite_queue: MailQueue) -> None:
    """What two workers counted in an hour is one number; older hours are left out."""
    now = utcnow()
    with sqlite_queue.database.write() as connection:
        for place in ("w1", "w2"):
            Hours(sqlite_queue.models, place).add(connection, {("sent", ""): 3}, now)
        Hours(sqlite_queue.models).add(connection, {("sent", ""): 9}, now - timedelta(hours=3))
        found = Hours(sqlite_queue.models).since(connection, hour_of(now) - 2)
    assert found == [(hour_of(now), "sent", "", 6)]
    assert sa.inspect(sqlite_queue.database.engine).has_table("smtpadmin_hour")

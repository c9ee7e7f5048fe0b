"""Deeds on many messages as jobs: in chunks, resumed, stopped, and counted."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin import NotFound, wide
from flask_smtpadmin.core.deeds import SILENT_SECONDS, Deed, Job
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.storage import queue as queue_module
from flask_smtpadmin.storage.database import utcnow


def fill(shop: Shop, count: int, **values: Any) -> list[int]:
    """Store messages with these columns and return their ids."""
    numbers = [one.id for one in shop.mail.send_many([letter() for _ in range(count)])]
    table = shop.state.models.table("Message")
    with shop.state.database.write() as connection:
        change = sa.update(table).where(table.c.id.in_(numbers))
        connection.execute(change.values(run_at=None, state_at=utcnow(), **values))
    return numbers


def run(shop: Shop, deed: Deed) -> Job:
    """Do a job step by step in this thread and return how it ended."""
    jobs = shop.state.jobs
    number = jobs.add(deed, actor="ada@example.com")
    while jobs.step(jobs.get(number)):
        pass
    return jobs.get(number)


def states(shop: Shop, numbers: list[int]) -> set[str]:
    """Return the states that these messages are in."""
    return set(shop.state.queue.states(numbers).values())


def test_a_retry_leaves_alone_what_has_expired(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunk by chunk the dead are queued; those whose own time is over are counted, not sent."""
    monkeypatch.setattr(queue_module, "CHUNK", 4)
    dead = fill(shop, 10, state="dead")
    late = fill(shop, 3, state="dead", expires_at=utcnow() - timedelta(hours=1))
    job = run(shop, Deed("retry", Filter(state="dead")))
    assert (job.state, job.total, job.changed, job.skipped) == ("done", 13, 10, {"expired": 3})
    assert (states(shop, dead), states(shop, late)) == ({"queued"}, {"dead"})


def test_a_retry_without_a_state_takes_what_failed(shop: Shop) -> None:
    """What somebody cancelled, and what was sent, stays as it is."""
    dead, stopped = fill(shop, 2, state="dead"), fill(shop, 2, state="cancelled")
    sent = fill(shop, 1, state="sent")
    job = run(shop, Deed("retry"))
    assert (job.changed, job.skipped) == (2, {"state": 3})
    assert states(shop, dead) == {"queued"}
    assert (states(shop, stopped), states(shop, sent)) == ({"cancelled"}, {"sent"})


def test_asked_for_by_their_state_even_the_expired_are_sent(shop: Shop) -> None:
    """Who filters by *expired* means them."""
    late = fill(shop, 2, state="expired", expires_at=utcnow() - timedelta(hours=1))
    assert run(shop, Deed("retry", Filter(state="expired"))).changed == 2
    assert states(shop, late) == {"queued"}


def test_send_via_pins_the_server(shop: Shop) -> None:
    """What failed and what waits is due at once, at this server alone."""
    numbers = fill(shop, 2, state="dead") + fill(shop, 1, state="queued", waiting_for="server")
    assert run(shop, Deed("send_via", server="spare")).changed == 3
    rows = [shop.state.queue.get(number).message for number in numbers]
    assert {(row.server, row.state, row.waiting_for) for row in rows} == {("spare", "queued", None)}
    assert all(row.next_try_at for row in rows)


def test_delete_and_cancel(shop: Shop) -> None:
    """Each takes what its states allow: a worker's message stays."""
    held = fill(shop, 1, state="sending", worker_id="w")
    fill(shop, 2, state="sent")
    waits = fill(shop, 2, state="queued")
    assert run(shop, Deed("cancel")).changed == 2
    assert states(shop, waits) == {"cancelled"}
    assert run(shop, Deed("delete")).changed == 4
    assert states(shop, held) == {"sending"}
    assert shop.state.queue.largest_id() == held[0]


def test_what_comes_later_is_not_meant(sqlite_shop: Shop) -> None:
    """A job ends with the messages that were there when it began."""
    jobs = sqlite_shop.state.jobs
    fill(sqlite_shop, 2, state="dead")
    number = jobs.add(Deed("retry"))
    late = fill(sqlite_shop, 1, state="dead")
    jobs.step(jobs.get(number))
    assert jobs.get(number).changed == 2
    assert states(sqlite_shop, late) == {"dead"}


def test_a_job_is_stopped_between_two_chunks(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done stays done; the rest is left."""
    monkeypatch.setattr(queue_module, "CHUNK", 2)
    numbers = fill(sqlite_shop, 5, state="dead")
    jobs = sqlite_shop.state.jobs
    number = jobs.add(Deed("retry"))
    assert jobs.step(jobs.get(number))
    jobs.cancel(number)
    assert not jobs.step(jobs.get(number))
    job = jobs.get(number)
    assert (job.state, job.changed) == ("cancelled", 2)
    assert len([n for n in numbers if states(sqlite_shop, [n]) == {"dead"}]) == 3


def test_a_step_is_done_once(sqlite_shop: Shop) -> None:
    """Two who work on the same part of a job: the second one changes nothing."""
    fill(sqlite_shop, 3, state="dead")
    jobs = sqlite_shop.state.jobs
    job = jobs.get(jobs.add(Deed("retry")))
    jobs.step(job)
    jobs.step(job)
    assert jobs.get(job.id).changed == 3


def test_a_job_whose_process_ended_goes_on(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as broken off, and taken over once, from where it was."""
    monkeypatch.setattr(queue_module, "CHUNK", 2)
    numbers = fill(sqlite_shop, 5, state="dead")
    jobs = sqlite_shop.state.jobs
    number = jobs.add(Deed("retry"))
    jobs.step(jobs.get(number))
    assert not jobs.take_over(number)
    table = sqlite_shop.state.models.table("Job")
    silent = utcnow() - timedelta(seconds=SILENT_SECONDS + 1)
    with sqlite_shop.state.database.write() as connection:
        connection.execute(sa.update(table).values(heard_at=silent))
    assert jobs.get(number).state == "silent"
    assert wide.go_on(sqlite_shop.state, number)
    assert not wide.go_on(sqlite_shop.state, number)
    for _ in range(400):
        if jobs.get(number).over:
            break
        time.sleep(0.02)
    assert jobs.get(number).changed == 5
    assert states(sqlite_shop, numbers) == {"queued"}


def test_an_unknown_job_is_not_found(sqlite_shop: Shop) -> None:
    """A made-up id raises NotFound."""
    with pytest.raises(NotFound):
        sqlite_shop.state.jobs.get("none")

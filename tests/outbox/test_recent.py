"""The figures of 24 hours are the same whether messages or hours are counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.apps import Site
from support.queues import MailQueue, decided

from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.states import FAILED
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.hours import Hours, hour_of
from flask_smtpadmin.storage.recent import Bounds, Recent
from flask_smtpadmin.storage.summary import Summary

CAUSES = ("recipient_unknown", "greylisted", None)


@pytest.fixture
def queue(make_app: Callable[..., Site], database_url: str) -> MailQueue:
    """Return a queue; the test runs once on each of the three databases."""
    return MailQueue(make_app(database_url, SMTPADMIN_MAX_QUEUE=0))


def live_through(queue: MailQueue, chance: random.Random) -> None:
    """Let messages end in every way over two days, then let somebody put some of it right."""
    queue.send(90)
    jobs = queue.claim()
    queue.hand_over(jobs)
    for job in jobs:
        state = chance.choice(("sent", "sent", *FAILED))
        cause = None if state == "sent" else chance.choice(CAUSES)
        queue.finish([job], decided(state, cause=cause))  # type: ignore[arg-type]  # a parameter
    _spread(queue, chance)
    some = [row for row in queue.rows() if chance.random() < 0.3]
    for row in some:
        verbs = {"sent": ["delete"], "uncertain": ["mark_sent", "retry", "delete"]}
        verb = chance.choice(verbs.get(row.state, ["retry", "delete"]))
        getattr(queue.state.queue, verb)(row.id)


def _spread(queue: MailQueue, chance: random.Random) -> None:
    """Move what ended back in time, and what was counted with it."""
    table, hours = queue.models.table("Message"), queue.models.table("Hour")
    with queue.database.write() as connection:
        counts: Counter[tuple[int, str, str]] = Counter()
        for row in connection.execute(sa.select(table)).all():
            at = row.state_at - timedelta(minutes=chance.randrange(48 * 60))
            connection.execute(sa.update(table).where(table.c.id == row.id).values(state_at=at))
            counts[hour_of(at), row.state, "" if row.state == "sent" else row.cause or ""] += 1
        connection.execute(sa.delete(hours))
        Hours(queue.models, "w1").add_at(connection, counts)


@pytest.mark.parametrize("seed", range(3))
def test_hours_and_messages_give_the_same_figures(queue: MailQueue, seed: int) -> None:
    """For every time of the day and after any deeds: sent, and failures by state and cause."""
    chance = random.Random(seed)
    live_through(queue, chance)
    exact = Recent(queue.models)
    rough = Recent(queue.models, Bounds(sent=0, failed=0))
    for minutes in (24 * 60, 24 * 60 - 17, 23 * 60, 90, 1):
        since = utcnow() - timedelta(minutes=minutes)
        with queue.database.read() as connection:
            assert rough.sent(connection, since) == exact.sent(connection, since)
            ways = [
                {
                    (state, cause): n
                    for state, cause, n, _ in recent.failures(connection, since)
                    if n
                }
                for recent in (exact, rough)
            ]
        assert ways[0] == ways[1]


def test_the_figures_are_those_of_the_lists_they_lead_to(queue: MailQueue) -> None:
    """Tile and list agree, though only the hours are asked for the tile."""
    live_through(queue, random.Random(9))
    figures = Summary(queue.database, Bounds(sent=0, failed=0)).figures()
    lists = queue.state.queue
    for count, state in ((figures.sent_24h, "sent"), (figures.failed_24h, "failed")):
        found = lists.list(Filter(state=state, range="today"), per_page=100)  # type: ignore[arg-type]  # a parameter
        assert count == len(found.messages)


def test_rows_that_nobody_counted_still_show(queue: MailQueue) -> None:
    """Messages put into the table by other hands: at least those that were looked at count."""
    queue.send(9)
    queue.change(state="sent", run_at=None, state_at=utcnow())
    with queue.database.read() as connection:
        found = Recent(queue.models, Bounds(sent=4)).sent(
            connection, utcnow() - timedelta(hours=24)
        )
    assert found == 5


def test_the_mean_time_is_the_same_on_every_database(queue: MailQueue) -> None:
    """From due to accepted, in seconds with their fractions."""
    queue.send(2)
    now = utcnow()
    table = queue.models.table("Message")
    with queue.database.write() as connection:
        for row, seconds in zip(
            connection.execute(sa.select(table)).all(), (2.5, 4.0), strict=True
        ):
            values = {"state": "sent", "run_at": None, "state_at": now}
            due = now - timedelta(seconds=seconds)
            update = sa.update(table).where(table.c.id == row.id)
            connection.execute(update.values(due_at=due, **values))
    assert Summary(queue.database).figures().mean_seconds == 3.25

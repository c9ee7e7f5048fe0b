"""A queue that is full says so, and stays as small as it was told to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import sqlalchemy as sa
from support.apps import Site
from support.promises import Report, promise, size

from flask_smtpadmin import Message, QueueFull

LIMIT = size(10_000, ci=300)
MAILS = 2 * LIMIT
THREADS = 50


def enqueue(site: Site, count: int, outcomes: Counter[str], start: threading.Barrier) -> None:
    """Send ``count`` messages one by one, as a view does, and count how each went."""
    start.wait(30)
    mine: Counter[str] = Counter()
    with site.app.app_context():
        for number in range(count):
            try:
                site.mail.send(Message(f"Number {number}", ["a@example.com"], body="Hello"))
            except QueueFull:
                mine["refused"] += 1
            else:
                mine["stored"] += 1
    outcomes.update(mine)


@promise("R14")
def test_fifty_threads_at_a_full_queue(
    make_app: Callable[..., Site], database_url: str, report: Report
) -> None:
    """R14: 50 threads enqueue twice MAX_QUEUE: at most 50 rows more than it, the rest refused."""
    site = make_app(
        database_url,
        SMTPADMIN_MAX_QUEUE=LIMIT,
        SMTPADMIN_FROM_EMAIL="shop@example.com",
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": THREADS},
    )
    outcomes: Counter[str] = Counter()
    start = threading.Barrier(THREADS)
    threads = [
        threading.Thread(target=enqueue, args=(site, MAILS // THREADS, outcomes, start))
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = site.app.extensions["smtpadmin"]
    with state.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(state.models.table("Message"))
        rows = connection.execute(count).scalar_one()
    report(mails=MAILS, limit=LIMIT, rows=rows, refused=outcomes["refused"])
    assert LIMIT <= rows <= LIMIT + THREADS
    assert outcomes == {"stored": rows, "refused": MAILS - rows}

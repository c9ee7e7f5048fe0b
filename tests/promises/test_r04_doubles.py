"""Many workers, many rings, many clicks: each message goes out once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from rq import Queue
from rq.serializers import JSONSerializer
from support.crowd import Crowd, doubled, lost
from support.processes import wait_until
from support.promises import Report, promise, size
from support.queue_server import QueueServer
from support.smtp import MailServer
from support.workers import WorkerSite

from flask_smtpadmin.core.errors import WrongState
from flask_smtpadmin.jobs.doorbell import JOB

MAILS = size(10_000, ci=500)
WORKERS = size(8, ci=3)
RINGS = size(1_000, ci=100)
CLICKS = 100


def ring(site: WorkerSite, server: QueueServer) -> None:
    """Ring as often as a flood of jobs would."""
    client = server.client()
    queue = Queue("smtpadmin", connection=client, serializer=JSONSerializer)
    for _ in range(RINGS):
        queue.enqueue(JOB)
    client.close()


def click_retry(site: WorkerSite, numbers: list[int]) -> Counter[str]:
    """Let that many people press the button at once; return what they were told.

    Who is told that the database is busy (SQLite has one lock, and it is nobody's turn) presses
    again.
    """
    told: Counter[str] = Counter()

    def click(number: int) -> None:
        try:
            site.state.queue.retry(number)
        except WrongState:
            told["refused"] += 1
        except (sa.exc.OperationalError, sa.exc.TimeoutError):
            told["busy"] += 1
            click(number)
        else:
            told["done"] += 1

    with ThreadPoolExecutor(len(numbers)) as crowd:
        list(crowd.map(click, numbers))
    return told


@promise("R4")
def test_nothing_goes_out_twice_without_a_crash(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    redis_server: QueueServer,
    smtp: MailServer,
    report: Report,
):
    """R4: 10,000 mails, 8 workers, 1,000 rings, 100 clicks on retry at once: 0 doubles, 0 lost.

    A hundredth is refused first; the clicks go to those dead letters, ten or more to each, and to
    messages on their way.
    """
    site = worker_site(any_database_url, SMTPADMIN_REDIS_URL=redis_server.url)
    refused = [f"r{number}@example.com" for number in range(10)]
    smtp.refuse = dict.fromkeys(refused, "550 5.1.1 no such user")
    numbers = site.send(MAILS)
    with Crowd(site, WORKERS) as crowd:
        ring(site, redis_server)
        wait_until(lambda: site.states()["dead"] == 10, timeout=90)
        smtp.refuse = {}
        dice = random.Random(0)
        on_the_way = dice.sample(numbers[10:], CLICKS // 2)
        told = click_retry(site, numbers[:10] * (CLICKS // 20) + on_the_way)
        site.wait_for_states(timeout=size(600, ci=90), sent=MAILS)
        ended = [worker for worker in crowd.workers if worker.poll() is not None]
    report(
        mails=MAILS,
        workers=WORKERS,
        rings=RINGS,
        clicks=CLICKS,
        **{f"clicks_{answer}": n for answer, n in told.items()},
    )
    report(lost=lost(site, smtp), duplicates=doubled(smtp))
    assert lost(site, smtp) == doubled(smtp) == 0
    assert not ended

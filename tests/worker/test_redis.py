"""The doorbell is expendable: with Redis, without it, and while it comes and goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer
from support.processes import free_port, wait_until
from support.queue_server import QueueServer
from support.smtp import MailServer
from support.workers import WorkerSite

from flask_smtpadmin.jobs.doorbell import JOB, token_key
from flask_smtpadmin.worker import worker as _worker  # noqa: F401 - it sets RQ's logger up

#: Nothing but the bell lets the worker look for mail.
_DEAF = """
from flask_smtpadmin.delivery import engine, upkeep
engine.POLL_WITH_BELL = 3600.0
upkeep._SWEEP_EVERY = (3600.0, 3600.0)
"""


def test_the_bell_wakes_an_idle_worker(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, redis_server: QueueServer
):
    """A message reaches the server though the next look for mail is an hour away."""
    site = worker_site(SMTPADMIN_REDIS_URL=redis_server.url)
    with (site.folder / "worker_app.py").open("a", encoding="utf-8") as app:
        app.write(_DEAF)
    site.start()
    wait_until(lambda: "answers" in site.log.read_text())
    time.sleep(1)
    for count in (1, 2, 3):
        site.send(1)
        wait_until(lambda count=count: len(smtp.received) == count)
    assert not redis_server.client().exists(token_key("smtpadmin"))


@pytest.mark.parametrize(
    ("error", "told"), [(redis.ConnectionError("gone"), 0), (ValueError("a mistake"), 1)]
)
def test_rq_prints_no_traceback_for_a_lost_redis(
    error: Exception, told: int, caplog: pytest.LogCaptureFixture
):
    """Wherever RQ meets it; anything else that it did not expect is still told."""
    logging.getLogger("flask_smtpadmin.worker.rq").error("unhandled", exc_info=error)
    assert len(caplog.records) == told


def test_redis_that_never_started(worker_site: Callable[..., WorkerSite], smtp: MailServer):
    """The worker polls the database, and ``send()`` does not wait for what is not there."""
    site = worker_site(SMTPADMIN_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    site.start()
    began = time.monotonic()
    site.send(1)
    assert time.monotonic() - began < 2
    site.send(49)
    site.wait_for_states(sent=50)


def test_foreign_jobs_are_not_run(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, redis_server: QueueServer
):
    """os.system as a JSON job, a pickle, a bell with arguments or callbacks: refused and logged."""
    site = worker_site(SMTPADMIN_REDIS_URL=redis_server.url)
    marker = site.folder / "owned"
    client = redis_server.client()
    queue = Queue("smtpadmin", connection=client, serializer=JSONSerializer)
    queue.enqueue("os.system", f"touch {marker}")
    Queue("smtpadmin", connection=client).enqueue("os.system", f"touch {marker}")
    queue.enqueue(JOB, "an argument")
    client.rpush(queue.key, "no-such-job")
    broken = queue.enqueue("os.system", f"touch {marker}")
    client.hset(broken.key, "created_at", "not a date")
    worker = site.start()
    site.send(5)
    site.wait_for_states(sent=5)
    wait_until(lambda: site.log.read_text().count("Refused job") == 4)
    assert not marker.exists()
    assert worker.poll() is None
    client.close()


def test_pages_soon_hear_what_the_worker_knows_of_redis(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, redis_server: QueueServer
):
    """The first heartbeat is early: no page says "no queue server" for 10 s after a start."""
    site = worker_site(SMTPADMIN_REDIS_URL=redis_server.url)
    site.start()
    wait_until(lambda: [row.redis for row in site.rows("Worker")] == ["ok"])
    (worker,) = site.rows("Worker")
    assert (worker.beat_at - worker.started_at).total_seconds() < 10

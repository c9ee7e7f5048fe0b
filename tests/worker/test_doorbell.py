"""The doorbell: coalesced, silent after a failure, and never in the caller's way."""

from __future__ import annotations

import os
import time

from rq import Queue
from rq.serializers import JSONSerializer
from support.processes import free_port, wait_until
from support.queue_server import QueueServer

from flask_smtpadmin.jobs.doorbell import JOB, Doorbell


def test_many_rings_are_one_job(redis_server: QueueServer):
    """A thousand rings while no worker answers leave one job without arguments."""
    bell = Doorbell(redis_server.url, "post")
    for _ in range(1000):
        bell.ring()
    client = redis_server.client()
    queue = Queue("post", connection=client, serializer=JSONSerializer)
    wait_until(lambda: queue.count == 1)
    time.sleep(0.1)
    (job,) = queue.jobs
    assert (job.func_name, list(job.args), job.kwargs) == (JOB, [], {})
    assert 0 < client.ttl(bell.token) <= 30
    client.close()


def test_a_ring_returns_at_once_and_fails_in_silence():
    """Without Redis ``ring`` costs nothing, ``ring_now`` says False within its time-outs."""
    bell = Doorbell(f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    for _ in range(100):
        bell.ring()
    assert time.monotonic() - began < 1
    assert bell.ring_now() is False
    assert bell.healthy() is False
    assert time.monotonic() - began < 10


def test_a_frozen_redis_holds_nobody_up(redis_server: QueueServer):
    """It accepts connections and answers nothing: ``ring`` does not wait the 2 s that it has."""
    bell = Doorbell(redis_server.url)
    assert bell.ring_now() is True
    assert bell.healthy() is True
    redis_server.freeze()
    began = time.monotonic()
    bell.ring()
    assert time.monotonic() - began < 1


def test_without_redis_there_is_no_bell():
    """No URL: nothing to do, and health is unknown rather than bad."""
    bell = Doorbell(None)
    bell.ring()
    assert (bell.ring_now(), bell.healthy()) == (False, None)


def test_a_forked_child_rings_with_a_socket_of_its_own(redis_server: QueueServer):
    """A preloaded server forks after the first ring; parent and child both ring on."""
    bell = Doorbell(redis_server.url)
    bell.ring()
    client = redis_server.client()
    wait_until(lambda: client.exists(bell.token))
    client.delete(bell.token)
    child = os.fork()
    if child == 0:
        bell.ring()
        deadline = time.monotonic() + 30
        while not client.exists(bell.token) and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0 if client.exists(bell.token) else 1)
    assert os.waitpid(child, 0)[1] == 0
    client.delete(bell.token)
    bell.ring()
    wait_until(lambda: client.exists(bell.token))
    client.close()

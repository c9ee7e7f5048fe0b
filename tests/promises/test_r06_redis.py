"""The queue server is expendable: whatever happens to it costs time, never mail."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import redis
from support.crowd import doubled, lost
from support.processes import free_port, wait_until
from support.promises import FULL, Report, promise, seconds, size
from support.queue_server import QueueServer
from support.smtp import MailServer
from support.workers import WorkerSite

SENDS = size(200, ci=30)
#: Seconds from send() to the server's 250 without a queue server, and more for send() itself.
DELAY, LATENCY = 10.0, 0.050 if FULL else 0.250  # as busy as the machine may become meanwhile


def p95(values: list[float]) -> float:
    """Return the value that 95 % do not exceed; of a few values on a busy machine the median."""
    return statistics.quantiles(values, n=20)[-1] if FULL else statistics.median(values)


def send_some(site: WorkerSite, smtp: MailServer) -> tuple[float, float]:
    """Send one message after another; return p95 of send() and the last one's delay, seconds."""
    times = []
    for _ in range(SENDS):
        began = time.perf_counter()
        site.send(1)
        times.append(time.perf_counter() - began)
        time.sleep(0.005)
    began, expected = time.monotonic(), len(site.rows())
    wait_until(lambda: len(smtp.received) >= expected, timeout=4 * DELAY, every=0.01)
    return p95(times), time.monotonic() - began


@contextmanager
def flushing(server: QueueServer, every: float) -> Iterator[None]:
    """Empty the queue server again and again."""
    done = threading.Event()

    def flush() -> None:
        client = server.client()
        while not done.wait(every):
            client.flushall()
        client.close()

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def watched(site: WorkerSite) -> None:
    """Start a worker and wait until it hears the bell."""
    site.start()
    wait_until(lambda: "answers" in site.log.read_text())


@promise("R6", "H3")
def test_mail_flows_whatever_becomes_of_redis(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    redis_server: QueueServer,
    smtp: MailServer,
    report: Report,
):
    """R6: FLUSHALL every 2 s, Redis gone 60 s, an empty one: 0 lost, 0 doubles, delay <= 10 s.

    And ``send()`` takes at most 50 ms longer (p95) than with Redis.
    """
    site = worker_site(any_database_url, SMTPADMIN_REDIS_URL=redis_server.url)
    watched(site)
    normal, _ = send_some(site, smtp)
    with flushing(redis_server, seconds(2)):
        flushed, _ = send_some(site, smtp)
    redis_server.kill()
    ends, gone, late = time.monotonic() + seconds(60), 0.0, 0.0
    while time.monotonic() < ends or not gone:
        slow, delay = send_some(site, smtp)
        gone, late = max(gone, slow), max(late, delay)
    redis_server.start()
    wait_until(lambda: site.log.read_text().count("answers") == 2)
    send_some(site, smtp)
    site.wait_for_states(sent=len(site.rows()))
    report(mails=len(smtp.received), lost=lost(site, smtp), duplicates=doubled(smtp))
    report(delay_s=round(late, 2), p95_ms=round(normal * 1e3, 1), p95_gone_ms=round(gone * 1e3, 1))
    assert lost(site, smtp) == doubled(smtp) == 0
    assert late <= DELAY
    assert max(flushed, gone) <= normal + LATENCY
    assert site.log.read_text().count("does not answer") == 1
    assert "Traceback" not in site.log.read_text()


def make_read_only(client: redis.Redis) -> None:
    """Turn it into the replica of a server that is not there."""
    client.replicaof("127.0.0.1", str(free_port()))


def fill(client: redis.Redis) -> None:
    """Let every write fail for want of memory."""
    client.config_set("maxmemory", "1")


def change_password(client: redis.Redis) -> None:
    """Ask for a password that nobody has, and end all connections."""
    client.config_set("requirepass", "nobody knows")
    client.client_kill_filter(_type="normal", skipme=True)


@pytest.fixture
def bell_site(
    worker_site: Callable[..., WorkerSite], sqlite_url: str, redis_server: QueueServer
) -> WorkerSite:
    """Return a site whose worker hears the bell."""
    site = worker_site(sqlite_url, SMTPADMIN_REDIS_URL=redis_server.url)
    watched(site)
    return site


@promise("R6", "H3")
@pytest.mark.parametrize("harm", [make_read_only, fill, change_password])
def test_a_queue_server_that_answers_with_errors(
    harm: Callable[[redis.Redis], None],
    bell_site: WorkerSite,
    redis_server: QueueServer,
    smtp: MailServer,
    report: Report,
):
    """R6: a read-only replica, out of memory, a wrong password: as if there were no Redis."""
    site = bell_site
    normal, _ = send_some(site, smtp)
    client = redis_server.client()
    harm(client)
    worse, delay = send_some(site, smtp)
    site.wait_for_states(sent=2 * SENDS)
    with suppress(redis.RedisError):
        client.close()
    report(fault=harm.__name__, lost=lost(site, smtp), duplicates=doubled(smtp))
    report(delay_s=round(delay, 2), p95_more_ms=round((worse - normal) * 1e3, 1))
    assert lost(site, smtp) == doubled(smtp) == 0
    assert delay <= DELAY
    assert worse <= normal + LATENCY
    assert site.processes[-1].poll() is None
    assert "Traceback" not in site.log.read_text()

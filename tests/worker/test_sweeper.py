"""Who is taken for dead, and who is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.apps import Site
from support.queues import MailQueue

from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.workers import Workers
from flask_smtpadmin.worker.identity import describe, is_gone, own_identity
from flask_smtpadmin.worker.sweeper import Sweeper

LOCK_ROWS = [
    pytest.param("postgresql", marks=pytest.mark.postgresql),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


class Timer:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


@pytest.fixture
def queue(make_app: Any, database_url: str) -> MailQueue:
    """Return a queue; the test runs once on each of the three databases."""
    site: Site = make_app(database_url)
    return MailQueue(site)


def claimed_by(queue: MailQueue, process: str, *, handed: int = 0) -> str:
    """Let a worker with this ``process`` claim three messages; return its id."""
    who = replace(own_identity(), process=process)
    queue.send(3)
    jobs = queue.claim(who.id)
    queue.hand_over(jobs[:handed], who.id)
    with queue.database.write() as connection:
        Workers(queue.models).register(connection, who, utcnow())
    return who.id


def age(queue: MailQueue, **seconds: float) -> None:
    """Let leases (``lease``) and heartbeats (``beat``) be that many seconds old."""
    message, worker = queue.models.table("Message"), queue.models.table("Worker")
    with queue.database.write() as connection:
        if "lease" in seconds:
            ended = utcnow() - timedelta(seconds=seconds["lease"])
            connection.execute(sa.update(message).values(lease_until=ended))
        if "beat" in seconds:
            seen = utcnow() - timedelta(seconds=seconds["beat"])
            connection.execute(sa.update(worker).values(beat_at=seen))


def new_sweeper(queue: MailQueue, timer: Timer) -> Sweeper:
    """Return the sweeper of another worker."""
    return Sweeper(queue.database, own_identity(), Policy, Clock(), timer)


def test_a_process_of_this_host_that_is_gone_is_rescued_at_once(queue: MailQueue):
    """No lease is waited for: boot id, namespace, pid and start time say that it ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claimed_by(queue, describe(child.pid), handed=1)
    sweeper = new_sweeper(queue, Timer())
    child.send_signal(signal.SIGSTOP)
    assert sweeper.sweep() == 0, "a stopped process is there"
    child.kill()
    child.communicate()
    assert sweeper.sweep() == 3
    assert queue.states() == {"queued": 2, "retrying": 1}
    assert sweeper.sweep() == 0


@pytest.mark.parametrize("database_url", LOCK_ROWS, indirect=True)
def test_what_somebody_has_locked_is_rescued_by_the_next_sweep(queue: MailQueue):
    """Another rescuer had a message locked and died of it: its owner is known to be gone still."""
    boot, namespace, pid, _ = describe(os.getpid()).split(":")
    claimed_by(queue, f"{boot}:{namespace}:{pid}:1")
    sweeper = new_sweeper(queue, Timer())
    one = sa.select(queue.models.table("Message").c.id).limit(1).with_for_update()
    with queue.database.engine.connect() as other:
        other.execute(one).all()
        assert sweeper.sweep() == 2
    assert sweeper.sweep() == 1
    assert queue.states() == {"queued": 3}


def test_a_silent_worker_elsewhere_must_be_seen_dead_twice(queue: MailQueue):
    """Lease over and no heartbeat for 45 s, in two sweeps at least 20 s apart."""
    claimed_by(queue, "another-boot:1:2:3")
    timer = Timer()
    sweeper = new_sweeper(queue, timer)
    age(queue, lease=1, beat=60)
    assert sweeper.sweep() == 0
    timer.seconds += 19
    assert sweeper.sweep() == 0
    timer.seconds += 2
    assert sweeper.sweep() == 3
    assert queue.states() == {"queued": 3}


@pytest.mark.parametrize("alive", [{"lease": -30, "beat": 60}, {"lease": 1, "beat": 5}])
def test_a_lease_or_a_heartbeat_is_life(queue: MailQueue, alive: dict[str, float]):
    """Either one alone protects the messages."""
    claimed_by(queue, "another-boot:1:2:3")
    timer = Timer()
    sweeper = new_sweeper(queue, timer)
    for _ in range(3):
        age(queue, **alive)
        assert sweeper.sweep() == 0
        timer.seconds += 30


def test_a_heartbeat_between_two_sweeps_starts_over(queue: MailQueue):
    """One clock jump makes everybody look dead once; a beat since then is life."""
    claimed_by(queue, "another-boot:1:2:3")
    timer = Timer()
    sweeper = new_sweeper(queue, timer)
    age(queue, lease=1, beat=3600)
    assert sweeper.sweep() == 0
    timer.seconds += 25
    age(queue, lease=1, beat=60)
    assert sweeper.sweep() == 0


def test_each_lease_must_have_been_over_at_both_sweeps(queue: MailQueue):
    """A lease that ended between the two sweeps was seen over only once: it waits for a third."""
    claimed_by(queue, "another-boot:1:2:3")
    timer = Timer()
    sweeper = new_sweeper(queue, timer)
    age(queue, lease=1, beat=60)
    message = queue.models.table("Message")
    newest = queue.rows()[-1].id

    def let_end(moment: datetime) -> None:
        with queue.database.write() as connection:
            update = sa.update(message).where(message.c.id == newest)
            connection.execute(update.values(lease_until=moment))

    let_end(utcnow() + timedelta(hours=1))
    assert sweeper.sweep() == 0
    time.sleep(0.05)  # clocks differ by less
    let_end(utcnow())
    time.sleep(0.05)
    timer.seconds += 25
    assert sweeper.sweep() == 2
    assert queue.states() == {"queued": 2, "sending": 1}
    timer.seconds += 25
    assert sweeper.sweep() == 1


def test_who_we_are_cannot_be_mistaken():
    """This process is there; the same pid with another start time, or unknown, is not judged."""
    own = describe(os.getpid())
    assert own
    assert not is_gone(own)
    boot, namespace, pid, _ = own.split(":")
    assert is_gone(f"{boot}:{namespace}:{pid}:1")
    assert not is_gone(f"{boot}:999:{pid}:1"), "another pid namespace"
    assert not is_gone("")

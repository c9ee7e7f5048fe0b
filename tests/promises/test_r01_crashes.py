"""Workers that are killed at any moment: nothing lost, few doubles, and each of them known."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from support.crowd import Crowd, doubled, lost, received, unexplained
from support.processes import wait_until
from support.promises import FULL, Report, promise, size
from support.smtp import MailServer
from support.workers import WorkerSite

MAILS = size(10_000, ci=1_000)
KILLS = size(50, ci=10)
HELD = size(50, ci=5)
WORKERS = 2
WINDOW = 80


def kill_along_the_way(
    site: WorkerSite, smtp: MailServer, dice: random.Random, *, times: int, apart: float
) -> int:
    """Let two workers deliver, kill one after at most ``apart`` mails each; return the kills."""
    smtp.pause = 0.05  # so that there is always something in flight
    with Crowd(site, WORKERS) as crowd:
        while crowd.kills < times:
            point = len(smtp.received) + dice.random() * apart
            with suppress(TimeoutError):  # the last ones may be waiting for their retry
                wait_until(lambda point=point: len(smtp.received) >= point, timeout=3, every=0.001)
            crowd.kill(dice)
        kills = crowd.kills
    smtp.pause = 0.0
    site.burst("--wait", "20")
    return kills


@pytest.mark.slow
@promise("R1", "R2")
def test_sigkill_loses_nothing_and_each_double_is_known(
    database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R1, R2: 10,000 mails, 2 workers, 50 SIGKILLs: 0 lost, doubles <= kills x W, each on record.

    Every message is ``sent`` and was accepted; each copy too many has an ``uncertain`` attempt.
    """
    site = worker_site(database_url, SMTPADMIN_RETRY_DELAY=1.0)
    site.send(MAILS)
    kills = kill_along_the_way(site, smtp, dice, times=KILLS, apart=MAILS / KILLS)
    report(mails=MAILS, kills=kills, lost=lost(site, smtp), duplicates=doubled(smtp))
    report(unexplained=unexplained(site, smtp))
    assert site.states() == {"sent": MAILS}
    assert lost(site, smtp) == 0
    assert doubled(smtp) <= kills * WINDOW
    assert unexplained(site, smtp) == 0


@promise("R3")
def test_hold_sends_at_most_once(
    database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R3: the same under ``hold``: 0 doubles; not accepted is shown as uncertain, never as sent."""
    site = worker_site(database_url, SMTPADMIN_ON_UNCERTAIN="hold")
    site.send(MAILS)
    kills = kill_along_the_way(site, smtp, dice, times=HELD, apart=(MAILS / HELD - WINDOW) / 3)
    seen, states = received(smtp), {row.message_id: row.state for row in site.rows()}
    hidden = sum(not seen[name] and state != "uncertain" for name, state in states.items())
    untrue = sum(state == "sent" and not seen[name] for name, state in states.items())
    unsure = sum(state == "uncertain" for state in states.values())
    report(mails=MAILS, kills=kills, duplicates=doubled(smtp), uncertain=unsure)
    report(hidden=hidden, sent_untruly=untrue)
    assert set(states.values()) <= {"sent", "uncertain"}
    assert doubled(smtp) == hidden == untrue == 0
    assert unsure <= kills * WINDOW
    assert unsure or not FULL, "nothing was in flight when they died"

"""Messages that kill whatever worker has them: dead letters soon, and no harm to the others."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

from support.crowd import copies
from support.processes import end
from support.promises import Report, promise, size
from support.scripted import scripted_server
from support.workers import WorkerSite

GOOD = size(1_000, ci=60)
BAD = size(20, ci=1)
CRASHES = 3
#: Nothing but crashes ends a message.
PATIENCE = {
    "SMTPADMIN_DEAD_LETTER_THRESHOLD": 99,
    "SMTPADMIN_RETRY_ATTEMPTS": 99,
    "SMTPADMIN_RETRY_DELAY": 1.0,
}
#: Seconds that the good ones may be held up.
LIMIT = 600.0


@promise("R13")
def test_poisoned_messages_hold_nobody_up(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    report: Report,
    dice: random.Random,
):
    """R13: 20 mails that crash the process, 1,000 good ones: all of these are sent within 10 min.

    Each bad one is dead after 3 crashes; the worker is started again as systemd would do it.
    """
    poison = [f"<r{number}@" for number in dice.sample(range(GOOD + BAD), BAD)]
    worker: list[subprocess.Popen[bytes]] = []

    def kill_the_worker(command: str) -> str:
        if any(name in command for name in poison):
            os.kill(worker[-1].pid, signal.SIGKILL)
        return "250 2.1.5 ok"

    crashes = 0
    with scripted_server({"rcpt": kill_the_worker}) as server:
        site = worker_site(any_database_url, SMTPADMIN_PORT=server.port, **PATIENCE)
        site.send(GOOD + BAD)
        began, delay = time.monotonic(), 0.0
        worker.append(site.start())
        while (states := site.states()) != {"sent": GOOD, "dead": BAD}:
            if not delay and states["sent"] == GOOD:
                delay = time.monotonic() - began
            if time.monotonic() - began > LIMIT:
                break
            if worker[-1].poll() is not None:
                crashes += 1
                end(worker[-1])
                worker.append(site.start())
            time.sleep(0.05)
    ended = time.monotonic() - began
    twice = sum(count - 1 for count in copies(server.accepted).values())
    report(good=GOOD, bad=BAD, crashes=crashes, sent=states["sent"], dead=states["dead"])
    report(delay_seconds=round(delay or ended, 1), seconds=round(ended, 1), duplicates=twice)
    assert states == {"sent": GOOD, "dead": BAD}
    dead = [row for row in site.rows() if row.state == "dead"]
    assert {(row.cause, row.crashes) for row in dead} == {("worker_crash", CRASHES)}
    assert delay <= LIMIT

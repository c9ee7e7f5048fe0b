"""A server that was down, and everything that waits for it when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest
from support.crowd import Crowd
from support.processes import wait_until
from support.promises import FULL, Report, promise, seconds, size
from support.scripted import Drop, ScriptedServer, scripted_server
from support.workers import WorkerSite

from flask_smtpadmin.storage import quotas

MAILS: Final = size(10_000, ci=500)
DOWN: Final = seconds(600) if FULL else 10.0  # the first probe is due after 5 s
WORKERS: Final = 2
POOL: Final = 5
#: Seconds from the first failure at which a probe is due: 5, 10, 20, 40 and then 60 apart.
PROBES: Final = (5, 15, 35, 75, *range(135, 700, 60))


class Watch:
    """Notes the most connections that were open at once."""

    def __init__(self, server: ScriptedServer) -> None:
        self.most = 0
        self._server = server

    def sees(self, count: int) -> bool:
        """Look at the connections; say whether the server has accepted ``count`` messages."""
        open_now = sum(not dialogue.closed for dialogue in self._server.dialogues)
        self.most = max(self.most, open_now)
        return len(self._server.accepted) >= count


@pytest.mark.slow
@promise("R15")
def test_nobody_storms_a_server_that_comes_back(
    worker_site: Callable[..., WorkerSite], any_database_url: str, report: Report
):
    """R15: server down, then up: one probe per interval, connections <= pools, all drained."""
    with scripted_server({"banner": Drop()}, pipelining=True) as server:
        site = worker_site(any_database_url, SMTPADMIN_PORT=server.port, SMTPADMIN_POOL_SIZE=POOL)
        site.send(MAILS)
        watch = Watch(server)
        with Crowd(site, WORKERS):
            wait_until(lambda: server.connections)
            began = time.monotonic()
            time.sleep(3.0)  # what had begun when the first connection failed
            first = server.connections
            time.sleep(began + DOWN - time.monotonic())
            probes = server.connections - first
            server.scripts[:] = [{}]
            wait_until(lambda: watch.sees(MAILS), timeout=200, every=0.005)
            site.wait_for_states(sent=MAILS)
    due = sum(moment < DOWN for moment in PROBES)
    report(mails=MAILS, down=DOWN, at_first=first, probes=probes, probes_due=due)
    report(most_connections=watch.most, pools=WORKERS * POOL)
    assert first <= WORKERS * POOL
    assert 1 <= probes <= due
    assert watch.most <= WORKERS * POOL
    assert {row.failures for row in site.rows()} == {0}
    assert set(server.copies().values()) == {1}


@promise("R15")
def test_retries_are_spread(
    worker_site: Callable[..., WorkerSite], any_database_url: str, report: Report
):
    """R15: every message is refused for now: at most 5 % of them come back in any one second."""
    delay = 30 if FULL else 120  # fewer mails need more room for the same evenness
    with scripted_server({"dot": "451 4.3.0 try later"}, pipelining=True) as server:
        site = worker_site(
            any_database_url,
            SMTPADMIN_PORT=server.port,
            SMTPADMIN_RETRY_DELAY=delay,
        )
        site.send(MAILS)
        first: dict[int, float] = {}  # the first ones may come back before the last ones went out

        def all_were_refused() -> bool:
            refused = [row for row in site.rows() if (row.state, row.failures) == ("retrying", 1)]
            first.update((row.id, quotas.seconds(row.run_at)) for row in refused)
            return len(first) == MAILS

        with Crowd(site, WORKERS):
            wait_until(all_were_refused, timeout=100, every=1.0)
    due = sorted(first.values())
    most = max(sum(0 <= later - moment < 1 for later in due) for moment in due[:: MAILS // 250])
    report(mails=MAILS, most_in_one_second=f"{most / MAILS:.1%}")
    assert most <= 0.05 * MAILS

"""Leases that cannot be renewed: nothing goes on that somebody else may soon do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from support.processes import wait_until
from support.scripted import Accept, Silence, Until, scripted_server
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.delivery import engine, upkeep
from flask_smtpadmin.storage.claims import LEASE

WorkerSites = Callable[..., WorkerSite]


@pytest.fixture
def end_leases(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what ends the leases of a worker, which renews none."""
    monkeypatch.setattr(upkeep, "_FIRST_BEAT", 600.0)
    monkeypatch.setattr(upkeep, "_WATCH_EVERY", 0.1)
    return lambda: monkeypatch.setattr(engine, "LEASE_MARGIN", LEASE + 1.0)


def test_what_no_server_can_have_is_let_go(
    worker_site: WorkerSites, end_leases: Callable[[], None]
):
    """A transaction before its content is cut off, counts nothing and is due again."""
    with scripted_server({"mail": Silence()}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port, SMTPADMIN_TIMEOUT=300)
        site.send(3)
        with working(site):
            wait_until(lambda: site.states() == {"sending": 3} and "MAIL" in server.commands)
            end_leases()
            wait_until(lambda: site.states() == {"queued": 3})
            time.sleep(0.5)
            assert site.states() == {"queued": 3}, "and nothing is claimed"
    assert {(row.failures, row.waiting_for) for row in site.rows()} == {(0, None)}


def test_what_a_server_may_have_is_heard_out(
    worker_site: WorkerSites, end_leases: Callable[[], None], caplog: pytest.LogCaptureFixture
):
    """Its content was written in time: the late reply is waited for, and written with the fence."""
    ended = threading.Event()
    with scripted_server({"dot": Accept((Until(ended), "250 2.0.0 accepted at last"))}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port)
        site.send(1)
        with working(site):
            wait_until(lambda: b"\r\n.\r\n" in server.clear)
            end_leases()
            wait_until(lambda: "Our leases could not be renewed" in caplog.text)
            ended.set()
            site.wait_for_states(sent=1)
    assert len(server.accepted) == 1

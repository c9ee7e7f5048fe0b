"""Leases that cannot be renewed: nothing goes on that somebody else may soon do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from support.processes import wait_until
from support.scripted import Accept, Raw, Silence, scripted_server
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.delivery import engine, upkeep
from flask_smtpadmin.storage.claims import LEASE

WorkerSites = Callable[..., WorkerSite]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let leases end 2 s after the worker's start, and renew none."""
    monkeypatch.setattr(engine, "LEASE_MARGIN", LEASE - 2.0)
    monkeypatch.setattr(upkeep, "_FIRST_BEAT", 600.0)
    monkeypatch.setattr(upkeep, "_WATCH_EVERY", 0.1)


@pytest.mark.usefixtures("brief")
def test_what_no_server_can_have_is_let_go(worker_site: WorkerSites):
    """A transaction before its content is cut off, counts nothing and is due again."""
    with scripted_server({"mail": Silence()}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port)
        site.send(3)
        with working(site):
            wait_until(lambda: site.states() == {"sending": 3})
            wait_until(lambda: site.states() == {"queued": 3}, timeout=8)
            time.sleep(0.5)
            assert site.states() == {"queued": 3}, "and nothing is claimed"
    assert {(row.failures, row.waiting_for) for row in site.rows()} == {(0, None)}


@pytest.mark.usefixtures("brief")
def test_what_a_server_may_have_is_heard_out(worker_site: WorkerSites):
    """Its content was written in time: the late reply is waited for, and written with the fence."""
    slow = Accept(Raw(b"250 2.0.0 accepted at last\r\n", size=2, pause=0.3))
    with scripted_server({"dot": slow}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port)
        site.send(1)
        with working(site):
            site.wait_for_states(sent=1, timeout=15)
    assert len(server.accepted) == 1

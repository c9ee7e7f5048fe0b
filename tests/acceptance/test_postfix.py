"""The check ladder against a real Postfix that is set up well, or as badly as servers are."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from support.postfix import POLICY, SCENARIOS, SERVICES, Postfix, Scenario
from support.processes import free_port, wait_until

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.report import DIRECT_STEPS as STEPS
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.diagnose import run_check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postfix(require: Callable[[str], None]) -> Iterator[Postfix]:
    """Run a Postfix for this module."""
    require("postfix")
    if os.geteuid():
        pytest.skip("only root may start Postfix")
    running = Postfix(SERVICES, policy=POLICY)
    yield running
    running.stop()


@pytest.fixture
def dead_ends() -> Iterator[dict[str, int]]:
    """Return ports behind which nobody answers, or nobody is."""
    with ExitStack() as ends:
        hole = ends.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # whoever comes now finds the queue full and gets no answer
            crowd = ends.enter_context(socket.socket())
            crowd.setblocking(False)  # noqa: FBT003 - the standard library's signature
            crowd.connect_ex(hole.getsockname())
        yield {"black hole": hole.getsockname()[1], "closed": free_port()}


@contextmanager
def earlier(scenario: Scenario, server: Server) -> Iterator[None]:
    """Do what the server is to mind."""
    if scenario.before == "twice":
        run_check(server, to=scenario.to)
    if scenario.before != "held":
        yield
        return
    with socket.create_connection(("127.0.0.1", server.port)) as other:
        assert other.recv(100).startswith(b"220")
        yield


@pytest.mark.parametrize("engine", ["aiosmtplib", "smtplib"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.fact)
def test_the_ladder_stops_where_the_fault_is_and_names_it(
    postfix: Postfix, dead_ends: dict[str, int], scenario: Scenario, engine: str
) -> None:
    """Each way to set a server up wrong: the step, the cause, advice, and all within 30 s."""
    service = scenario.service
    changes = {"port": dead_ends[service]} if service in dead_ends else {}
    base = "plain" if changes else service
    server = postfix.settings(base, engine=engine, **changes, **scenario.settings)
    with earlier(scenario, server):
        before, started = postfix.arrived, time.monotonic()
        report = run_check(server, to=scenario.to)
        took = time.monotonic() - started
    states = {step.name: step.state for step in report.steps}
    failed = [step.name for step in report.steps if step.state == "failed"]
    assert (failed, report.cause) == ([scenario.step] * bool(scenario.step), scenario.cause), report
    assert report.ok is not bool(scenario.step)
    assert took < 30
    if report.ok:
        assert postfix.arrived == before + 1
        return
    assert postfix.arrived == before
    reached = STEPS.index(scenario.step)
    assert all(states[name] in {"ok", "skipped"} for name in STEPS[:reached])
    assert {states[name] for name in STEPS[reached + 1 :]} <= {"skipped"}
    assert report.advice == advice(scenario.cause).text


def test_no_process_and_no_file_of_it_remains(require: Callable[[str], None]) -> None:
    """A Postfix that a test has stopped is gone, with the processes it had started."""
    require("postfix")
    if os.geteuid():
        pytest.skip("only root may start Postfix")
    running = Postfix({"plain": {}}, policy={})
    group, folder = running.group, running.folder
    try:
        assert run_check(running.settings("plain")).ok
        assert len(_members(group)) > 1
    finally:
        running.stop()
    wait_until(lambda: not _members(group))
    assert not folder.exists()


def _members(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, _parent, its_group = entry.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(entry.parent.name))
    return found

"""Signals that come in pairs: to the process group, and passed on by a parent besides."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from support.workers import WorkerSite

from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.worker import supervisor
from flask_smtpadmin.worker.supervisor import Supervisor


class Stops:
    """Counts how often a shift is told to end."""

    def __init__(self) -> None:
        self.count = 0

    def stop(self) -> None:
        """Count."""
        self.count += 1


@pytest.fixture
def worker(worker_site: Callable[..., WorkerSite], sqlite_url: str) -> Supervisor:
    """A worker that does not run."""
    made = Supervisor(worker_site(sqlite_url).state, Options())
    made._shift = Stops()  # type: ignore[assignment] - all that a signal asks of it
    return made


def test_an_echo_counts_once_at_whatever_line_of_the_handler_it_comes(worker: Supervisor):
    """Python runs a signal's handler between any two lines, those of the handler too."""
    lines = 0
    while True:
        fresh = Supervisor(worker._state, Options())
        fresh._shift = Stops()  # type: ignore[assignment] - as above
        if not hear(fresh, echo_at=lines):
            break
        assert fresh._shift.count == 1, f"at line {lines} of the handler"
        lines += 1
    assert lines > 3


def hear(worker: Supervisor, *, echo_at: int) -> bool:
    """Let a worker hear SIGTERM, and again before one line of that; say whether it got so far."""
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == echo_at + 1:
                sys.settrace(None)
                worker._on_signal(signal.SIGTERM, None)
                sys.settrace(trace)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        worker._on_signal(signal.SIGTERM, None)
    finally:
        sys.settrace(before)
    return lines > echo_at


def test_a_second_signal_cuts_the_waiting(worker: Supervisor, monkeypatch: pytest.MonkeyPatch):
    """It counts once it is too late for an echo, and so does a third."""
    worker._on_signal(signal.SIGTERM, None)
    monkeypatch.setattr(supervisor, "_ECHO", -1.0)
    worker._on_signal(signal.SIGINT, None)
    worker._on_signal(signal.SIGTERM, None)
    assert worker._shift.count == 3

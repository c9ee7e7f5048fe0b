"""The check ladder: every step to a server, tried one by one and explained."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.settings import Server

StepState = Literal["ok", "failed", "skipped"]
#: The steps in the order in which they are shown; without ``to`` the ladder ends at ``sign_in``.
STEPS: Final = (
    "resolve",
    "connect",
    "greeting",
    "encrypt",
    "hello",
    "sign_in",
    "sender",
    "recipient",
    "message",
)
LIMIT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: how it went, how long it took (milliseconds), what there is to tell."""

    name: str
    state: StepState
    ms: float = 0.0
    detail: str = ""
    reply: str = ""

    def document(self) -> dict[str, Any]:
        """Return the step as JSON shows it."""
        return {
            "name": self.name,
            "state": self.state,
            "ms": round(self.ms, 1),
            "detail": self.detail,
            "reply": self.reply,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """How a check of ``server`` (a key) went; ``cause`` and ``advice`` empty when ``ok``.

    ``runtime`` is the time of the whole check in milliseconds.
    """

    server: str
    ok: bool
    steps: tuple[Step, ...]
    cause: str = ""
    advice: str = ""
    runtime: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return the report as ``flask smtp check --json`` prints it."""
        return {
            "server": self.server,
            "ok": self.ok,
            "steps": [step.document() for step in self.steps],
            "cause": self.cause or None,
            "advice": self.advice or None,
            "runtime": round(self.runtime, 1),
        }


async def check(
    server: Server,
    *,
    to: str | None = None,
    sender: str | None = None,
    progress: Callable[[Step], None] | None = None,
    policy: HostPolicy = PRIVATE,
    limit: float = LIMIT,
) -> Report:
    """Try every step to ``server`` and, with ``to``, send a test message; never raises.

    ``sender`` overrides the From mailbox, ``progress`` is called with each finished step,
    ``limit`` is the time for everything in seconds.
    """
    raise NotImplementedError


def run_check(
    server: Server,
    *,
    to: str | None = None,
    sender: str | None = None,
    progress: Callable[[Step], None] | None = None,
    policy: HostPolicy = PRIVATE,
    limit: float = LIMIT,
    cancel: threading.Event | None = None,
) -> Report:
    """Run :func:`check` in a thread and event loop of its own and wait for the report.

    ``progress`` is called in that thread. Setting ``cancel`` ends the check within 0.1 s; what
    was not tried is then ``skipped`` and the report is not ``ok``.
    """
    raise NotImplementedError

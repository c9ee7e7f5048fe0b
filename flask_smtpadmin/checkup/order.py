"""What one run of a check works on, and how it hears that nobody waits for it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from flask_smtpadmin.core.check import Kind, Wish
from flask_smtpadmin.core.report import Step
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transcript import Transcript

#: Seconds between two questions whether the check was cancelled.
_ASK_EVERY: Final = 0.5


class Stop(threading.Event):
    """Set when a check shall end; while waiting it also asks ``asked``, now and then."""

    def __init__(self, asked: Callable[[], bool] | None = None) -> None:
        super().__init__()
        self._asked = asked
        self._next = time.monotonic() + _ASK_EVERY

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, ``timeout`` seconds at most, and return whether it is."""
        if self._asked is not None and not self.is_set() and time.monotonic() >= self._next:
            self._next = time.monotonic() + _ASK_EVERY
            if self._asked():
                self.set()
        return super().wait(timeout)


def nobody(_step: Step) -> None:
    """Watch no steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One check to be run here and now.

    Attributes:
        server: with the settings to try.
        wish: what to do.
        kind: who wants it.
        saved: they are the saved ones; only then can a worker send with them.
        transcript: records what is said to the server; None: nobody wants to know.
        progress: called with each finished step, in whatever thread it ends.
        stop: ends the check early.
    """

    server: Server
    wish: Wish
    kind: Kind = "test"
    saved: bool = True
    transcript: Transcript | None = None
    progress: Callable[[Step], None] = nobody
    stop: Stop = field(default_factory=Stop)

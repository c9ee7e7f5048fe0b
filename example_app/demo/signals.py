"""Ctrl-C, counted: the first press stops in order, the second at once."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(Exception):
    """Somebody pressed Ctrl-C, closed the terminal or sent SIGTERM."""


class Presses:
    """How often this process was asked to stop.

    The handler only counts: an exception raised in the middle of starting a child would lose it.
    """

    def __init__(self) -> None:
        self.count = 0

    def listen(self) -> None:
        """Count from now on, instead of ending the process."""
        for number in SIGNALS:
            signal.signal(number, self._count)

    def check(self) -> None:
        """Raise ``StopAsked`` once there was a press."""
        if self.count:
            raise StopAsked

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

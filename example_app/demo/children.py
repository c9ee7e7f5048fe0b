"""Child processes with a log file and a process session of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

POLL = 0.05


class ChildDied(RuntimeError):
    """A child ended by itself, or never answered; the text shows its last log lines."""


class Child:
    """One process of the demo.

    Ctrl-C in the terminal does not reach it (it has its own session): the parent ends the
    children one after the other.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, folder: Path, environ: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a command line of our own
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is the id of its process group too."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise ``ChildDied`` when it has ended."""
        if not self.running:
            raise ChildDied(f"The {self.name} ended (exit code {self._process.returncode}).")

    def wait_until(
        self, answers: Callable[[], bool], *, timeout: float, meanwhile: Callable[[], None]
    ) -> None:
        """Wait until ``answers()``, calling ``meanwhile`` all the time.

        Raises:
            ChildDied: it ended, or did not answer within ``timeout`` seconds.
        """
        end = time.monotonic() + timeout
        while not answers():
            self.check()
            meanwhile()
            if time.monotonic() > end:
                raise ChildDied(f"The {self.name} did not answer within {timeout:g} seconds.")
            time.sleep(POLL)

    def stop(self, *, grace: float, hurry: Callable[[], bool]) -> None:
        """Ask it to end; by force after ``grace`` seconds, or as soon as ``hurry()``."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        end = time.monotonic() + grace
        while self.running and time.monotonic() < end and not hurry():
            time.sleep(POLL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_lines(self, count: int = 20) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-count:])

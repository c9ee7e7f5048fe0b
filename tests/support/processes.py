"""Ports, waiting, and child processes that never outlive the test."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

T = TypeVar("T")


def free_port() -> int:
    """Return a TCP port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Return ``count`` different TCP ports that nothing listens on."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def wait_until(probe: Callable[[], T], *, timeout: float = 30.0, every: float = 0.02) -> T:
    """Call ``probe`` until it returns something true and return that.

    A busy machine may take long over what happens at once elsewhere: ``timeout`` only ends a test
    that would never end.

    Raises:
        TimeoutError: it did not within ``timeout`` seconds.
    """
    end = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            name = getattr(probe, "__qualname__", repr(probe))
            raise TimeoutError(f"not true within {timeout:g} s: {name}")
        time.sleep(every)


async def until(probe: Callable[[], object]) -> None:
    """Let the event loop go on until ``probe`` returns something true.

    Raises:
        TimeoutError: it did not within 30 s.
    """
    async with asyncio.timeout(30):
        while not probe():  # noqa: ASYNC110 - it is another thread's doing
            await asyncio.sleep(0.005)


def answers(port: int) -> bool:
    """Say whether something accepts connections on ``port`` of the loopback address."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def end(process: subprocess.Popen[bytes] | subprocess.Popen[str], *, grace: float = 10.0) -> None:
    """Stop a child, by force after ``grace`` seconds, and close its pipes."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
    process.communicate()

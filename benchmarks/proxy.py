"""A distance on one machine: a TCP relay that hands on every byte a while after it came.

``python -m benchmarks.proxy FROM TO SECONDS`` listens on port FROM, connects to port TO for each
connection, and holds all that comes, in both directions, for SECONDS.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from benchmarks import ROOT
from benchmarks.sink import run

#: Seconds each way: a round trip of 40 ms.
ONE_WAY = 0.02


class End(asyncio.Protocol):
    """One end of a relayed connection: what it receives, the other end sends after the delay."""

    def __init__(self, delay: float, other: End | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay = delay
        self._transport: asyncio.Transport | None = None
        self._under_way: deque[bytes | None] = deque()  # None: the other end closed
        self._early: list[bytes | None] = []
        self.other = other or End(delay, self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        early, self._early = self._early, []
        for data in early:
            self._send(data)

    def data_received(self, data: bytes) -> None:
        self.other.carry(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.other.carry(None)

    def carry(self, data: bytes | None) -> None:
        """Send ``data`` when the delay is over; timers of one end cannot overtake each other."""
        self._under_way.append(data)
        self._loop.call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        self._send(self._under_way.popleft())

    def _send(self, data: bytes | None) -> None:
        if self._transport is None:
            self._early.append(data)
        elif data is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(data)


async def relay(port: int, target: int, delay: float) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    dialling: set[asyncio.Task[object]] = set()

    def accept() -> End:
        end = End(delay)
        task = loop.create_task(loop.create_connection(lambda: end.other, "127.0.0.1", target))
        dialling.add(task)
        task.add_done_callback(dialling.discard)
        return end

    server = await loop.create_server(accept, "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


@contextmanager
def distance(target: int, one_way: float = ONE_WAY) -> Iterator[int]:
    """Put a distance in front of the port ``target``; gives the port to connect to."""
    from support.processes import answers, end, free_port, wait_until

    port = free_port()
    command = [sys.executable, "-m", "benchmarks.proxy", str(port), str(target), str(one_way)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(lambda: answers(port))
        yield port
    finally:
        end(process)


def main() -> None:
    """Relay between the ports that are given."""
    port, target, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    run(relay(port, target, delay))


if __name__ == "__main__":
    main()

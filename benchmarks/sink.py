"""SMTP servers that take everything and forget it: Postfix's smtp-sink, else one of our own.

Both count what they accept where another process can read it, so that every contender is timed
in the same way: from the first to the last mail accepted.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, cast

from benchmarks import ROOT

_EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
_REPLIES = {b"EHLO": _EHLO, b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
_END = b"\r\n.\r\n"
_COUNTER = struct.Struct("=Q")


class Taker(asyncio.Protocol):
    """One connection; ``accepted`` is called with each mail, before its 250 is written."""

    def __init__(self, accepted: Callable[[], None]) -> None:
        self._accepted = accepted
        self._buffer = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        replies = []
        while reply := self._take_data() if self._in_data else self._take_line():
            replies.append(reply)
        self._transport.write(b"".join(replies))

    def _take_data(self) -> bytes:
        end = self._buffer.find(_END)
        if end < 0:
            return b""
        self._buffer = self._buffer[end + len(_END) :]
        self._in_data = False
        self._accepted()
        return b"250 2.0.0 taken\r\n"

    def _take_line(self) -> bytes:
        line, found, rest = self._buffer.partition(b"\n")
        if not found:
            return b""
        self._buffer = rest
        verb = line[:4].upper()
        self._in_data = verb == b"DATA"
        return _REPLIES.get(verb, b"250 2.1.0 ok\r\n")


class Sink:
    """A sink in a process of its own; a context manager."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        from support.processes import free_port

        self.port = free_port()
        self._counter = folder / f"sink-{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def accepted(self) -> int:
        """Return how many mails were accepted so far."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it listens."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        from support.processes import answers, wait_until

        self.start()
        wait_until(lambda: answers(self.port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from support.processes import end

        if self._process is not None:
            end(self._process)
        self._counter.unlink(missing_ok=True)


class PostfixSink(Sink):
    """``smtp-sink``; it writes its counters (which costs no measurable time), we read the last."""

    name = "Postfix smtp-sink"

    def start(self) -> None:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [str(program()), "-c", *user, f"127.0.0.1:{self.port}", "1000"]
        with self._counter.open("wb") as counter:
            self._process = subprocess.Popen(command, stdout=counter, stderr=subprocess.DEVNULL)
        self._tail = self._counter.open("rb", buffering=0)

    def accepted(self) -> int:
        size = os.fstat(self._tail.fileno()).st_size
        tail = os.pread(self._tail.fileno(), 120, max(0, size - 120))
        counts = re.findall(rb"mesg=(\d+)", tail)
        return int(counts[-1]) if counts else 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._tail.close()


class OwnSink(Sink):
    """:class:`Taker` in a process of its own, for machines without Postfix."""

    name = f"own sink ({'uvloop' if find_spec('uvloop') else 'asyncio'})"

    def start(self) -> None:
        self._counter.write_bytes(_COUNTER.pack(0))
        command = [sys.executable, "-m", "benchmarks.sink", str(self.port), str(self._counter)]
        self._process = subprocess.Popen(command, cwd=ROOT)

    def accepted(self) -> int:
        return int(_COUNTER.unpack(self._counter.read_bytes())[0])


def program() -> str | None:
    """Return the path of smtp-sink, if it is installed."""
    from support.requirements import program

    return program("smtp-sink")


def best_sink(folder: Path, *, own: bool = False) -> Sink:
    """Return smtp-sink where it is installed, unless ``own`` is asked for."""
    return PostfixSink(folder) if program() and not own else OwnSink(folder)


async def _serve(port: int, counter: mmap.mmap) -> None:
    accepted = 0

    def count() -> None:
        nonlocal accepted
        accepted += 1
        _COUNTER.pack_into(counter, 0, accepted)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Taker(count), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` on uvloop where it is installed (the extra ``speed``)."""
    try:
        from uvloop import run as run_fast
    except ImportError:
        asyncio.run(work)
    else:
        run_fast(work)


def main() -> None:
    """Serve on the port and count in the file that are given."""
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    with path.open("r+b") as file, mmap.mmap(file.fileno(), _COUNTER.size) as counter:
        run(_serve(port, counter))


if __name__ == "__main__":
    main()

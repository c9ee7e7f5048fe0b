"""One run of one contender: started, watched at the sink, waited for."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT
from benchmarks.sink import Sink

#: Seconds between two looks at the sink's counter.
LOOK_EVERY = 0.003
#: Seconds without a single mail after which a run has failed.
PATIENCE = 60.0
#: What the contender that was started last wrote to stderr.
LOG = ROOT / "build" / "benchmarks" / "stderr.log"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Command:
    """A process of a contender; ``environ`` is added to ours."""

    line: Sequence[str]
    environ: Mapping[str, str]

    @property
    def complete(self) -> dict[str, str]:
        """The whole environment."""
        return {**os.environ, **self.environ, "PYTHONPATH": str(ROOT)}

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; what it says goes to a file that the next one overwrites."""
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("wb") as log:
            return subprocess.Popen(
                self.line,
                cwd=ROOT,
                env=self.complete,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen; times in seconds.

    ``start_up`` is the time from the start of the processes to the first accepted mail;
    ``seconds`` and ``cpu`` (of the contender's own processes) count from there to the last one,
    for ``mails`` mails. ``threads``: of each thread of
    the first process that is still there at the end.
    """

    mails: int
    seconds: float
    start_up: float
    cpu: float
    threads: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Mails per second."""
        return self.mails / self.seconds

    @property
    def cpu_per_mail(self) -> float:
        """Milliseconds of CPU time for one mail."""
        return self.cpu / self.mails * 1000


@contextmanager
def running(commands: Sequence[Command]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run processes; those that have not ended by themselves are ended."""
    from support.processes import end

    processes = [command.start() for command in commands]
    try:
        yield processes
    finally:
        for process in processes:
            end(process, grace=35)


def measure(sink: Sink, mails: int, commands: Sequence[Command]) -> Run:
    """Start ``commands`` and time how the sink accepts exactly ``mails`` mails from them.

    Raises:
        RuntimeError: they ended, or nothing moved, before all were accepted; or a process failed,
            or more arrived than there were.
    """
    os.sync()  # nobody waits for what was written before, by others or to fill the queue
    before, began = sink.accepted(), time.monotonic()
    with running(commands) as processes:
        run = _watch(sink, before, mails, processes, began)
        for process in processes:
            if process.wait(PATIENCE):
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}, see {LOG}")
    if sink.accepted() - before != mails:
        raise RuntimeError(f"{sink.accepted() - before} mails arrived, there were {mails}")
    return run


def watch(sink: Sink, before: int, mails: int, processes: Sequence[subprocess.Popen[bytes]]) -> Run:
    """Time the next ``mails`` mails of processes that run already and go on running."""
    return _watch(sink, before, mails, processes, time.monotonic())


def _watch(
    sink: Sink,
    before: int,
    mails: int,
    processes: Sequence[subprocess.Popen[bytes]],
    began: float,
) -> Run:
    first, threads_before = 0, dict[str, float]()
    seen, first_at, seen_at, cpu_before = before, began, began, 0.0
    while seen < before + mails:
        time.sleep(LOOK_EVERY)
        count, now = sink.accepted(), time.monotonic()
        if count == seen:
            ended = all(process.poll() is not None for process in processes)
            if (ended and sink.accepted() == count) or now - seen_at > PATIENCE:
                raise RuntimeError(f"{processes[0].args!r}: {count - before} of {mails}, see {LOG}")
            continue
        if seen == before:
            first, first_at, cpu_before = count, now, sum(map(cpu_seconds, processes))
            threads_before = thread_seconds(processes[0])
        seen, seen_at = count, now
    cpu = sum(map(cpu_seconds, processes)) - cpu_before
    threads = thread_seconds(processes[0])
    return Run(
        mails=max(seen - first, 1),
        seconds=seen_at - first_at,
        start_up=first_at - began,
        cpu=cpu,
        threads=tuple(threads[key] - threads_before.get(key, 0.0) for key in threads),
    )


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time of a process and of the children it has waited for, in seconds."""
    try:
        figures = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended, and its figures with it
        return 0.0
    return sum(map(int, figures[11:15])) / _TICKS


def thread_seconds(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Return the CPU time of each thread of a process, in seconds."""
    times: dict[str, float] = {}
    for path in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            figures = path.read_text().rpartition(")")[2].split()
            times[path.parent.name] = sum(map(int, figures[11:13])) / _TICKS
    return times


def resident(process: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of a process in MB (10^6 bytes)."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no process {process.pid}")

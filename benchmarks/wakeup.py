"""Wake-up: from ``send()`` to the server's 250 while the worker has nothing to do.

With Redis the doorbell wakes it; without, it looks into the database about once a second. Each
mail is sent alone, after a pause of random length.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.options import parse
from benchmarks.result import Line, Result, circumstances, percentile
from benchmarks.servers import DATABASES, Servers
from benchmarks.sink import Taker
from benchmarks.site import message
from benchmarks.timing import Command, running

#: Seconds that one mail may take.
PATIENCE = 30.0
_PAUSES = (0.3, 0.5)


class Bell:
    """A sink in a thread of this process that notes when it said 250."""

    def __init__(self) -> None:
        self.port = 0
        self._taken = threading.Event()
        self._at = 0.0

    def wait(self) -> float:
        """Return when the next mail was taken, as ``time.perf_counter`` tells it."""
        if not self._taken.wait(PATIENCE):
            raise RuntimeError(f"no mail within {PATIENCE:g} s")
        self._taken.clear()
        return self._at

    def take(self) -> None:
        """Note a mail."""
        self._at = time.perf_counter()
        self._taken.set()


@contextmanager
def listening(kind: type[Taker] = Taker) -> Iterator[Bell]:
    """Run a :class:`Bell` that hears of the mails that ``kind`` accepts."""
    bell, loop, ready = Bell(), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        server = await loop.create_server(lambda: kind(bell.take), "127.0.0.1", 0)
        bell.port = server.sockets[0].getsockname()[1]
        ready.set()

    def work() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield bell
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def samples(servers: Servers, database: str, count: int, *, redis: bool) -> list[float]:
    """Return how long so many mails took, in milliseconds; the first is not counted."""
    times = []
    with servers.site(database, redis=redis) as site, listening() as bell, site.app.app_context():
        worker = Command(*site.worker(bell.port, 10))
        with running([worker]):
            for number in range(count + 1):
                began = time.perf_counter()
                site.mail.send(message(number))
                times.append((bell.wait() - began) * 1000)
                if number == 0:
                    time.sleep(2)  # until it has heard of Redis
                time.sleep(random.uniform(*_PAUSES))
    return times[1:]


def main() -> None:
    """Measure with Redis and without, and save the result."""
    options = parse(__doc__, mails=100)
    rows, lines = [], []
    with Servers() as servers:
        told = circumstances()
        for database in DATABASES:
            for redis, count, bound in (
                (True, options.mails, 50),
                (False, max(2, options.mails * 2 // 5), 1200),
            ):
                times = samples(servers, database, count, redis=redis)
                name = f"{'Redis' if redis else 'polling'}, {database}"
                figures = [f"{percentile(times, p):.1f}" for p in (50, 95)]
                rows.append([name, str(count), *figures, f"{max(times):.1f}"])
                p95 = percentile(times, 95)
                what = f"wake-up p95 with {name}"
                lines.append(Line(what=what, value=p95, bound=bound, unit="ms", at_most=True))
    Result(
        name="wakeup",
        title="Wake-up of an idle worker, milliseconds from send() to the server's 250",
        columns=("bell and database", "mails", "p50", "p95", "longest"),
        rows=rows,
        lines=lines,
        circumstances=told,
    ).save()


if __name__ == "__main__":
    main()

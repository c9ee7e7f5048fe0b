"""Delivery: from a full queue to the sink, beside those who do the same.

One worker process and 10 connections, all features on, against Flask-Mail behind RQ,
django-post_office, aiosmtplib's ``sendmail`` in a loop, and Postfix's smtp-source. Run 1 of each,
then run 2 of each, so that noise meets all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from statistics import median

from benchmarks.mails import SIZE
from benchmarks.options import Options, parse
from benchmarks.peers.environment import interpreter
from benchmarks.result import Line, Result, circumstances, ratio
from benchmarks.servers import Servers
from benchmarks.sink import Sink, best_sink
from benchmarks.timing import Command, Run, measure

#: Fills a queue with so many mails, gives what delivers them to a port, and cleans up.
Prepare = Callable[[int, int], AbstractContextManager[Sequence[Command]]]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of delivery; slow ones get the ``share`` of the mails that takes as long.

    ``least``: mails that a run must have. Who works in batches needs some: what is done before
    the first mail of all and after the last one is not timed.
    """

    name: str
    prepare: Prepare
    share: float = 1.0
    least: int = 20


@dataclass(frozen=True, slots=True)
class Package:
    """This package: its own worker processes, with so many connections each."""

    servers: Servers
    database: str
    workers: int
    connections: int

    @contextmanager
    def prepare(self, mails: int, port: int) -> Iterator[Sequence[Command]]:
        """Deliver until the queue is empty, and look that all is marked as sent."""
        with self.servers.site(self.database) as site:
            site.fill(mails)
            yield [Command(*site.worker(port, self.connections, "--burst"))] * self.workers
            counts = {state: n for state, n in site.state.queue.counts().items() if n}
            if counts != {"sent": mails}:
                raise RuntimeError(f"not all were sent: {counts}")


@contextmanager
def post_office(
    servers: Servers, database: str, threads: int, mails: int, port: int
) -> Iterator[Sequence[Command]]:
    """Deliver by django-post_office's command: batches of 1,000, its thread pool."""
    python = str(interpreter())
    with servers.database(database) as url:
        environ = {
            "BENCH_DATABASE": url,
            "BENCH_PORT": str(port),
            "BENCH_THREADS": str(threads),
            "DJANGO_SETTINGS_MODULE": "benchmarks.peers.post_office_settings",
        }
        _do(Command([python, "-m", "benchmarks.peers.post_office", "fill", str(mails)], environ))
        lock = str(servers.folder / "post_office.lock")
        yield [Command([python, "-m", "django", "send_queued_mail", "-L", lock], environ)]


@contextmanager
def flask_mail(servers: Servers, worker: str, mails: int, port: int) -> Iterator[Sequence[Command]]:
    """Deliver by Flask-Mail, a job a mail, in one of RQ's workers."""
    environ = {"BENCH_REDIS": servers.redis.url, "BENCH_PORT": str(port)}
    command = [str(interpreter()), "-m", "benchmarks.peers.flask_mail_rq"]
    _do(Command([*command, "fill", str(mails)], environ))
    yield [Command([*command, "work", worker], environ)]


@contextmanager
def sendmail_loop(connections: int, mails: int, port: int) -> Iterator[Sequence[Command]]:
    """Hand over by aiosmtplib alone: no queue, nothing stored, nothing rendered."""
    command = [str(interpreter()), "-m", "benchmarks.peers.sendmail_loop"]
    yield [Command([*command, str(mails), str(connections)], {"BENCH_PORT": str(port)})]


@contextmanager
def smtp_source(
    options: Sequence[str], connections: int, mails: int, port: int
) -> Iterator[Sequence[Command]]:
    """Hand over by Postfix's test client, written in C."""
    command = [str(_smtp_source()), *options, "-s", str(connections), "-l", str(SIZE)]
    yield [Command([*command, "-m", str(mails), f"127.0.0.1:{port}"], {})]


_TEN = ", 10 threads"


def contenders(servers: Servers, connections: int) -> Iterator[Contender]:
    """Give everybody who takes part."""
    for database in ("SQLite", "PostgreSQL"):
        for workers in (1, 2):
            name = f"this package, {database}, {workers} worker{'s' * (workers > 1)}"
            yield Contender(name, Package(servers, database, workers, connections).prepare)
    for database in ("SQLite", "PostgreSQL"):
        name = f"django-post_office, {database}"
        for note, threads in (("", 5), (_TEN, 10)):
            prepare = partial(post_office, servers, database, threads)
            yield Contender(name + note, prepare, 0.4, least=4000)
    for worker, share in (("SimpleWorker", 0.1), ("Worker", 0.04)):
        yield Contender(f"Flask-Mail, RQ {worker}", partial(flask_mail, servers, worker), share)
    yield Contender("aiosmtplib sendmail loop", partial(sendmail_loop, connections))
    if _smtp_source():
        yield Contender("smtp-source", partial(smtp_source, [], connections), 2)
        yield Contender("smtp-source -d", partial(smtp_source, ["-d"], connections), 4)
    else:
        print("Left out: smtp-source (package postfix) is not installed.")


def rounds(
    sink: Sink, port: int, field: Sequence[Contender], options: Options
) -> dict[str, list[Run]]:
    """Let everybody run once, then everybody a second time, and so on."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in field}
    for turn in range(options.runs):
        for contender in field:
            count = max(int(options.mails * contender.share), contender.least)
            with contender.prepare(count, port) as commands:
                run = measure(sink, count, commands)
            runs[contender.name].append(run)
            print(f"run {turn + 1}  {contender.name:38} {run.rate:9,.0f}/s", flush=True)
    return runs


def rows(runs: dict[str, list[Run]]) -> list[list[str]]:
    """Return a table row for each contender."""
    return [
        [
            name,
            f"{median(run.rate for run in series):,.0f}",
            f"{min(run.rate for run in series):,.0f} to {max(run.rate for run in series):,.0f}",
            f"{median(run.cpu_per_mail for run in series):.3f}",
            _by_thread(series),
            f"{median(run.start_up for run in series):.2f}",
        ]
        for name, series in runs.items()
    ]


COLUMNS = (
    "contender",
    "mails/s",
    "lowest to highest",
    "CPU ms a mail",
    "by thread",
    "start-up s",
)
_BOUNDS = {
    "SQLite": {"django-post_office, SQLite": (4, 8), "smtp-source": (0.3, 0.55)},
    "PostgreSQL": {"django-post_office, PostgreSQL": (3, 5), "smtp-source": (0.18, 0.35)},
}
_FLASK_MAIL = {"Flask-Mail, RQ SimpleWorker": 20, "Flask-Mail, RQ Worker": 60}


def lines(runs: dict[str, list[Run]]) -> Iterator[Line]:
    """Compare this package with the others."""
    rates = {name: [run.rate for run in series] for name, series in runs.items()}
    for database, bounds in _BOUNDS.items():
        ours = rates[f"this package, {database}, 1 worker"]
        for peer, (bound, goal) in bounds.items():
            theirs = max((peer, peer + _TEN), key=lambda n: median(rates.get(n, [0])))
            if theirs in rates:
                yield ratio(f"{database} against {theirs}", ours, rates[theirs], bound, goal=goal)
    ours = rates["this package, SQLite, 1 worker"]
    for peer, bound in _FLASK_MAIL.items():
        yield ratio(f"SQLite against {peer}", ours, rates[peer], bound)


def main() -> None:
    """Run everybody and save the result."""
    options = parse(__doc__, mails=20_000)
    with Servers() as servers, best_sink(servers.folder, own=options.own_sink) as sink:
        told = circumstances(sink=sink.name)
        runs = rounds(sink, sink.port, list(contenders(servers, options.connections)), options)
        Result(
            name="delivery",
            title=f"Delivery on one machine, {options.connections} connections",
            columns=COLUMNS,
            rows=rows(runs),
            lines=list(lines(runs)),
            circumstances=told,
        ).save()


def _by_thread(series: Sequence[Run]) -> str:
    """Say how the CPU time of a mail is spread over threads, where those live long enough."""
    run = sorted(series, key=attrgetter("cpu_per_mail"))[len(series) // 2]
    if sum(run.threads) < 0.9 * run.cpu:
        return ""
    shares = sorted((share / run.mails * 1000 for share in run.threads), reverse=True)
    return " + ".join(f"{share:.3f}" for share in shares if share >= 0.003)


def _do(command: Command) -> None:
    process = command.start()
    if process.wait():
        raise RuntimeError(f"{command.line!r} ended with {process.returncode}")


def _smtp_source() -> str | None:
    from support.requirements import program

    return program("smtp-source")


if __name__ == "__main__":
    main()

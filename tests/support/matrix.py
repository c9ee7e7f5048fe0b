"""Each fault to a server of its own, a message to each server, and one worker for all of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from flask_smtpadmin import Message
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.delivery.events import Summary
from flask_smtpadmin.state import State
from flask_smtpadmin.worker.shift import Shift
from flask_smtpadmin.worker.supervisor import Supervisor
from support.apps import Site, close_site
from support.processes import wait_until
from support.scripted import ScriptedServer, scripted_servers
from support.scripted.faults import Fault
from support.smtp import Mode, authority

Client = Literal["pipelined", "stepwise", "smtplib"]
RECIPIENTS = ("first@example.com", "second@example.net")
SECRET = "correct horse battery"
BODY = "The content of the message."
_BIG = 6 * 2**20
_SETTINGS = {
    "SMTPADMIN_RETRY_DELAY": 3600,
    "SMTPADMIN_RETRY_MAX_DELAY": 7200,
    "SMTPADMIN_WINDOW": 16,
}


@dataclass(frozen=True)
class Found:
    """What became of the message of one fault, as the tables say and as the server counted.

    ``seconds`` is how long its try took. ``taken`` and ``told`` count the accepted copies.
    """

    phase: str
    state: str
    waiting_for: str
    recipients: tuple[str, ...]
    outcome: str
    failures: int
    health: str
    seconds: float
    told: int = 0
    taken: int = 0


class WatchedShift(Shift):
    """Work that says which tasks it left behind."""

    tasks_left: Sequence[str] = ("it never began",)

    async def work(self, *, stopping: Callable[[], bool]) -> Summary:
        """Work as always."""
        summary = await super().work(stopping=stopping)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        self.tasks_left = [str(task.get_coro()) for task in left]
        return summary


class Watched(Supervisor):
    """A worker whose work is watched."""

    def __init__(self, state: State, options: Options) -> None:
        super().__init__(state, options)
        self.work = WatchedShift(state, options, self._who, lambda: self._redis)
        self._shift = self.work


@contextmanager
def working(state: State, **options: Any) -> Iterator[None]:
    """Run a worker in a thread of this process; it must end in good order and leave no task."""
    worker = Watched(state, Options(**options))
    summaries: list[Summary] = []
    thread = threading.Thread(target=lambda: summaries.append(worker.run()))
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(40)
    assert summaries, "the worker ended in good order"
    assert not worker.work.tasks_left


def sockets() -> int:
    """Return how many sockets this process has open."""
    return sum(_target(entry).startswith("socket:") for entry in Path("/proc/self/fd").iterdir())


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed meanwhile, like the one that lists the folder
        return ""


def run(
    make_app: Callable[..., Site], url: str, faults: Sequence[Fault], mode: Mode, client: Client
) -> dict[str, Found]:
    """Send a message into each fault and return what became of it, by the fault's name.

    ``url`` is the database's.

    Fails when the worker leaves a connection, a thread or a task behind.
    """
    before = sockets(), threading.active_count()
    with scripted_servers() as farm:
        servers = [
            farm.add(
                *fault.connections,
                mode=mode,
                pipelining=client == "pipelined",
                auth=fault.auth,
                context=fault.context,
            )
            for fault in faults
        ]
        config = {
            f"f{number}": server_config(fault, server, mode, client)
            for number, (fault, server) in enumerate(zip(faults, servers, strict=True))
        }
        site = make_app(url, SMTPADMIN_SERVERS=config, **_SETTINGS)
        state: State = site.app.extensions["smtpadmin"]
        _queue(site, faults)
        with working(state):
            found = _watch(state, len(faults))
        close_site(site)
    wait_until(lambda: (sockets(), threading.active_count()) <= before)
    return {
        fault.name: with_copies(found[f"f{number}"], server, mode)
        for number, (fault, server) in enumerate(zip(faults, servers, strict=True))
    }


def server_config(
    fault: Fault, server: ScriptedServer, mode: Mode, client: Client
) -> dict[str, Any]:
    """Return the settings with which the worker reaches ``server``."""
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "tls_mode": mode,
        "ca_file": authority().ca_file,
        "username": "user",
        "password": SECRET,
        "allow_plaintext_auth": mode == "none",
        "from_email": "app@example.org",
        "timeout": fault.timeout,
        "data_timeout": fault.data_timeout,
        "pool_size": 1,
        "engine": "smtplib" if client == "smtplib" else "aiosmtplib",
        **fault.settings,
    }


def _queue(site: Site, faults: Sequence[Fault]) -> None:
    with site.app.app_context():
        for number, fault in enumerate(faults):
            body = "x" * 70 + "\n"
            text = body * (_BIG // len(body)) if fault.big else BODY
            message = Message(fault.name, list(RECIPIENTS), body=text)
            site.mail.send(message, server=f"f{number}")


def _watch(state: State, count: int) -> dict[str, Found]:
    """Return each message as it stood when its first try had ended."""
    found: dict[str, Found] = {}
    end = time.monotonic() + 90
    while len(found) < count:
        for key, item in _settled(state):
            found.setdefault(key, item)
        hanging = {f"f{number}" for number in range(count)} - set(found)
        assert not hanging or time.monotonic() < end, f"tries that did not end: {hanging}"
        time.sleep(0.1)
    return found


def _settled(state: State) -> Iterator[tuple[str, Found]]:
    tables = {name: state.models.table(name) for name in ("Message", "Attempt", "Server")}
    recipient = state.models.table("Recipient")
    with state.database.read() as connection:
        rows = {name: connection.execute(sa.select(t)).all() for name, t in tables.items()}
        ends: defaultdict[int, list[str]] = defaultdict(list)
        for row in connection.execute(sa.select(recipient).order_by(recipient.c.id)):
            ends[row.message].append(row.state)
    health = {row.key: row.health for row in rows["Server"]}
    first = {row.message: row for row in reversed(rows["Attempt"]) if row.outcome}
    for message in rows["Message"]:
        attempt = first.get(message.id)
        if attempt is None or message.state == "sending":
            continue
        took = (attempt.finished_at - attempt.started_at).total_seconds()
        yield (
            message.server_key,
            Found(
                attempt.phase,
                message.state,
                message.waiting_for or "-",
                tuple(ends[message.id]),
                attempt.outcome,
                message.failures,
                health.get(message.server_key, "unverified"),
                took,
            ),
        )


def with_copies(found: Found, server: ScriptedServer, mode: Mode) -> Found:
    """Add what the server counted.

    S-5: with encryption required, no AUTH and no mail crosses an open link or goes to a
    certificate that nobody may trust.
    """
    if found.phase == "encrypt":
        assert not server.auths
        assert "MAIL" not in server.commands
    if mode != "none":
        open_link = server.clear
        assert not any(word in open_link for word in (b"AUTH", b"MAIL", BODY.encode()))
    taken, told = (server.copies(told=told) for told in (False, True))
    assert set(taken.values()) <= {1}, "no copy twice"
    return Found(
        **{
            **{name: getattr(found, name) for name in found.__dataclass_fields__},
            "taken": len({number for number, _ in taken}),
            "told": len({number for number, _ in told}),
        }
    )

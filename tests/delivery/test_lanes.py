"""The connections to one server: who carries which message, and which one goes back."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.processes import until
from support.queues import NOW, claimed
from support.scripted import Accept, Drop, Raw, ScriptedServer, Silence, Until, scripted_server

from flask_smtpadmin.core.hosts import PRIVATE
from flask_smtpadmin.core.transaction import Connected, Transaction
from flask_smtpadmin.delivery.lanes import Callbacks, Ended, Flight, Lanes
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.transport import Pool
from flask_smtpadmin.transport.local import MemorySession

OK = "250 2.0.0 ok"


class Run:
    """Lanes to a scripted server, and what they told."""

    def __init__(self, server: ScriptedServer, size: int = 1, **changes: Any) -> None:
        self.server = server
        self.told: list[Ended] = []
        self.may_begin = True
        self.on_trial = False
        self.lanes = Lanes(
            server=server.settings(**changes),
            size=size,
            policy=PRIVATE,
            now=lambda: NOW,
            engine=Callbacks(self.told.append, lambda _: None, lambda: self.may_begin),
            on_trial=lambda: self.on_trial,
        )

    def put(self, *jobs: Claimed) -> None:
        """Hand messages over."""
        for job in jobs:
            self.lanes.put(Flight(job, 1, self.lanes))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        await until(condition)

    def words(self) -> dict[int, str]:
        """Return by message how it ended."""
        return {item.flight.job.id: word(item) for item in self.told}


def word(ended: Ended) -> str:
    result = ended.result
    if ended.cut:
        return "cut"
    if not isinstance(result, Transaction):
        return type(result).__name__
    return "accepted" if result.accepted else "uncertain" if result.uncertain else result.phase


@asynccontextmanager
async def running(server: ScriptedServer, **changes: Any) -> AsyncIterator[Run]:
    """Close the lanes at the end; a test that failed leaves nothing under way."""
    run = Run(server, **changes)
    try:
        yield run
    except BaseException:
        run.lanes.take_back()
        run.lanes.cut(begun=True)
        raise
    finally:
        await run.lanes.close()


def carried(work: Callable[[Run], Any], *scripts: Any, **changes: Any) -> ScriptedServer:
    """Let ``work`` use lanes to a server with these scripts; ``changes`` are settings."""

    async def carry(server: ScriptedServer) -> None:
        async with running(server, **changes) as run:
            await work(run)

    with scripted_server(*scripts, pipelining=True) as server:
        asyncio.run(carry(server))
    return server


def test_a_message_that_cannot_be_built_disturbs_no_other() -> None:
    """It is pulled while another one's content is on its way."""

    async def work(run: Run) -> None:
        run.put(claimed(0), claimed(1, built=False), claimed(2), claimed(3, built=False))
        await run.until(lambda: len(run.told) == 4)
        assert run.words() == {0: "accepted", 1: "LookupError", 2: "accepted", 3: "LookupError"}

    server = carried(work)
    assert (server.connections, len(server.accepted)) == (1, 2)


def test_what_stood_behind_a_broken_link_goes_over_another_one_and_is_told_once() -> None:
    """The one in front is uncertain; each of the others arrives once, with no failure told."""

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(5)))
        await run.until(lambda: len(run.told) == 5)
        assert run.words() == {
            0: "accepted",
            1: "uncertain",
            **dict.fromkeys((2, 3, 4), "accepted"),
        }
        assert len(run.told) == 5

    server = carried(work, {"dot": [Accept(OK), Accept(Drop())]}, {})
    assert set(server.copies().values()) == {1}
    assert server.connections == 2


def test_links_that_break_under_others_never_count_against_a_message() -> None:
    """However often it stood behind one: it is told about when its own turn has come."""
    broken = {"dot": Drop()}

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(5)))
        await run.until(lambda: len(run.told) == 5)
        assert run.words() == {**dict.fromkeys(range(4), "uncertain"), 4: "accepted"}

    carried(work, broken, broken, broken, broken, {})


@pytest.mark.parametrize("parting", [Drop(), Raw(b"421 4.4.2 idle\r\n")], ids=["fin", "421"])
def test_a_link_that_the_server_closed_while_idle_costs_no_message(parting: Any) -> None:
    """F19: another one is opened, and nothing is told about it."""

    async def work(run: Run) -> None:
        run.put(claimed(0))
        await run.until(lambda: run.told)
        await asyncio.sleep(0.1)
        run.put(claimed(1))
        await run.until(lambda: len(run.told) == 2)
        assert run.words() == {0: "accepted", 1: "accepted"}

    server = carried(work, {"dot": Accept((OK, parting))}, {})
    assert server.connections == 2


def test_a_link_that_closes_as_the_next_mail_is_written_costs_no_message() -> None:
    """F19 at the worst moment: MAIL has gone out; tried once more, on a new connection."""

    async def work(run: Run) -> None:
        run.put(claimed(0), claimed(1))
        await run.until(lambda: len(run.told) == 2)
        assert run.words() == {0: "accepted", 1: "accepted"}

    server = carried(work, {"mail": [OK, ("421 4.4.2 enough", Drop())]}, {})
    assert server.connections == 2
    assert set(server.copies().values()) == {1}


def test_a_second_signal_tells_of_each_message_what_is_known() -> None:
    """Content written: uncertain. Begun behind it: not handed over. The rest was never begun."""

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(4)))
        await run.until(lambda: b"hello" in run.server.clear)
        run.may_begin = False
        left = run.lanes.take_back()
        run.lanes.cut(begun=True)
        await run.until(lambda: len(run.told) == 2)
        assert run.words() == {0: "uncertain", 1: "cut"}
        assert [flight.job.id for flight in left] == [2, 3]

    carried(work, {"dot": Silence()})


def test_told_to_stop_it_finishes_what_the_server_may_have_and_begins_nothing() -> None:
    """The content in front gets its reply; the message behind it goes back."""
    stopped = threading.Event()

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(3)))
        await run.until(lambda: b"hello" in run.server.clear)
        run.may_begin = False
        run.lanes.take_back()
        run.lanes.cut(begun=False)
        stopped.set()
        await run.until(lambda: len(run.told) == 2)
        assert run.words() == {0: "accepted", 1: "cut"}

    server = carried(work, {"dot": Accept((Until(stopped), OK))})
    assert len(server.accepted) == 1


@pytest.mark.parametrize("engine", ["aiosmtplib", "smtplib"])
def test_told_to_stop_it_writes_no_content_in_the_last_moment(engine: str) -> None:
    """The 354 comes after the request to stop and before the task hears of that."""
    stopped = threading.Event()

    async def work(run: Run) -> None:
        run.put(claimed(0))
        await run.until(lambda: run.server.commands.count("DATA"))
        run.may_begin = False
        run.lanes.cut(begun=False)
        stopped.set()
        time.sleep(0.3)  # noqa: ASYNC251 - the loop shall find both at once
        await run.until(lambda: run.told)
        assert run.words() == {0: "cut"}

    server = carried(work, {"data": (Until(stopped), "354 go on")}, engine=engine)
    assert b"hello" not in server.clear


def test_nothing_begins_while_leases_may_end() -> None:
    """It waits, and begins when they were renewed."""

    async def work(run: Run) -> None:
        run.may_begin = False
        run.put(claimed(0))
        await asyncio.sleep(0.3)
        assert run.server.connections == 0
        run.may_begin = True
        await run.until(lambda: run.told)

    carried(work)


@pytest.mark.parametrize("attribute", ["may_begin", "on_trial"])
def test_nothing_is_begun_behind_a_message_when_it_must_not(attribute: str) -> None:
    """Leases about to end, or a server on trial: the next one is not begun yet."""
    forbidden, looked = threading.Event(), threading.Event()

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(2)))
        await run.until(lambda: "RCPT" in run.server.commands)
        setattr(run, attribute, attribute == "on_trial")
        forbidden.set()
        await run.until(lambda: b"hello" in run.server.clear)
        assert [flight.job.id for flight in run.lanes.take_back()] == [1]
        looked.set()
        await run.until(lambda: run.told)

    carried(work, {"rcpt": (Until(forbidden), OK), "dot": Accept((Until(looked), OK))})


def test_a_connection_that_has_served_its_number_is_replaced() -> None:
    """MESSAGES_PER_CONNECTION: QUIT, and the others go over another one."""

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(5)))
        await run.until(lambda: len(run.told) == 5)
        assert set(run.words().values()) == {"accepted"}

    server = carried(work, messages_per_connection=2)
    assert [len(item.deliveries) for item in server.dialogues] == [2, 2, 1]
    assert server.commands.count("QUIT") == 3


def test_a_session_that_fails_in_an_unforeseen_way_leaves_no_message_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Standard output is closed: each message is told of once, and nothing runs in circles."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)

    async def work(run: Run) -> None:
        run.put(*map(claimed, range(2)))
        await run.until(lambda: len(run.told) == 2)
        assert run.words() == {0: "uncertain", 1: "uncertain"}
        assert len(run.told) == 2

    carried(work, engine="console")


def test_a_connection_that_fails_in_an_unforeseen_way_costs_one_message_a_try() -> None:
    """It is told of, so that the server is judged; the others are not tried again at once."""

    class Odd(MemorySession):
        tries = 0

        async def open(self) -> Connected:
            Odd.tries += 1
            raise RuntimeError("can't start new thread")

    async def work(run: Run) -> None:
        run.lanes.pool = Pool(run.lanes.server, 1, opener=lambda server, **_: Odd(server))
        run.put(*map(claimed, range(3)))
        await run.until(lambda: run.told)
        await asyncio.sleep(0.2)
        assert run.words() == {0: "TransportFailure"}
        assert Odd.tries == 1
        run.lanes.take_back()

    carried(work)

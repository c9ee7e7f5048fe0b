"""The journal: what was accepted while the database was away is not sent again."""

from __future__ import annotations

import logging
import resource
import signal
import sqlite3
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from support.apps import Site
from support.processes import wait_until
from support.queues import MailQueue, decided
from support.scripted import Accept, Raw, Until, scripted_server
from support.workers import WorkerSite

from flask_smtpadmin.core.recipient_end import RecipientEnd
from flask_smtpadmin.delivery.writer import Batch, Writer
from flask_smtpadmin.storage.claims import Claimed, PendingRecipient
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.journal import Journal, decode, encode, replay, waiting
from flask_smtpadmin.storage.results import Result, Trace

STATES_AFTER = ("sent", "partial", "retrying", "queued", "dead", "uncertain", "expired")
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 - naive UTC, as in the tables


def a_result(number: int, state: Any = "sent", words: str | None = "250 ok", n: int = 1) -> Result:
    """Return the result of a try for one recipient, whose number is ten times the message's."""
    address = f"r{number}@example.com"
    flags = dict.fromkeys(("has_reply_to", "smtputf8", "eight_bit", "cleared"), False)
    words_of = {"message_id": "<m@x>", "token": "a" * 32, "content": b"what it says"}
    empty = dict.fromkeys(("expires_at", "sender", "server_key", "on_uncertain"))
    counts = {"priority": 1, "size": 9, "attempts": 0, "failures": 0}
    values: dict[str, Any] = {**flags, **words_of, **empty, **counts, "due_at": WHEN}
    job = Claimed(id=number, recipients=(PendingRecipient(number * 10, address),), **values)
    ends = (RecipientEnd(address, "accepted", 250, words),)
    decision = replace(decided(state), run_at=WHEN, error=words, recipients=ends)
    trace = Trace(server="default", started_at=WHEN, finished_at=WHEN, phase="done", reply=words)
    return Result(job, n, decision, trace)


def told(result: Result) -> tuple[Any, ...]:
    """Return what a journal has to bring back of a result."""
    numbers = {item.address: item.id for item in result.job.recipients}
    ends = [(numbers[e.address], e.state, e.code, e.reply) for e in result.decision.recipients]
    plain = replace(result.decision, recipients=())
    return result.job.id, result.job.token, result.n, plain, result.trace, ends


results = st.builds(
    a_result,
    st.integers(1, 2**62),
    st.sampled_from(STATES_AFTER),
    st.none() | st.text(max_size=40),
    st.integers(1, 99),
)


@given(results)
def test_a_line_brings_everything_back(result: Result):
    """Whatever the server said; recipients by number, no address and no content beside that."""
    line = encode(result)
    assert told(decode(line.removesuffix(b"\n"))) == told(result)
    assert line.count(b"\n") == 1
    assert b"@example.com" not in line
    assert b"what it says" not in line


@given(st.lists(results, max_size=5), st.data())
def test_a_torn_or_damaged_journal_gives_what_is_whole(items: list[Result], data: st.DataObject):
    """Cut anywhere and with bytes overwritten: no error, and no result that was not put in."""
    lines = b"".join(map(encode, items))
    cut = data.draw(st.integers(0, len(lines)))
    torn = bytearray(lines[:cut])
    for _ in range(data.draw(st.integers(0, 2)) if torn else 0):
        torn[data.draw(st.integers(0, len(torn) - 1))] = data.draw(st.integers(0, 255))
    found = []
    for line in bytes(torn).split(b"\n"):
        try:
            found.append(told(decode(line)))
        except ValueError:
            continue
    assert all(item in map(told, items) for item in found)
    if bytes(torn) == lines[:cut]:
        assert found == [told(item) for item in items[: len(found)]]
        assert len(found) >= lines[:cut].count(b"\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the journals go."""
    return tmp_path / "smtpadmin"


def taken_over(folder: Path) -> list[tuple[str, list[int]]]:
    """Replay, and return the ids that were to be written for each worker."""
    seen: list[tuple[str, list[int]]] = []

    def write(worker: str, items: Any) -> int:
        seen.append((worker, [item.job.id for item in items]))
        return len(items)

    replay(folder, write)
    return seen


def test_nobody_else_can_read_it_and_it_goes_when_all_is_written(folder: Path):
    """0700 and 0600; cut to nothing once the database has everything, removed at the end."""
    journal = Journal(folder, "w1")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    items = [a_result(1), a_result(2)]
    journal.append(items)
    journal.append(items)
    assert (len(journal), journal.path.read_bytes().count(b"\n")) == (2, 2)
    journal.settle(items[:1])
    assert waiting(folder) == 1
    journal.settle(items[1:])
    assert (journal.path.stat().st_size, waiting(folder)) == (0, 0)
    journal.close()
    assert list(folder.iterdir()) == []


def test_the_journal_of_a_living_worker_is_left_alone(folder: Path):
    """Its lock says that it lives; once that is gone the results are written, and once only."""
    journal = Journal(folder, "w1")
    journal.append([a_result(7)])
    assert taken_over(folder) == []
    journal.close()
    assert taken_over(folder) == [("w1", [7])]
    assert taken_over(folder) == []


def test_a_journal_stays_while_it_cannot_be_written(folder: Path):
    """The database is still away at the replay: the next one finds everything."""
    journal = Journal(folder, "w1")
    journal.append([a_result(7)])
    journal.close()

    def fail(_worker: str, _items: Any) -> int:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        replay(folder, fail)
    assert taken_over(folder) == [("w1", [7])]


def test_what_never_began_is_not_kept(folder: Path):
    """Only tries that got as far as MAIL: anything else may simply be tried again."""
    journal = Journal(folder, "w1")
    early = a_result(1)
    early = replace(early, trace=replace(early.trace, phase="sign_in"))
    journal.append([early, replace(a_result(2), kept=True)])
    assert len(journal) == 0
    journal.close()


def test_a_folder_that_cannot_be_used_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """Mail goes on without a journal; status says so."""
    (tmp_path / "smtpadmin").write_text("a file where the folder should be")
    journal = Journal(tmp_path / "smtpadmin", "w1")
    journal.append([a_result(1)])
    journal.settle([a_result(1)])
    journal.close()
    assert journal.error
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert replay(tmp_path / "smtpadmin", lambda *_: 0) == 0


def test_a_full_disk_keeps_what_was_whole(folder: Path):
    """A write that is cut short is not counted, and the next one goes over it."""
    journal = Journal(folder, "w1")
    journal.append([a_result(1)])
    room = journal.path.stat().st_size + 50
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        journal.append([a_result(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert journal.error
    assert len(journal) == 1
    journal.append([a_result(3)])
    assert not journal.error
    journal.close()
    assert taken_over(folder) == [("w1", [1, 3])]


@pytest.mark.parametrize("end", ["sent", "uncertain", "dead"])
def test_replayed_results_are_fenced(end: Any, make_app: Any, database_url: str, tmp_path: Path):
    """Written as if the worker had done it; a message that changed hands is left as it is."""
    site: Site = make_app(database_url)
    queue = MailQueue(site)
    queue.send(2, recipients=2)
    jobs = queue.claim("w1")
    queue.hand_over(jobs, "w1")
    ends = [
        tuple(RecipientEnd(r.address, "accepted", 250, "250 ok") for r in job.recipients)
        for job in jobs
    ]
    journal = Journal(tmp_path, "w1")
    for job, recipients in zip(jobs, ends, strict=True):
        decision = replace(decided(end), recipients=recipients)
        journal.append([queue.result(job, decision, code=250)])
    journal.close()
    message = queue.models.table("Message")
    with queue.database.write() as connection:
        other = sa.update(message).where(message.c.id == jobs[1].id)
        connection.execute(other.values(lease_token="f" * 32, worker_id="w2"))

    def write(worker: str, items: Any) -> int:
        assert worker == "w1"
        return len(Writer(queue.database, worker, Clock()).commit(Batch(results=items)).finished)

    assert replay(tmp_path, write) == 1
    mine, theirs = queue.rows()
    assert (mine.state, mine.worker_id) == (end, None)
    assert (theirs.state, theirs.worker_id) == ("sending", "w2")
    accepted = [row.state for row in queue.rows("Recipient")]
    assert accepted == ["accepted"] * 2 + ["pending"] * 2
    assert [row.outcome for row in queue.rows("Attempt")] == [decided(end).outcome, None]
    assert queue.rows("Attempt")[0].finished_at <= utcnow()


@contextmanager
def locked(site: WorkerSite) -> Iterator[None]:
    """Hold SQLite's write lock: the database cannot be written to."""
    path = sa.make_url(site.site.app.config["SQLALCHEMY_DATABASE_URI"]).database
    other = sqlite3.connect(str(path), isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_killed_while_the_database_is_away_nothing_is_sent_twice(
    worker_site: Callable[..., WorkerSite],
):
    """SIGKILL after the 250, before any commit: the next worker reads it in the journal."""
    away = threading.Event()
    slow = Accept(Raw(b"250 2.0.0 accepted\r\n", size=30, pause=0.02))
    with scripted_server({"dot": [slow] * 4 + [(Until(away), slow)]}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port, SMTPADMIN_WINDOW=20)
        site.send(60)
        worker = site.start("--connections", "2")
        wait_until(lambda: len(server.accepted) > 5)
        with locked(site):
            away.set()
            wait_until(lambda: in_journals(site))
            time.sleep(1)  # until all is accepted that was handed over before
            wait_until(lambda: all_kept(site, len(server.accepted)))
            before = len(server.accepted)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert before < 60, "the database was locked in the middle"
        assert site.burst()["sent"] + before == 60
    counts = Counter(
        content.split(b"Message-ID: ")[1].split(b"\r")[0] for content in server.accepted
    )
    assert (len(counts), max(counts.values())) == (60, 1)
    assert {row.outcome for row in site.rows("Attempt")} == {"sent"}


def all_kept(site: WorkerSite, accepted: int) -> bool:
    """Say whether everything accepted is either in the database or in the journal."""
    return site.states()["sent"] + in_journals(site) == accepted


def in_journals(site: WorkerSite) -> int:
    """Count the results that only a journal has."""
    return sum(path.read_bytes().count(b"\n") for path in site.state.journals.glob("*.jnl"))


def test_status_tells_of_a_worker_without_a_journal(worker_site: Callable[..., WorkerSite]):
    """A file stands where the folder should be: delivery goes on, and the reason is shown."""
    site = worker_site()
    site.state.journals.parent.mkdir(exist_ok=True)
    site.state.journals.write_text("")
    site.start()
    site.send(3)
    site.wait_for_states(sent=3)
    runner = site.site.app.test_cli_runner()
    words = "no journal for database outages"
    wait_until(lambda: words in runner.invoke(args=["smtp", "status"]).output)

"""The trail in a real database: one after the other, found when tampered with, pruned by age."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.settings import Settings
from flask_smtpadmin.worker.rounds import Rounds


def test_fifty_who_act_at_once_leave_one_chain(
    make_book: Callable[..., Any], database_url: str
) -> None:
    """On each database: no number twice, no gap, no deadlock, and the chain is whole."""
    book = make_book(database_url)
    book.state.database.busy_timeout = 60.0
    failures: list[BaseException] = []
    start = threading.Barrier(50)

    def act(number: int) -> None:
        try:
            start.wait()
            for turn in range(4):
                book.state.audit.record("message.read", f"message:{number * 10 + turn}")
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    verdict = book.state.trail.verify()
    assert (verdict.ok, verdict.entries, verdict.signed) == (True, 200, True)
    assert len({entry.object for entry in book.entries}) == 200


@pytest.mark.parametrize(
    ("statement", "number", "reason"),
    [
        ("UPDATE smtpadmin_audit SET actor = 'eve' WHERE number = 4", 4, "changed"),
        ("UPDATE smtpadmin_audit SET details = '{ }' WHERE number = 4", 4, "changed"),
        ("UPDATE smtpadmin_audit SET digest = 'x' WHERE number = 4", 4, "changed"),
        ("UPDATE smtpadmin_audit SET at = '2026-01-01 00:00:00.000000' WHERE number = 4", 4, None),
        ("DELETE FROM smtpadmin_audit WHERE number = 4", 4, "missing"),
        ("DELETE FROM smtpadmin_audit WHERE number < 4", 1, "missing"),
        ("DELETE FROM smtpadmin_audit WHERE number > 6", 7, "cut"),
        ("DELETE FROM smtpadmin_audit", 1, "cut"),
        ("UPDATE smtpadmin_audit SET number = 99 WHERE number = 4", 4, "missing"),
        ("DELETE FROM smtpadmin_setting WHERE scope = 'audit'", 8, "no_head"),
        ("UPDATE smtpadmin_setting SET value = 'x' WHERE scope = 'audit'", 1, "added"),
    ],
)
def test_what_the_database_alone_allows_is_found(
    make_book: Callable[..., Any],
    database_url: str,
    statement: str,
    number: int,
    reason: str | None,
) -> None:
    """SQL by hand breaks the chain at the entry that it touched, on each database."""
    book = make_book(database_url)
    book.fill(8)
    book.tamper(statement)
    broken = book.state.trail.verify().broken
    assert broken is not None
    assert (broken.number, broken.reason) == (number, reason or "changed")
    result = book.run("smtp audit verify")
    assert result.exit_code == 1
    assert f"Entry {number} " in result.output


def test_a_time_that_is_none_is_found_too(book: Any) -> None:
    """SQLite stores anything anywhere; what cannot be read counts as changed."""
    book.fill(8)
    book.tamper("UPDATE smtpadmin_audit SET at = 'noon' WHERE number = 4")
    broken = book.state.trail.verify().broken
    assert (broken.number, broken.reason) == (4, "changed")


@pytest.mark.parametrize("head", ["cut", "unsigned", "gone"])
def test_the_next_entry_does_not_heal_a_cut(book: Any, head: str) -> None:
    """Who cuts the end off and waits for the app to sign a new one is told of by that one."""
    book.fill(8)
    with book.state.database.read() as connection:
        query = sa.text("SELECT digest, signature FROM smtpadmin_audit WHERE number = 6")
        digest, signature = connection.execute(query).one()
    book.tamper("DELETE FROM smtpadmin_audit WHERE number > 6")
    if head == "gone":
        book.tamper("DELETE FROM smtpadmin_setting WHERE scope = 'audit'")
    else:
        value = f'[6, "{digest}", "{signature if head == "cut" else ""}"]'
        book.tamper("UPDATE smtpadmin_setting SET value = :v WHERE scope = 'audit'", v=value)
    book.fill(2)
    verdict = book.state.trail.verify()
    if head == "unsigned":  # as when a key is set up; it is no secret that something happened
        assert any("entry 7" in warning for warning in verdict.warnings)
    else:
        assert (verdict.broken.number, verdict.broken.reason) == (7, "noted")


def test_a_change_of_keys_keeps_the_chain(make_book: Callable[..., Any], sqlite_url: str) -> None:
    """With the former key as fallback nothing is to be seen; without it, a warning."""
    make_book(sqlite_url, SECRET_KEY="one").fill(3)
    book = make_book(sqlite_url, SECRET_KEY="two", SECRET_KEY_FALLBACKS=["one"])
    assert book.state.trail.verify().ok
    book.fill(1)
    found = book.state.trail.verify()
    assert (found.ok, found.entries, found.warnings) == (True, 4, ())
    book = make_book(sqlite_url, SECRET_KEY="three")
    assert book.state.trail.verify().broken.reason == "unknown_key"
    book.fill(1)
    found = book.state.trail.verify()
    assert (found.ok, found.entries) == (True, 6)
    assert "At entry 5 the key" in found.warnings[0]


def test_the_key_is_not_in_the_database(make_book: Callable[..., Any], sqlite_url: str) -> None:
    """Another app on the same tables, with a key of its own, cannot sign for this one."""
    first = make_book(sqlite_url, SECRET_KEY="one")
    first.fill(3)
    make_book(sqlite_url, SECRET_KEY="guessed").fill(1)
    assert not first.state.trail.verify().ok


def test_old_entries_go_and_the_rest_still_proves_whole(
    make_book: Callable[..., Any], database_url: str
) -> None:
    """Pruning leaves the anchor and an entry that tells of it; a forged anchor is found."""
    book = make_book(database_url)
    book.fill(6)
    middle = book.entries[3].at
    assert book.state.trail.prune(middle) == 3
    verdict = book.state.trail.verify()
    assert (verdict.ok, verdict.entries, verdict.first) == (True, 4, 4)
    last = book.entries[-1]
    assert (last.action, last.details["removed"], last.origin) == ("audit.prune", 3, "api")
    assert book.state.trail.prune(middle) == 0
    assert book.state.trail.prune(utcnow() + timedelta(days=1)) == 4
    verdict = book.state.trail.verify()
    assert (verdict.ok, verdict.entries) == (True, 1)
    book.tamper("DELETE FROM smtpadmin_audit")
    assert book.state.trail.verify().broken.reason == "cut"


def test_who_removes_old_entries_cannot_move_the_anchor(book: Any) -> None:
    """The anchor is signed: another number in it is found, and so is no anchor."""
    book.fill(6)
    book.state.trail.prune(book.entries[2].at)
    book.tamper("DELETE FROM smtpadmin_audit WHERE number = 3")
    assert book.state.trail.verify().broken.reason == "missing"
    row = book.state.trail.page(Sought()).entries
    assert row
    book.tamper(
        "UPDATE smtpadmin_setting SET value = REPLACE(value, '[2,', '[3,') WHERE name = 'anchor'"
    )
    assert book.state.trail.verify().broken.reason == "forged_start"


@pytest.mark.parametrize(("days", "left"), [("90", 1), ("keep", 4)])
def test_a_worker_prunes_by_retention(book: Any, days: str, left: int) -> None:
    """Once the oldest is a day older than RETENTION_AUDIT, all that are too old go; keep: none."""
    book.state.settings.save_values({"retention_audit": days})
    book.fill(3)

    def settings() -> Snapshot:
        snapshot: Snapshot = book.state.settings.snapshot()
        return snapshot

    for age, expected in ((90.5, 4), (92, left)):
        later = utcnow() + timedelta(days=age)
        rounds = Rounds(book.state, "w", settings, lambda later=later: later)
        rounds._prune()
        assert len(book.entries) == expected
    assert book.state.trail.verify().ok
    if left == 1:
        assert book.entries[0].origin == "worker"


def test_reading_goes_on_while_others_write(book: Any) -> None:
    """A trail that grows during the reading is no broken one."""
    book.fill(5)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            book.state.audit.record("message.read", "message:1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(book.state.trail.verify().ok for _ in range(30))
    finally:
        over.set()
        writer.join()


def test_pages_follow_each_other_both_ways(book: Any) -> None:
    """Older and newer lead through all entries, without one twice or left out."""
    book.fill(23)
    trail = book.state.trail
    seen, cursor, cursors = [], None, []
    while True:
        page = trail.page(Sought(), cursor, 5)
        seen += [entry.number for entry in page.entries]
        cursors.append(page)
        if page.next is None:
            break
        cursor = page.next
    assert seen == list(range(23, 0, -1))
    back = trail.page(Sought(), cursors[-1].previous, 5)
    assert back.entries == cursors[-2].entries
    assert trail.page(Sought(), "nonsense", 5).entries == cursors[0].entries


def test_a_filter_means_what_it_says(book: Any) -> None:
    """Person, action, object and day; a first word stands for all below it."""
    settings: Settings = book.state.settings
    settings.save_server("default", {"host": "a.example"}, actor="Ada@example.com")
    settings.save_server("acme", {"host": "b.example"}, create=True)
    book.state.pause()
    trail, today = book.state.trail, utcnow().date()

    def found(**values: Any) -> list[str]:
        return [entry.object for entry in trail.of(Sought(**values))]

    assert found(actor="ada@EXAMPLE.com") == ["server:default"]
    assert found(actor="ada") == []
    assert found(action="server") == ["server:acme", "server:default"]
    assert found(action="server.add") == ["server:acme"]
    assert found(object="server") == ["server:acme", "server:default"]
    assert found(object="server:default") == ["server:default"]
    assert len(found(since=today, until=today + timedelta(days=1))) == 3
    assert found(until=today - timedelta(days=2)) == []
    assert found(since=today + timedelta(days=2)) == []
    assert found(actor="a\0b") == []

"""Dialogues in the database: by day, by session, no older than they shall be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop

from flask_smtpadmin.core.dialogues import Dialogue, Wanted, read_day
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.transcript import packed_text
from flask_smtpadmin.storage.dialogues import PARTS, DialogueRows

DAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 12)  # noqa: DTZ001 - naive UTC, as in the tables
MIDNIGHT = NOON.replace(hour=0)


def part(session: int, began: datetime, **values: Any) -> Dialogue:
    defaults: dict[str, Any] = {
        "part": 1,
        "opens_day": True,
        "ended_at": began + timedelta(seconds=1),
        "server": "default",
        "origin": "worker",
        "worker_id": "w1",
        "address": "192.0.2.1:465",
        "tls": "TLSv1.3",
        "messages": 2,
        "failures": 0,
        "packed": packed_text(f"said in {session}\n"),
    }
    return Dialogue(session=f"{session:016x}", began_at=began, **{**defaults, **values})


def sessions(shop: Shop, *args: Any, **wanted: Any) -> list[int]:
    page = shop.state.dialogues.page(Wanted(day=DAY, **wanted), *args)
    return [int(row.session, 16) for row in page.sessions]


def test_a_session_is_added_up_from_its_parts(shop: Shop) -> None:
    """One row a session, with the messages and failures of all its parts of the day."""
    shop.state.dialogues.write(
        [
            part(1, NOON),
            part(1, NOON + timedelta(hours=1), part=2, opens_day=False, messages=3, failures=1),
            part(2, NOON + timedelta(minutes=1), address=None, tls=None),
        ]
    )
    page = shop.state.dialogues.page(Wanted(day=DAY))
    newer, older = page.sessions
    assert (newer.session, older.session) == (f"{2:016x}", f"{1:016x}")
    assert (older.messages, older.failures, older.server) == (5, 1, "default")
    assert older.ended_at - older.began_at == timedelta(hours=1, seconds=1)
    assert newer.address is None
    assert (page.next, page.previous) == (None, None)


def test_a_day_begins_and_ends_at_midnight_utc(shop: Shop) -> None:
    """The last microsecond before belongs to the day before, midnight itself to the day."""
    moments = [
        MIDNIGHT - timedelta(microseconds=1),
        MIDNIGHT,
        MIDNIGHT + timedelta(days=1, microseconds=-1),
        MIDNIGHT + timedelta(days=1),
    ]
    shop.state.dialogues.write([part(n, moment) for n, moment in enumerate(moments)])
    assert sessions(shop) == [2, 1]
    found = shop.state.dialogues
    assert found.days() == [DAY + timedelta(1), DAY, DAY - timedelta(1)]
    assert found.beside(DAY) == (DAY - timedelta(1), DAY + timedelta(1))
    assert found.beside(DAY + timedelta(1)) == (DAY, None)
    assert [int(one.session, 16) for one in found.of_day(Wanted(day=DAY))] == [1, 2]


def test_pages_follow_each_other_both_ways(shop: Shop) -> None:
    """Newest first; each session once, though several began in the same moment."""
    shop.state.dialogues.write([part(n, NOON + timedelta(seconds=n // 3)) for n in range(10)])
    wanted, seen = Wanted(day=DAY), list[int]()
    page = shop.state.dialogues.page(wanted, None, 4)
    first = page
    while True:
        seen += [int(row.session, 16) for row in page.sessions]
        if page.next is None:
            break
        page = shop.state.dialogues.page(wanted, page.next, 4)
    assert seen == list(range(9, -1, -1))
    second = shop.state.dialogues.page(wanted, first.next, 4)
    assert shop.state.dialogues.page(wanted, second.previous, 4).sessions == first.sessions
    assert sessions(shop, "made up", 4) == [9, 8, 7, 6]


def test_filters_are_the_server_and_failures(shop: Shop) -> None:
    """A failure in any part of the day counts for the session."""
    shop.state.dialogues.write(
        [
            part(1, NOON),
            part(1, NOON + timedelta(seconds=5), part=2, opens_day=False, failures=1),
            part(2, NOON),
            part(3, NOON, server="second", failures=2),
        ]
    )
    assert sessions(shop, failures=True) == [3, 1]
    assert sessions(shop, server="second") == [3]
    assert sessions(shop, server="de\0fault") == []
    found = shop.state.dialogues.of_day(Wanted(day=DAY, failures=True))
    assert [(one.session[-1], one.part) for one in found] == [("3", 1), ("1", 2)]


def test_a_long_session_is_read_in_pages_and_from_a_moment(shop: Shop) -> None:
    """From its beginning, from the part in which an attempt was, and on in both directions."""
    count = 3 * PARTS
    shop.state.dialogues.write(
        [
            part(7, NOON + timedelta(minutes=n), part=n + 1, opens_day=not n, failures=n == 5)
            for n in range(count)
        ]
    )
    name, found = f"{7:016x}", shop.state.dialogues
    first = found.parts(name)
    assert [one.part for one in first.parts] == list(range(1, PARTS + 1))
    assert (first.parts[0].text, first.before) == ("said in 7\n", None)
    second = found.parts(name, after=first.after)
    assert second.parts[0].part == PARTS + 1
    assert found.parts(name, before=second.before) == first
    at = found.parts(name, at=NOON + timedelta(minutes=22, seconds=30))
    assert (at.parts[0].part, at.parts[-1].part, at.after) == (23, count, None)
    assert [one.part for one in found.parts(name, failures=True).parts] == [6]


@pytest.mark.parametrize("session", ["f" * 16, "", "x\0", "é" * 16])
def test_an_unknown_session_is_not_found(shop: Shop, session: str) -> None:
    """Neither one that was removed nor one that somebody made up."""
    with pytest.raises(NotFound):
        shop.state.dialogues.parts(session)


def test_every_letter_survives(shop: Shop) -> None:
    """Texts are compressed; what is not ASCII comes back as it was, and little room is taken."""
    text = "12:00:00.000 S: 250 grüße 日本 \U0001f4e7\n" * 1000
    shop.state.dialogues.write([part(1, NOON, packed=packed_text(text))])
    assert shop.state.dialogues.parts(f"{1:016x}").parts[0].text == text
    table = shop.state.models.table("Dialogue")
    with shop.state.database.read() as connection:
        stored = connection.execute(sa.select(table.c.text)).scalar_one()
    assert len(stored) < len(text.encode()) / 10


def test_what_is_too_old_is_removed_a_little_at_a_time(shop: Shop) -> None:
    """So that no transaction holds the database for long; what is younger stays."""
    shop.state.dialogues.write([part(n, NOON - timedelta(days=8)) for n in range(700)])
    shop.state.dialogues.write([part(1000, NOON - timedelta(days=7)), part(1001, NOON)])
    rows, before = DialogueRows(shop.state.models), NOON - timedelta(days=7)

    def prune() -> bool:
        with shop.state.database.write() as connection:
            return rows.prune(connection, before)

    assert prune() is True
    assert prune() is False
    assert shop.state.dialogues.days() == [DAY, DAY - timedelta(7)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-11-31",
        "20261128",
        "2026-W48-6",
        "2026-11-28T00",
        "9999-12-31",
        "0001-01-01",
    ],
)
def test_what_is_no_day_is_refused_with_a_sentence(text: str) -> None:
    """Only year, month and day, of a year in which arithmetic with days works."""
    with pytest.raises(ValueError, match="Write it like 2026-11-28"):
        read_day(text)
    assert read_day("2026-11-28") == DAY

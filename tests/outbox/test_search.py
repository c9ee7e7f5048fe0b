"""Searches on each database: what they find, by which way, and how they stop and go on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from support.shop import Shop, letter

from flask_smtpadmin import InvalidSearch
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.storage import listing, walk
from flask_smtpadmin.storage.database import utcnow


def put(shop: Shop, *, to: str = "ada@example.com", **values: Any) -> int:
    """Store a message, set columns of its row, and return its id."""
    message = letter()
    message.recipients = to.split()
    number = shop.mail.send(message).id
    if values:
        table = shop.state.models.table("Message")
        with shop.state.database.write() as connection:
            connection.execute(sa.update(table).where(table.c.id == number).values(values))
    return int(number)


def found(shop: Shop, q: str = "", **values: Any) -> list[int]:
    """Return the ids of the first page."""
    return [row.id for row in shop.state.queue.list(Filter(q=q, **values)).messages]


def test_qualifiers(shop: Shop) -> None:
    """Each compares what it says, whatever the case; all that are given must hold."""
    dead = {"state": "dead", "run_at": None}
    first = put(
        shop,
        to="Ada@Example.com grace@other.example",
        subject="Your 100% invoice",
        type="welcome",
        server_key="spare",
        error="550 5.1.1 No such user",
        cause="recipient_unknown",
        sender="Shop <shop@example.com>",
        **dead,
    )
    second = put(shop, to="bob@sub.example.com", sent_via="spare", state="sent", run_at=None)
    message_id = shop.state.queue.get(first).message.message_id
    both = [second, first]
    searches = {
        "to:ADA@example.COM": [first],
        "to:grace@other.example": [first],
        "to:example.com": [first],
        "to:@sub.example.com": [second],
        "to:bob": [second],
        "to:bob invoice": [],
        "grace@other.example": [first],
        message_id: [first],
        message_id.strip("<>"): [first],
        f"id:{first}": [first],
        str(second): [second],
        "id:999999": [],
        "from:shop@": [first],
        'subject:"100% INV"': [first],
        "subject:100_": [],
        "error:recipient_unknown": [first],
        'error:"no such"': [first],
        "type:welcome": [first],
        "server:spare": both,
        "invoice": [first],
        "": both,
    }
    assert {q: found(shop, q) for q in searches} == searches


def test_a_key_is_found(shop: Shop) -> None:
    """The idempotency key of the caller leads to its message."""
    number = shop.mail.send(letter(), key="order 1").id
    assert found(shop, 'key:"order 1"') == [number]


def test_dates(shop: Shop) -> None:
    """``after`` counts from then on, ``before`` up to then; ids lead there in a few steps."""
    day = utcnow().replace(hour=12, minute=0, second=0, microsecond=0)
    ids = [put(shop, created_at=day - timedelta(days=40 - n)) for n in range(40)]
    after, before = (f"{day - timedelta(days=back):%Y-%m-%d}" for back in (30, 20))
    assert found(shop, f"after:{after} before:{before}") == ids[10:20][::-1]
    assert found(shop, f"after:{day - timedelta(days=2):%Y-%m-%dT%H:%M}") == ids[38:][::-1]
    assert found(shop, "before:1999-01-01") == []
    assert found(shop, "after:2999-01-01") == []


@pytest.mark.parametrize("q", ["colour:red", "after:soon"])
def test_a_search_that_cannot_be_meant_is_refused_everywhere(sqlite_shop: Shop, q: str) -> None:
    """List, count and change raise; a filter that means nothing never means everything."""
    put(sqlite_shop, state="dead", run_at=None)
    queue = sqlite_shop.state.queue
    for act in (queue.list, queue.tally, queue.delete_all, queue.retry_all):
        with pytest.raises(InvalidSearch):
            act(Filter(q=q))
    with pytest.raises(InvalidSearch):
        sqlite_shop.mail.queue.list(q=q)
    assert found(sqlite_shop) != []


def test_a_search_stops_in_time_and_goes_on_where_it_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without time left each page ends after one piece; together they have all, once, in order."""
    ids = [one.id for one in shop.mail.send_many([letter() for _ in range(60)])]
    table = shop.state.models.table("Message")
    wanted = [*ids[:30:3], *ids[40::5]]
    with shop.state.database.write() as connection:
        named = sa.update(table).where(table.c.id.in_(wanted)).values(subject="A needle")
        connection.execute(named)
    monkeypatch.setattr(listing, "PATIENCE", -1.0)
    monkeypatch.setattr(walk, "_FIRST", 8)
    monkeypatch.setattr(walk, "_LONGEST", 8)
    collected, pages, cursor = [], 0, None
    while True:
        page = shop.state.queue.list(Filter(q="needle"), cursor, per_page=3)
        collected += [row.id for row in page.messages]
        pages, cursor = pages + 1, page.next
        if cursor is None:
            break
        assert page.unfinished or len(page.messages) == 3
    assert collected == sorted(wanted, reverse=True)
    assert pages > 5
    back: list[int] = []
    previous = page.previous
    while previous is not None:
        page = shop.state.queue.list(Filter(q="needle"), previous, per_page=3)
        back = [row.id for row in page.messages] + back
        previous = page.previous
    assert back + [row.id for row in shop.state.queue.list(Filter(q="needle"), page.next).messages]
    assert set(back) <= set(wanted)


def test_many_rows_and_few_are_found_alike(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether an index leads to few rows or to many, a filter means the same."""
    for n in range(24):
        sent = {"state": "sent", "run_at": None, "sent_via": "main"}
        rare = {"type": "rare"} if n % 5 == 0 else {"type": "often"}
        put(shop, to=f"u{n % 2}@d{n % 3}.example", **rare, **(sent if n % 4 else {}))
    filters = [
        Filter(q="to:d1.example"),
        Filter(q="to:u1@d1.example"),
        Filter(type="often", state="sent"),
        Filter(server="main", range="7d"),
        Filter(q="type:rare to:d0.example"),
        Filter(state="queued", range="today"),
        Filter(state="waiting"),
    ]

    def all_of(wanted: Filter) -> list[int]:
        return [row.id for row in shop.state.queue.export(wanted)]

    few = [all_of(one) for one in filters]
    assert all(few)
    monkeypatch.setattr(walk, "FEW", 1)
    monkeypatch.setattr(walk, "_FIRST", 5)
    monkeypatch.setattr(walk, "_LONGEST", 5)
    assert [all_of(one) for one in filters] == few
    assert [shop.state.queue.tally(one).total for one in filters] == [len(one) for one in few]


def test_counts_end_at_a_bound(shop: Shop) -> None:
    """A state with very many messages is not counted to its end."""
    for _ in range(4):
        put(shop, state="dead", run_at=None)
    assert shop.state.queue.counts(most=2)["dead"] == 3
    assert shop.state.queue.counts("queued") == {"queued": 0}
    assert not shop.state.queue.tally(Filter(), most=3).exact


_BY = re.compile(r"ix_smtpadmin_\w+")


@contextmanager
def plans(shop: Shop) -> Iterator[list[str]]:
    """Collect the names of the indexes that statements go by, and what is read in full."""
    seen: list[str] = []
    asking = False

    def explain(_connection: Any, cursor: Any, sql: str, given: Any, *_rest: Any) -> None:
        nonlocal asking
        if asking or not sql.startswith("SELECT") or "smtpadmin_" not in sql:
            return
        asking = True
        words = "EXPLAIN QUERY PLAN " if shop.state.database.dialect == "sqlite" else "EXPLAIN "
        cursor.execute(words + sql, given)
        for row in cursor.fetchall():
            text = " ".join(map(str, row))
            seen.extend(_BY.findall(text))
            scan = re.search(r"SCAN (smtpadmin_\w+)$|Seq Scan on (smtpadmin_\w+)", text)
            seen.extend(["full"] if scan else [])
        asking = False

    engine = shop.state.database.engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(q="to:u7@d1.example"), "recipient_sought"),
        (Filter(q="to:d1.example"), "recipient_sought"),
        (Filter(q="<none@example.com>"), "message_message_id"),
        (Filter(q="error:recipient_unknown"), "message_cause"),
        (Filter(type="rare"), "message_type"),
        (Filter(server="old"), "message_sent_via"),
        (Filter(server="old"), "message_server"),
        (Filter(state="dead"), "message_state"),
        (Filter(range="today"), "message_resting"),
        (Filter(q="key:none"), "message_key"),
    ],
)
def test_filters_go_by_an_index(sqlite_shop: Shop, wanted: Filter, index: str) -> None:
    """Of 2,000 messages those that match are found without reading the others."""
    letters = [letter() for _ in range(2000)]
    for n, message in enumerate(letters):
        message.recipients = [f"u{n}@d{n % 500}.example"]
    sqlite_shop.mail.send_many(letters)
    with sqlite_shop.state.database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    with plans(sqlite_shop) as seen:
        sqlite_shop.state.queue.list(wanted)
    assert f"ix_smtpadmin_{index}" in seen
    assert "full" not in seen


class Remembered(walk.Walk):
    """A walk over a list: the seconds at which the messages 1, 2, 3 ... were created."""

    seconds: list[int]

    def _created(self, probes: Sequence[int]) -> Sequence[datetime | None]:
        return [at(self.seconds[probe - 1]) for probe in probes]


def at(second: int) -> datetime:
    """Return a moment."""
    return datetime(2026, 1, 1) + timedelta(seconds=second)  # noqa: DTZ001 - as in the tables


@given(
    gaps=st.lists(st.integers(0, 5) | st.integers(0, 10_000), min_size=1, max_size=300),
    second=st.integers(-10, 60_000),
)
def test_the_first_message_since_a_time_is_found_whatever_the_gaps(
    gaps: list[int], second: int
) -> None:
    """Bursts and silence between them lead no search astray."""
    remembered = Remembered(None, None)  # type: ignore[arg-type]  # it asks neither
    remembered.seconds = list(accumulate(gaps))
    last = len(gaps) + 1
    expected = next((n for n, s in enumerate(remembered.seconds, 1) if s >= second), last)
    assert remembered._first_since(at(second), 1, last) == expected

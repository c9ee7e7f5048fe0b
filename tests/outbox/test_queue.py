"""Lists, details and the admin verbs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin import NotFound, WrongState
from flask_smtpadmin.core.rows import Filter, Page
from flask_smtpadmin.core.states import STATES, State
from flask_smtpadmin.storage.database import utcnow


def put(shop: Shop, state: State, **values: Any) -> int:
    """Store a message and set its row as a worker would have left it; return its id."""
    number = shop.mail.send(letter()).id
    waits = state in {"queued", "scheduled", "retrying"}
    row = {"state": state, "state_at": utcnow(), **({} if waits else {"run_at": None})}
    row |= {"worker_id": "w1" if state == "sending" else None, **values}
    table = shop.state.models.table("Message")
    with shop.state.database.write() as connection:
        connection.execute(sa.update(table).where(table.c.id == number).values(row))
    return number


def recipients_of(shop: Shop, number: int, *states: str) -> None:
    """Give a message one recipient for each state."""
    table = shop.state.models.table("Recipient")
    with shop.state.database.write() as connection:
        connection.execute(sa.delete(table).where(table.c.message == number))
        rows = [
            {"message": number, "kind": "to", "address": f"{one}@example.com", "state": one}
            for one in states
        ]
        connection.execute(sa.insert(table), rows)


def ids(page: Page) -> list[int]:
    """Return the ids on a page."""
    return [row.id for row in page.messages]


def test_pages_both_ways(shop: Shop) -> None:
    """Keyset paging walks from the newest to the oldest and back over the same pages."""
    numbers = [one.id for one in shop.mail.send_many([letter() for _ in range(7)])][::-1]
    first = shop.state.queue.list(per_page=3)
    second = shop.state.queue.list(cursor=first.next, per_page=3)
    third = shop.state.queue.list(cursor=second.next, per_page=3)
    assert ids(first) + ids(second) + ids(third) == numbers
    assert (first.previous, third.next) == (None, None)
    back = shop.state.queue.list(cursor=third.previous, per_page=3)
    assert (ids(back), back.next, back.previous) == (ids(second), second.next, second.previous)
    start = shop.state.queue.list(cursor=back.previous, per_page=3)
    assert (ids(start), start.previous, start.next) == (ids(first), None, first.next)


def test_new_messages_do_not_shift_a_page(sqlite_shop: Shop) -> None:
    """A cursor points between two messages, whatever arrives meanwhile."""
    numbers = [one.id for one in sqlite_shop.mail.send_many([letter() for _ in range(4)])][::-1]
    first = sqlite_shop.state.queue.list(per_page=2)
    newer = sqlite_shop.mail.send(letter()).id
    assert ids(sqlite_shop.state.queue.list(cursor=first.next, per_page=2)) == numbers[2:]
    third = sqlite_shop.state.queue.list(cursor=first.next, per_page=1)
    back = sqlite_shop.state.queue.list(cursor=third.previous, per_page=5)
    assert ids(back) == [newer, *numbers[:2]]


@pytest.mark.parametrize("cursor", ["", "nonsense", "ééé", "b2xkZXI6", "====", "a" * 999])
def test_made_up_cursor(sqlite_shop: Shop, cursor: str) -> None:
    """A cursor that makes no sense gives the first page."""
    sqlite_shop.mail.send(letter())
    assert len(sqlite_shop.state.queue.list(cursor=cursor).messages) == 1


def test_filters(shop: Shop) -> None:
    """Each part of a filter narrows the list; together they all have to hold."""
    old = utcnow() - timedelta(days=8)
    dead = put(shop, "dead", type="welcome", server_key="one")
    uncertain = put(shop, "uncertain", subject="50%_off", sent_via="two")
    sent = put(shop, "sent", sent_via="one", state_at=old)

    def found(**values: Any) -> list[int]:
        return ids(shop.state.queue.list(Filter(**values)))

    assert found() == [sent, uncertain, dead]
    assert found(state="dead") == [dead]
    assert found(state="failed") == [uncertain, dead]
    assert found(type="welcome") == [dead]
    assert found(server="one") == [sent, dead]
    assert found(range="7d") == [uncertain, dead]
    assert found(range="30d") == [sent, uncertain, dead]
    assert found(q="%_O") == [uncertain]
    assert found(q="ADA@") == [sent, uncertain, dead]
    assert found(q="hello", state="failed", server="one") == [dead]


def test_counts(shop: Shop) -> None:
    """Every state has a count, most of them 0."""
    put(shop, "dead")
    put(shop, "dead")
    put(shop, "queued")
    expected = dict.fromkeys(STATES, 0) | {"dead": 2, "queued": 1}
    assert shop.state.queue.counts() == expected


@pytest.mark.parametrize("name", ["q", "type", "server"])
def test_a_filter_with_a_null_character_finds_nothing(shop: Shop, name: str) -> None:
    """No database holds such a text, and one refuses to look for it."""
    put(shop, "dead")
    chosen: dict[str, Any] = {name: "a\0"}
    wanted = Filter(**chosen)
    assert shop.state.queue.list(wanted).messages == ()
    assert shop.state.queue.delete_all(wanted) == 0


def test_detail(shop: Shop) -> None:
    """A message comes with its recipients and its attempts in the order of time."""
    number = put(shop, "retrying", attempts=2)
    table = shop.state.models.table("Attempt")
    moment = datetime(2026, 1, 2, 3, 4, 5, 678900)  # noqa: DTZ001 - as the tables hold it
    common = {"message": number, "worker_id": "w", "phase": "data"}
    with shop.state.database.write() as connection:
        for n, key in ((2, "spare"), (1, "main")):
            started = moment + timedelta(minutes=n)
            row = {**common, "n": n, "server_key": key, "started_at": started}
            connection.execute(sa.insert(table).values(row))
    detail = shop.state.queue.get(number)
    assert [one.n for one in detail.attempts] == [1, 2]
    assert detail.attempts[0].started_at == (moment + timedelta(minutes=1)).replace(tzinfo=UTC)
    document = detail.document()
    assert document["attempts"][0]["started_at"] == "2026-01-02T03:05:05.678900+00:00"
    assert document["recipients"][0]["address"] == "ada@example.com"
    listed = shop.state.queue.list().messages[0]
    assert (listed.last_server, listed.sent_via, listed) == ("spare", None, detail.message)


@pytest.mark.parametrize("state", ["dead", "uncertain", "expired", "partial", "cancelled"])
def test_retry_starts_over(shop: Shop, state: State) -> None:
    """What ended is due again with failures 0, for those whom no server accepted."""
    past = utcnow() - timedelta(days=9)
    number = put(
        shop, state, failures=3, crashes=2, expires_at=past, due_at=past, lease_token="old"
    )
    recipients_of(shop, number, "accepted", "refused", "unknown", "pending")
    assert shop.state.queue.retry(number) == "queued"
    detail = shop.state.queue.get(number)
    row = detail.message
    assert (row.state, row.failures, row.expires_at) == ("queued", 0, None)
    assert row.next_try_at is not None
    assert [one.state for one in detail.recipients] == ["accepted", *["pending"] * 3]
    assert shop.bell.count == 2  # one of them for the enqueue


@pytest.mark.parametrize("state", ["queued", "scheduled", "retrying"])
def test_retry_is_send_now_for_what_waits(shop: Shop, state: State) -> None:
    """What waits becomes due at once, keeps its failures, and waits for nothing."""
    later = utcnow() + timedelta(days=1)
    number = put(shop, state, failures=2, run_at=later, due_at=later, waiting_for="server")
    assert shop.state.queue.retry(number) == state
    # nor does a worker that hands it back put it off again
    table = shop.state.models.table("Message")
    with shop.state.database.read() as connection:
        query = sa.select(table.c.due_at).where(table.c.id == number)
        assert connection.execute(query).scalar_one() < later - timedelta(hours=23)
    row = shop.state.queue.get(number).message
    assert (row.failures, row.waiting_for) == (2, None)
    assert row.next_try_at is not None
    assert row.next_try_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("action", "states"),
    [
        ("retry", ["sending", "sent"]),
        ("cancel", [s for s in STATES if s not in {"queued", "scheduled", "retrying"}]),
        ("delete", ["sending"]),
        ("mark_sent", [s for s in STATES if s != "uncertain"]),
    ],
)
def test_wrong_state(shop: Shop, action: str, states: list[State]) -> None:
    """An action that the state does not allow changes nothing and says so."""
    for state in states:
        number = put(shop, state)
        with pytest.raises(WrongState, match=state):
            getattr(shop.state.queue, action)(number)
        assert shop.state.queue.get(number).message.state == state


@pytest.mark.parametrize("action", ["get", "retry", "cancel", "delete", "mark_sent"])
def test_not_found(sqlite_shop: Shop, action: str) -> None:
    """A number that no message has is NotFound."""
    with pytest.raises(NotFound, match="4711"):
        getattr(sqlite_shop.state.queue, action)(4711)
    assert sqlite_shop.state.queue.content(4711) is None


def test_cancel(shop: Shop) -> None:
    """A message that waits is stopped and no worker finds it."""
    number = put(shop, "retrying", waiting_for="server")
    assert shop.state.queue.cancel(number) == "cancelled"
    row = shop.state.queue.get(number).message
    assert (row.state, row.next_try_at, row.waiting_for) == ("cancelled", None, None)


def test_mark_sent(sqlite_shop: Shop) -> None:
    """An uncertain message can be settled by hand."""
    number = put(sqlite_shop, "uncertain")
    assert sqlite_shop.state.queue.mark_sent(number) == "sent"


def test_all_that_match(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide actions go chunk by chunk over what matches and may be changed."""
    monkeypatch.setattr("flask_smtpadmin.storage.queue.CHUNK", 2)
    for _ in range(5):
        put(sqlite_shop, "dead", type="a")
    put(sqlite_shop, "dead", type="b")
    put(sqlite_shop, "sent", type="a")
    queue = sqlite_shop.state.queue
    assert queue.retry_all(Filter(type="a")) == 5
    assert (queue.counts()["queued"], queue.counts()["dead"]) == (5, 1)
    assert queue.cancel_all(Filter(type="a")) == 5
    assert queue.delete_all(Filter(type="a")) == 6
    assert sum(queue.counts().values()) == 1


def test_purge(shop: Shop) -> None:
    """Purge removes what ended, or one state, and only what is older when told so."""
    old = utcnow() - timedelta(days=3)
    for state in STATES:
        put(shop, state)
    put(shop, "dead", state_at=old)
    queue = shop.state.queue
    assert queue.purge(before=datetime.now(UTC) - timedelta(days=1)) == 1
    assert queue.purge(state="queued") == 1
    assert queue.purge(state="sending") == 0
    assert queue.purge() == 7
    assert {state for state, n in queue.counts().items() if n} == {
        "scheduled",
        "sending",
        "retrying",
    }


def test_figures(shop: Shop) -> None:
    """The five figures count the last 24 hours, what waits, and dead letters of any age."""
    now = utcnow()
    old, due = now - timedelta(hours=25), now - timedelta(seconds=90)
    put(shop, "sent", state_at=now, due_at=now - timedelta(seconds=2))
    put(shop, "sent", state_at=now, due_at=now - timedelta(seconds=4))
    put(shop, "sent", state_at=old)
    put(shop, "partial")
    put(shop, "expired")
    put(shop, "dead", state_at=old)
    put(shop, "dead")
    put(shop, "queued", due_at=due)
    put(shop, "queued", waiting_for="settings")
    put(shop, "sending")
    figures = shop.state.summary.figures()
    assert (figures.sent_24h, figures.failed_24h, figures.dead) == (2, 3, 2)
    assert (figures.queued, figures.in_flight, figures.waiting) == (3, 1, 2)
    assert (figures.mean_seconds, figures.waiting_for) == (3.0, {"settings": 1})
    assert figures.oldest_waiting_at == due.replace(tzinfo=UTC)


def test_the_wait_until_a_server_was_ready_is_part_of_the_mean(shop: Shop) -> None:
    """From due to the beginning of the try that succeeded; tries that failed do not count."""
    now = utcnow()
    number = put(shop, "sent", due_at=now - timedelta(seconds=9), state_at=now)
    table = shop.state.models.table("Attempt")
    for n, (outcome, ago) in enumerate((("retry", 8), ("sent", 2)), 1):
        values = {"message": number, "n": n, "worker_id": "w", "server_key": "default"}
        began = now - timedelta(seconds=ago)
        with shop.state.database.write() as connection:
            row = {**values, "started_at": began, "phase": "done", "outcome": outcome}
            connection.execute(sa.insert(table).values(row))
    figures = shop.state.summary.figures()
    assert (figures.mean_seconds, figures.mean_wait_seconds) == (9.0, 7.0)


def test_figures_of_an_empty_queue(shop: Shop) -> None:
    """Nothing at all is no mean and no oldest."""
    figures = shop.state.summary.figures()
    assert (figures.mean_seconds, figures.oldest_waiting_at, figures.queued) == (None, None, 0)

"""What ``send`` and its kin take, refuse, store and tell."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import flask_mail
import pytest
import sqlalchemy as sa
from support.processes import wait_until
from support.shop import Shop, letter
from support.smtp import mail_server

from flask_smtpadmin import InvalidMessage, NotFound, message_queued
from flask_smtpadmin.core.dialogues import Wanted


def test_row(shop: Shop) -> None:
    """A plain message is queued and due at once."""
    before = datetime.now(UTC)
    queued = shop.mail.send(letter())
    row = shop.state.queue.get(queued.id).message
    assert (row.state, row.priority, row.subject) == ("queued", "normal", "Hello")
    assert (row.message_id, row.first_recipient) == (queued.message_id, "ada@example.com")
    assert before <= row.next_try_at <= datetime.now(UTC)
    assert row.next_try_at == queued.next_try_at
    assert shop.mail.queue.get(queued.id)["recipients"][0]["state"] == "pending"


def _flask_mail() -> flask_mail.Message:
    return flask_mail.Message(
        "Hello", recipients=["ada@example.com"], body="Good.", sender="me@example.com"
    )


def _standard() -> EmailMessage:
    message = EmailMessage()
    message["To"], message["Subject"] = "ada@example.com", "Hello"
    message.set_content("Good to have you.")
    return message


@pytest.mark.parametrize(
    "make",
    [
        letter,
        _flask_mail,
        _standard,
    ],
)
def test_kinds_of_message(sqlite_shop: Shop, make: Callable[[], object]) -> None:
    """Ours, Flask-Mail's and the standard library's are all taken."""
    row = sqlite_shop.state.queue.get(sqlite_shop.mail.send(make()).id).message
    assert (row.subject, row.first_recipient) == ("Hello", "ada@example.com")


def test_scheduled(shop: Shop) -> None:
    """``send_at`` waits for its time, given in any zone."""
    moment = datetime(2040, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)
    zone = datetime.fromisoformat("2040-01-02T05:04:05.600000+02:00")
    queued = shop.mail.send(letter(), send_at=zone)
    assert (queued.state, queued.next_try_at) == ("scheduled", moment)
    assert shop.state.queue.get(queued.id).message.next_try_at == moment
    past = shop.mail.send(letter(), send_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert (past.state, past.next_try_at > datetime(2026, 1, 1, tzinfo=UTC)) == ("queued", True)


@pytest.mark.parametrize("span", [90, 90.0, timedelta(seconds=90)])
def test_expiry(sqlite_shop: Shop, span: float | timedelta) -> None:
    """``expires_in`` counts seconds, or takes a timedelta, from now."""
    queued = sqlite_shop.mail.send(letter(), expires_in=span)
    row = sqlite_shop.state.queue.get(queued.id).message
    assert row.expires_at is not None
    assert timedelta(seconds=89) < row.expires_at - row.created_at <= timedelta(seconds=90)


def test_options_are_stored(make_shop: Callable[..., Shop]) -> None:
    """Type, priority, server and the choice for uncertain ends are kept with the message."""
    shop = make_shop(SMTPADMIN_SERVERS={"bulk": {"HOST": "smtp.example.com"}})
    queued = shop.mail.send(
        letter(), type="welcome", priority="urgent", server="bulk", on_uncertain="hold"
    )
    row = shop.state.queue.get(queued.id).message
    assert (row.type, row.priority) == ("welcome", "urgent")
    assert (row.server, row.on_uncertain) == ("bulk", "hold")
    many = shop.mail.send_many([letter()])[0]
    assert shop.state.queue.get(many.id).message.priority == "bulk"


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("priority", {"priority": "high"}),
        ("send_at", {"send_at": datetime(2040, 1, 1)}),  # noqa: DTZ001 - what is refused
        ("expires_in", {"expires_in": 0}),
        ("expires_in", {"expires_in": -5}),
        ("expires_in", {"expires_in": "soon"}),
        ("expires_in", {"expires_in": float("inf")}),
        ("expires_in", {"expires_in": float("nan")}),
        ("expires_in", {"expires_in": 60, "send_at": datetime(2040, 1, 1, tzinfo=UTC)}),
        ("on_uncertain", {"on_uncertain": "maybe"}),
        ("type", {"type": "x" * 65}),
        ("type", {"type": ""}),
    ],
)
def test_refused_options(sqlite_shop: Shop, field: str, options: dict[str, object]) -> None:
    """What cannot be meant is refused in the caller, by the option's name."""
    with pytest.raises(InvalidMessage) as caught:
        sqlite_shop.mail.send(letter(), **options)
    assert (caught.value.field, sqlite_shop.stored()) == (field, 0)


def test_unknown_server(sqlite_shop: Shop) -> None:
    """A server that nobody set up is refused in the caller."""
    with pytest.raises(NotFound, match="nowhere"):
        sqlite_shop.mail.send(letter(), server="nowhere")


def test_bad_message_in_a_batch(sqlite_shop: Shop) -> None:
    """``send_many`` names the position and the field, and stores nothing."""
    batch = [letter(), letter(), letter("nobody")]
    with pytest.raises(InvalidMessage) as caught:
        sqlite_shop.mail.send_many(batch)
    assert (caught.value.index, caught.value.field) == (2, "recipients")
    assert sqlite_shop.stored() == 0


def test_many_messages_are_queued_without_collections(sqlite_shop: Shop) -> None:
    """The collector does not go through what is there again and again meanwhile."""
    passes = []

    def collecting(phase: str, _info: object) -> None:
        passes.append(phase)

    messages = [letter() for _ in range(3000)]
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.callbacks.append(collecting)
    try:
        assert len(sqlite_shop.mail.send_many(messages)) == 3000
    finally:
        gc.callbacks.remove(collecting)
        gc.set_threshold(*before)
    assert passes.count("start") <= 2  # what was there before, and what came of it


@pytest.mark.parametrize("verb", ["send", "send_many", "send_now"])
def test_a_message_has_a_greatest_size(make_shop: Callable[..., Shop], verb: str) -> None:
    """``SMTPADMIN_MAX_MESSAGE_SIZE`` counts bytes as they travel; the error tells both figures."""
    shop = make_shop(SMTPADMIN_MAX_MESSAGE_SIZE=100_000, SMTPADMIN_MODE="catch")
    message = letter()
    message.attach("plan.pdf", "application/pdf", b"x" * 60_000)
    given = [message] if verb == "send_many" else message
    getattr(shop.mail, verb)(given)
    message.attach("more.pdf", "application/pdf", b"x" * 20_000)
    with pytest.raises(InvalidMessage, match=r"is 11\d,\d{3} bytes .* allows 100,000") as caught:
        getattr(shop.mail, verb)(given)
    assert (caught.value.field, shop.stored()) == ("message", 1)


def test_no_greatest_size(make_shop: Callable[..., Shop]) -> None:
    """0 lets any size pass; 25 MiB is what there is without it."""
    message = letter()
    message.attach("film.mp4", "video/mp4", bytes(19_500_000))
    with pytest.raises(InvalidMessage, match="26,214,400"):
        make_shop().mail.send(message)
    assert make_shop(SMTPADMIN_MAX_MESSAGE_SIZE=0).mail.send(message).created


def test_a_picture_that_is_not_there_is_told(sqlite_shop: Shop, caplog) -> None:
    """Only in the log, once a batch: whoever answers a mail quotes its pictures."""
    message = letter(
        html="<img src='cid:logo'><td background=CID:b%40x><p style='url(cid:c)'>cid:x"
    )
    message.attach("l.png", "image/png", b"x", "inline", content_id="logo")
    message.attach("b.png", "image/png", b"x", "inline", headers={"Content-ID": "<b@x>"})
    sqlite_shop.mail.send_many([message] * 3)
    assert caplog.messages == ["The HTML of a message shows cid:c, which no attachment is"]


def test_empty_batch(sqlite_shop: Shop) -> None:
    """Nothing to send is nothing to do."""
    assert sqlite_shop.mail.send_many([]) == []


def test_subject_prefix(make_shop: Callable[..., Shop]) -> None:
    """The default server's subject prefix is put in front at enqueue."""
    shop = make_shop(SMTPADMIN_SUBJECT_PREFIX="[Shop]", SMTPADMIN_FROM_EMAIL="me@shop.example")
    queued = shop.mail.send(letter())
    assert shop.state.queue.get(queued.id).message.subject == "[Shop] Hello"
    assert queued.message_id.endswith("@shop.example>")


def test_signal(shop: Shop) -> None:
    """``message_queued`` is sent once for each new message; a receiver that fails stops nobody."""
    seen = []

    def broken(_app: object, **_values: object) -> None:
        raise RuntimeError("receiver")

    def receive(app: object, message: object) -> None:
        seen.append((app, message))

    with message_queued.connected_to(broken), message_queued.connected_to(receive):
        first = shop.mail.send(letter(), key="k")
        shop.mail.send(letter(), key="k")
    assert seen == [(shop.app, first)]


def test_record(make_shop: Callable[..., Shop]) -> None:
    """While testing, mail is recorded, stored as caught, and nobody is told to deliver it."""
    shop = make_shop(TESTING=True)
    with shop.mail.record_messages() as outbox:
        message = letter()
        queued = shop.mail.send(message)
        shop.mail.send(letter(), key="k")
        shop.mail.send(letter(), key="k")
        receipt = shop.mail.send_now(letter())
    shop.mail.send(letter())
    assert (outbox[0] is message, len(outbox)) == (True, 3)
    assert (queued.state, queued.next_try_at, shop.bell.count) == ("caught", None, 0)
    assert (receipt.accepted, receipt.server) == ((), "default")
    assert shop.state.queue.counts()["caught"] == 4


def test_record_and_rollback(make_shop: Callable[..., Shop]) -> None:
    """A recorded message whose transaction is rolled back leaves the list."""
    shop = make_shop(TESTING=True)
    with shop.mail.record_messages() as outbox:
        shop.db.session.begin()
        shop.mail.send(letter())
        assert len(outbox) == 1
        shop.db.session.rollback()
        assert outbox == []


def test_catch(make_shop: Callable[..., Shop]) -> None:
    """MODE catch stores mail that no worker touches; MAX_QUEUE does not count it."""
    shop = make_shop(SMTPADMIN_MODE="catch", SMTPADMIN_MAX_QUEUE=1)
    assert {shop.mail.send(letter()).state for _ in range(3)} == {"caught"}
    assert shop.mail.send(letter(), send_at=datetime(2040, 1, 1, tzinfo=UTC)).state == "caught"


def test_redirect(make_shop: Callable[..., Shop]) -> None:
    """MODE redirect sends all to one address and keeps the real ones in a header."""
    shop = make_shop(SMTPADMIN_MODE="redirect:dev@example.com")
    queued = shop.mail.send(letter("ada@example.com", bcc=["eve@example.com"]))
    detail = shop.state.queue.get(queued.id)
    assert [one.address for one in detail.recipients] == ["dev@example.com"]
    content = shop.state.queue.content(queued.id) or b""
    header = b"X-SMTPAdmin-Original-Recipients: ada@example.com,\r\n eve@example.com\r\n"
    assert content.startswith(header)
    assert b"To: ada@example.com" in content


def test_delete_leaves_nothing(sqlite_shop: Shop) -> None:
    """Rows refer to each other: nothing is left behind when a message is removed."""
    queued = sqlite_shop.mail.send(letter())
    sqlite_shop.state.queue.delete(queued.id)
    with sqlite_shop.db.engine.connect() as connection:
        for name in ("Message", "Content", "Recipient", "Attempt"):
            table = sqlite_shop.state.models.table(name)
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_send_now_waits_for_no_lock_of_the_callers(make_shop: Callable[..., Shop]) -> None:
    """Within a transaction that holds SQLite's lock: sent at once, in the activity log after it."""
    with mail_server() as server:
        shop = make_shop(
            SMTPADMIN_HOST=server.host, SMTPADMIN_PORT=server.port, SMTPADMIN_TLS_MODE="none"
        )
        shop.db.session.add(shop.Order(name="a book"))
        shop.db.session.flush()
        began = time.monotonic()
        shop.mail.send_now(letter(sender="me@example.com"))
        assert time.monotonic() - began < 4
        shop.db.session.commit()
    day = Wanted(day=datetime.now(UTC).date())
    wait_until(lambda: shop.state.dialogues.page(day).sessions)
    (session,) = shop.state.dialogues.page(day).sessions
    assert (session.origin, session.messages) == ("send_now", 1)

"""What is stored while MODE catches or redirects, what passes, and how it is released."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.shop import Shop, letter
from support.smtp import mail_server

from flask_smtpadmin import InvalidMessage, NotFound, WrongState
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.posting import post

ALLOW = {"SMTPADMIN_MODE": "catch", "SMTPADMIN_CATCH_ALLOW": "example.com, *.test.example"}
STRANGER = "eve@stranger.example"


def cleared(shop: Shop) -> dict[int, bool]:
    """Return for each message whether it may go out while MODE is not live."""
    table = shop.state.models.table("Message")
    with shop.db.engine.connect() as connection:
        return {row.id: bool(row.cleared) for row in connection.execute(table.select())}


def entries(shop: Shop) -> list[Any]:
    """Return the audit trail, oldest first."""
    return list(shop.state.trail.of(Sought()))[::-1]


@pytest.fixture
def catching(database_url: str, make_shop: Callable[..., Shop]) -> Shop:
    """Return a shop that catches all but two domains; once on each of the three databases."""
    return make_shop(database_url, **ALLOW)


def test_a_batch_is_parted(catching: Shop) -> None:
    """What is allowed is queued and goes out, the rest is caught; the order is the caller's."""
    to = ["ada@example.com", STRANGER, "qa@x.test.example", STRANGER]
    keys = [f"k{n}" for n in range(4)]
    queued = catching.mail.send_many([letter(one) for one in to], keys=keys)
    assert [one.state for one in queued] == ["queued", "caught", "queued", "caught"]
    assert [one.next_try_at is None for one in queued] == [False, True, False, True]
    found = [catching.state.queue.get(one.id) for one in queued]
    assert [one.message.first_recipient for one in found] == to
    assert [cleared(catching)[one.id] for one in queued] == [True, False, True, False]
    assert catching.bell.count == 1
    again = catching.mail.send_many([letter(one) for one in to], keys=keys)
    assert [(one.id, one.created) for one in again] == [(one.id, False) for one in queued]


def test_one_stranger_holds_the_whole_message(make_shop: Callable[..., Shop]) -> None:
    """Whether in To, Cc or Bcc."""
    shop = make_shop(**ALLOW)
    for header in ("cc", "bcc"):
        assert shop.mail.send(letter(**{header: [STRANGER]})).state == "caught"
        assert shop.mail.send(letter(**{header: ["b@example.com"]})).state == "queued"


def test_only_what_is_caught_needs_no_room(make_shop: Callable[..., Shop]) -> None:
    """MAX_QUEUE counts the messages of a mixed batch that wait."""
    shop = make_shop(**ALLOW, SMTPADMIN_MAX_QUEUE=1)
    shop.mail.send_many([letter(), letter(STRANGER), letter(STRANGER)])
    assert shop.state.queue.counts("queued", "caught") == {"queued": 1, "caught": 2}


def test_allowed_mail_is_not_redirected(make_shop: Callable[..., Shop]) -> None:
    """It goes to its own recipients; all else goes to the one address."""
    shop = make_shop(**ALLOW | {"SMTPADMIN_MODE": "redirect:me@example.org"})
    own, turned = shop.mail.send(letter()), shop.mail.send(letter(STRANGER))
    to = [shop.state.queue.get(one.id).message.first_recipient for one in (own, turned)]
    assert (to, own.state, turned.state) == (
        ["ada@example.com", "me@example.org"],
        "queued",
        "queued",
    )
    assert b"Original-Recipients" not in (shop.state.queue.content(own.id) or b"")
    assert cleared(shop) == {own.id: True, turned.id: True}


def test_a_copy_passes_by_the_same_rule(make_shop: Callable[..., Shop]) -> None:
    """Sending again asks whom it is for now."""
    shop = make_shop(**ALLOW)
    number = shop.mail.send(letter(STRANGER)).id
    assert shop.mail.queue.resend(number)["state"] == "caught"
    assert shop.mail.queue.resend(number, to="ada@example.com")["state"] == "queued"


def test_release(catching: Shop) -> None:
    """A caught message is queued and may go out; the trail says that it was released."""
    first, second = (catching.mail.send(letter(STRANGER)).id for _ in range(2))
    assert catching.mail.queue.release(first)["state"] == "queued"
    assert cleared(catching) == {first: True, second: False}
    assert (entries(catching)[-1].action, catching.bell.count) == ("message.release", 1)
    with pytest.raises(WrongState):
        catching.state.queue.release(first)
    with pytest.raises(NotFound):
        catching.state.queue.release(4711)


def test_release_of_many_takes_what_was_caught_alone(catching: Shop) -> None:
    """By filter and by number; what waits or was sent stays as it is."""
    waits = catching.mail.send(letter(), send_at=None).id
    catching.state.queue.cancel(waits)
    held = [catching.mail.send(letter(STRANGER)).id for _ in range(3)]
    catching.mail.send(letter("eve@other.example"))
    assert catching.state.queue.together(Deed("release"), [waits, held[0]]) == 1
    assert catching.mail.queue.release_all(q="to:stranger.example") == {"released": 2}
    counts = catching.state.queue.counts("cancelled", "caught", "queued")
    assert counts == {"cancelled": 1, "caught": 1, "queued": 3}
    assert [entry.action for entry in entries(catching)][-2:] == ["queue.release"] * 2


def test_whom_messages_are_for(catching: Shop) -> None:
    """Each address once, some of them by name, and how many there are."""
    numbers = [catching.mail.send(letter(f"p{n % 3}@stranger.example")).id for n in range(5)]
    numbers.append(catching.mail.send(letter(STRANGER, cc=["p1@stranger.example"])).id)
    named = (("eve@stranger.example", "p0@stranger.example"), 4)
    assert catching.state.queue.addressees(numbers, most=2) == named
    assert catching.state.queue.addressees([], most=2) == ((), 0)


def test_release_to_another_address_sends_a_copy(make_shop: Callable[..., Shop]) -> None:
    """The caught one stays; the copy goes out whatever MODE is; the trail masks the address."""
    shop = make_shop(SMTPADMIN_MODE="catch")
    number = shop.mail.send(letter(STRANGER)).id
    copy = shop.mail.queue.release(number, to="tester@example.org")
    assert (copy["state"], copy["first_recipient"]) == ("queued", "tester@example.org")
    assert cleared(shop) == {number: False, copy["id"]: True}
    assert copy["resent_from"] == number
    entry = entries(shop)[-1]
    assert (entry.action, entry.details["as_message"]) == ("message.release", copy["id"])
    assert "tester@" not in entry.text
    with pytest.raises(WrongState):
        shop.mail.queue.release(copy["id"], to="tester@example.org")
    with pytest.raises(InvalidMessage):
        shop.mail.queue.release(number, to="nobody")


def test_what_is_secret_is_released_to_its_own_recipients_alone(
    make_shop: Callable[..., Shop],
) -> None:
    """Whoever may release must not come by the link in it that way."""
    shop = make_shop(SMTPADMIN_MODE="catch")
    number = post(shop.state, [letter(STRANGER)], Handling(secret=True))[0].id
    with pytest.raises(InvalidMessage) as raised:
        shop.mail.queue.release(number, to="tester@example.org")
    assert raised.value.field == "to"
    assert shop.mail.queue.release(number)["state"] == "queued"


def test_what_is_sent_at_once_passes_by_the_same_rule(make_shop: Callable[..., Shop]) -> None:
    """send_now() hands over what is allowed and keeps the rest."""
    with mail_server() as server:
        local = {"SMTPADMIN_HOST": server.host, "SMTPADMIN_PORT": server.port}
        shop = make_shop(**ALLOW, **local, SMTPADMIN_TLS_MODE="none")
        sent = shop.mail.send_now(letter(sender="a@b.example"))
        kept = shop.mail.send_now(letter(STRANGER, sender="a@b.example"))
    assert (sent.accepted, kept.accepted, len(server.received)) == (("ada@example.com",), (), 1)


def test_live_mail_is_not_marked(make_shop: Callable[..., Shop]) -> None:
    """While MODE is live the list of allowed domains means nothing."""
    shop = make_shop(SMTPADMIN_CATCH_ALLOW="example.com")
    number = shop.mail.send(letter(STRANGER)).id
    assert cleared(shop) == {number: False}
    assert shop.state.queue.counts("queued")["queued"] == 1
    assert shop.state.queue.list(Filter(state="caught")).messages == ()

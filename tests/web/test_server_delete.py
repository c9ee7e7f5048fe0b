"""Deleting a server: the question names it, its routes and the mail that waits for it."""

from __future__ import annotations

import re
from typing import Any

import pytest


@pytest.fixture
def two(office: Any) -> Any:
    """Return an office with a general server and one for a shop's mail."""
    office.save(host="a.example.org", name="Main", from_email="app@example.com")
    shop = {"host": "b.example.org", "name": "Shop", "routes": "shop.example, b@news.example"}
    office.save("shop", **shop)
    return office


def waiting(office: Any) -> str:
    """Return how many messages the question says wait for the server alone."""
    found = re.search(r'data-waiting="(\d+)"', office.page("/servers/shop/delete"))
    assert found
    return found[1]


def test_the_question_says_what_would_happen(two: Any) -> None:
    """Name, routes, who takes their mail then, and how many messages ask for the server."""
    assert 'href="/admin/email/servers/shop/delete"' in two.page("/servers/shop")
    for state in ("queued", "scheduled", "retrying", "sent", "dead"):
        two.add(state, server_key="shop")
    source = two.page("/servers/shop/delete")
    assert "Delete Shop?" in source
    assert "mail from shop.example, b@news.example" in source.replace("@shop", "shop")
    assert "Mail from these senders then goes through Main." in source
    assert waiting(two) == "3"
    assert "3 messages" in source
    assert two.server("shop").host  # a GET changes nothing


def test_mail_that_waited_for_it_goes_through_any_server(two: Any) -> None:
    """What was parked is due again, what is scheduled keeps its time, what ended stays."""
    numbers = {
        "parked": two.add("queued", server_key="shop", waiting_for="server", run_at=None),
        "scheduled": two.add("scheduled", server_key="shop"),
        "dead": two.add("dead", server_key="shop"),
        "other": two.add("queued", server_key="default"),
    }
    response = two.post("/servers/shop/delete", {"let_go": "1"}, follow_redirects=True)
    assert (
        "Shop was deleted. 2 messages that waited for it go through any server now."
        in response.text
    )
    with two.app.app_context():
        rows = {name: two.state.queue.get(number).message for name, number in numbers.items()}
    assert {name: row.server for name, row in rows.items()} == {
        "parked": None,
        "scheduled": None,
        "dead": "shop",
        "other": "default",
    }
    assert rows["parked"].waiting_for is None
    assert rows["parked"].next_try_at is not None
    assert rows["scheduled"].state == "scheduled"
    assert "let 2 messages go through any server" in two.page("/audit")


def test_without_the_tick_the_mail_waits_for_the_key(two: Any) -> None:
    """Only the server goes; its messages go on asking for it."""
    number = two.add("queued", server_key="shop")
    two.post("/servers/shop/delete")
    with two.app.app_context():
        assert two.state.queue.get(number).message.server == "shop"


def test_the_last_server_is_told(two: Any) -> None:
    """Where nobody else can send, the question says that all mail waits."""
    two.post("/servers/default/pause")
    source = two.page("/servers/shop/delete")
    assert "No other server can be used now" in source
    assert "No other server takes mail from these senders now" in source


def test_what_is_set_elsewhere_is_named(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the environment stay in force, and are listed."""
    monkeypatch.setenv("SMTPADMIN_SERVERS__SHOP__WEIGHT", "3")
    assert "<code>SMTPADMIN_SERVERS__SHOP__WEIGHT</code>" in two.page("/servers/shop/delete")


def test_the_default_server_is_cleared(two: Any) -> None:
    """It stays in the list, without what was saved."""
    assert "Clear what is saved of Main?" in two.page("/servers/default/delete")
    two.post("/servers/default/delete")
    assert two.server().host == ""


def test_the_question_needs_the_right_to_configure(two: Any) -> None:
    """Whoever may only look is refused, and an unknown server is not found."""
    assert two.get("/servers/nosuch/delete").status_code == 404
    two.rights = {"view", "operate"}
    assert two.get("/servers/shop/delete").status_code == 403
    assert "/servers/shop/delete" not in two.page("/servers/shop")

"""The list of servers: the order in which they are tried, and what changes it."""

from __future__ import annotations

import re
from typing import Any

import pytest


@pytest.fixture
def three(office: Any) -> Any:
    """Return an office with three servers that are tried one after the other."""
    office.save(host="a.example.org", name="Main", priority="0")
    office.save("b", host="b.example.org", name="Second", priority="10")
    office.save("c", host="c.example.org", priority="20")
    return office


def ranks(office: Any) -> list[tuple[str, str]]:
    """Return key and rank of each server as the page lists them."""
    return re.findall(
        r'data-server="(\w+)" data-state="\w+" data-rank="(\d+)"', office.page("/servers")
    )


def move(office: Any, key: str, **form: str) -> str:
    """Move a server and return the page that comes back."""
    text: str = office.post(f"/servers/{key}/move", form, follow_redirects=True).text
    return text


def test_servers_stand_in_the_order_in_which_they_are_tried(three: Any) -> None:
    """By priority, whichever is the default; those of one number have one rank."""
    assert ranks(three) == [("default", "1"), ("b", "2"), ("c", "3")]
    three.save(priority="10")
    assert ranks(three) == [("default", "1"), ("b", "1"), ("c", "2")]
    three.save(priority="30")
    assert ranks(three) == [("b", "1"), ("c", "2"), ("default", "3")]


def test_up_and_down_write_priorities_and_say_what_came_of_it(three: Any) -> None:
    """One step; the line names the neighbour, and the trail tells each number."""
    assert "c is tried after Main now." in move(three, "c", by="-1")
    assert [key for key, _ in ranks(three)] == ["default", "c", "b"]
    assert "Second is tried first now" in move(three, "b", before="default")
    assert [three.server(key).priority for key in ("b", "default", "c")] == [0, 10, 20]
    trail = three.page("/audit")
    assert "changed when server b is tried" in trail
    assert "default from 0 to 10" in trail


def test_dropped_between_two_that_share_it_shares_with_them(three: Any) -> None:
    """The line says so, and the list shows the weights; a step takes it out again."""
    three.save("c", priority="10", weight="3")
    assert "Main shares the mail with Second, c now." in move(three, "default", before="c")
    source = three.page("/servers")
    assert "shares the mail with Main, Second: weight 3 of 5" in source
    move(three, "c", by="1")
    assert ranks(three) == [("default", "1"), ("b", "1"), ("c", "2")]


def test_the_first_goes_no_higher(three: Any) -> None:
    """A step that leads nowhere writes nothing, and its button is off."""
    assert "The order is as it was" in move(three, "default", by="-1")
    assert "The order is as it was" in move(three, "default")
    assert [three.server(key).priority for key in ("default", "b", "c")] == [0, 10, 20]
    button = re.search(r'aria-label="Try Main earlier"[^>]*>', three.page("/servers"))
    assert button
    assert "disabled" in button[0]


def test_a_priority_of_the_environment_stays_put_and_says_why(
    three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no buttons, its row names the variable, and a forged move is refused."""
    monkeypatch.setenv("SMTPADMIN_SERVERS__B__PRIORITY", "10")
    source = three.page("/servers")
    assert "<code>SMTPADMIN_SERVERS__B__PRIORITY</code> sets its priority 10" in source
    assert "Try Second earlier" not in source
    assert "SMTPADMIN_SERVERS__B__PRIORITY sets the priority 10" in move(three, "b", by="-1")
    assert "c is tried first now" in move(three, "c", before="default")
    assert [key for key, _ in ranks(three)] == ["c", "default", "b"]
    assert three.server("b").priority == 10


def test_who_may_not_configure_sees_the_order_only(three: Any) -> None:
    """No buttons, and a move is refused."""
    three.rights = {"view", "operate"}
    assert "/move" not in three.page("/servers")
    assert three.post("/servers/c/move", {"by": "-1"}).status_code == 403


def test_only_a_server_that_is_there_is_moved(three: Any) -> None:
    """An unknown one is not found, nor one before an unknown one."""
    assert three.post("/servers/nosuch/move", {"by": "1"}).status_code == 404
    assert three.post("/servers/c/move", {"before": "nosuch"}).status_code == 404


def test_all_sending_is_paused_and_resumed_from_the_list(three: Any) -> None:
    """The button turns round, and a banner says what it means."""
    assert 'action="/admin/email/pause"' in three.page("/servers")
    three.post("/pause")
    source = three.page("/servers")
    assert "All sending is paused" in source
    assert 'action="/admin/email/resume"' in source


def test_lists_and_messages_call_a_server_by_its_name(three: Any) -> None:
    """The key is in the title; a server that is gone is named by its key."""
    number = three.add("sent", sent_via="b")
    gone = three.add("sent", sent_via="old")
    source = three.page("/messages")
    assert '<span title="b">Second</span>' in source
    assert '<span title="old">old</span>' in source
    assert '<option value="b" title="b" >Second</option>' in source
    assert '<span title="b">Second</span>' in three.page(f"/messages/{number}")
    assert '<span title="old">old</span>' in three.page(f"/messages/{gone}")

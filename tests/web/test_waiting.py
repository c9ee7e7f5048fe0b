"""What the pages say of mail that waits: for a slot, for an answer, or for nothing any more."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from flask_smtpadmin.storage.clock import utcnow


def test_mail_that_waits_for_its_turn_says_when_that_is(office: Any) -> None:
    """A message held back by a limit tells when it may go, in the list and on its own page."""
    later = utcnow() + timedelta(hours=3, seconds=30)
    number = office.add("queued", waiting_for="quota", run_at=later)
    for path in ("/messages", f"/messages/{number}"):
        note = re.search(
            r"waits for a free slot, next <time[^>]*>([^<]*)</time>", office.page(path)
        )
        assert note
        assert note[1] == "in 3 h"


@pytest.mark.parametrize("path", ["/", "/servers"])
def test_a_server_shows_limits_routes_and_priority(office: Any, path: str) -> None:
    """Who reads the list of servers sees which mail each takes, and what is left of its limits."""
    office.save(
        "shop", host="smtp.example.com", limits="5/day", routes="Shop.example", priority="7"
    )
    source = office.page(path)
    assert "0 of 5 per day" in source
    assert "only mail from @shop.example" in source
    assert "priority 7" in source


def test_limits_stand_in_the_form_as_people_write_them(office: Any) -> None:
    """What was typed comes back the same way; what is no limit is named with the remedy."""
    office.save(
        "shop", host="smtp.example.com", limits="100/minute, 9 recipients/day, connections=2"
    )
    assert 'value="100/minute, 9 recipients/day, connections=2"' in office.page("/servers/shop")
    refused = office.post("/servers/shop", {"limits": "5/fortnight"}).text
    assert "&#39;5/fortnight&#39; is not a limit such as 100/minute, 5000/day" in refused


def test_a_worker_without_answers_or_journal_is_not_simply_running(office: Any) -> None:
    """A stuck worker says so in its row and in a banner, and why it has no journal."""
    office.add_worker(stalled=300.0, journal="Permission denied", in_flight=3)
    source = office.page("/")
    assert 'data-banner="stuck"' in source
    assert "No mail server has answered for 5 min" in source
    assert ">No answer</span>" in source
    assert "no journal for database outages: Permission denied" in source
    assert ">Running</span>" not in source


@pytest.mark.parametrize("state", ["cancelled", "expired", "dead"])
def test_a_recipient_of_ended_mail_is_no_longer_pending(office: Any, state: str) -> None:
    """Nothing is pending once a message came to its end without this recipient."""
    number = office.add(state)
    source = office.page(f"/messages/{number}")
    assert ">Not sent</span>" in source
    assert ">Pending</span>" not in source
    assert ">Pending</span>" in office.page(f"/messages/{office.add()}")

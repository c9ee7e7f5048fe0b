"""The message list at work: search, deeds on many, sending again, export."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin.core.table import BOM
from flask_smtpadmin.storage.database import utcnow


def ids(page: str) -> list[int]:
    """Return the numbers of the rows on a page."""
    return [int(number) for number in re.findall(r'<tr data-message-id="(\d+)"', page)]


def test_a_search_is_shown_as_chips_that_can_be_removed(office: Any) -> None:
    """Each part of the search is a link to the search without it."""
    number = office.add(subject="Invoice 7", to="ada@example.com")
    office.add(subject="Invoice 8", to="bob@example.com")
    page = office.page("/messages?q=to:ada@example.com+invoice&state=queued")
    assert ids(page) == [number]
    links = [unescape(link) for link in re.findall(r'sa-chip-link" href="([^"]+)"', page)]
    assert links == [
        "/admin/email/messages?q=invoice&state=queued",
        "/admin/email/messages?q=to:ada@example.com&state=queued",
    ]
    assert 'data-term="address"' in page


@pytest.mark.parametrize(
    ("q", "said"),
    [("colour:red", "There is no qualifier colour:"), ("after:soon", "is not a date for after:")],
)
def test_a_search_that_cannot_be_meant_is_said(office: Any, q: str, said: str) -> None:
    """The page keeps what was typed, says what is wrong, and lists nothing."""
    office.add()
    response = office.get(f"/messages?q={q}")
    assert response.status_code == 400
    assert said in response.text
    assert f'value="{q}"' in response.text
    assert ids(response.text) == []
    changed = office.post(f"/messages/bulk?q={q}", {"action": "delete", "all": "1"})
    assert "Nothing was changed" in office.client.get(changed.location).text
    assert said in office.get(f"/messages/export.csv?q={q}").text


def test_all_that_match_are_asked_about_first(office: Any) -> None:
    """The question has number, scope, pace and who is left out; nothing happens before."""
    office.save(host="mail.example.org", name="Main", limits="20/minute")
    for _ in range(3):
        office.add("dead")
    late = office.add("dead", expires_at=utcnow() - timedelta(hours=1))
    response = office.post("/messages/bulk?state=dead", {"action": "retry", "all": "1"})
    assert response.status_code == 200
    assert "Retry 3 dead letters?" in response.text
    assert "at up to 20 per minute via Main" in response.text
    assert "1 expired one is skipped" in response.text
    assert office.state_of(late) == "dead"
    job = office.do_all("/messages/bulk?state=dead", action="retry")
    page = office.page(f"/messages/jobs/{job.id}")
    assert "3 queued, 1 skipped (expired)." in page
    assert 'data-over="true"' in page
    assert office.state_of(late) == "dead"


def test_deleting_is_asked_about_even_for_one(office: Any) -> None:
    """Ticked messages are named again in the form that confirms."""
    number, other = office.add("sent"), office.add("sent")
    response = office.post("/messages/bulk", {"action": "delete", "ids": str(number)})
    assert "Delete 1 message?" in response.text
    assert office.state_of(number) == "sent"
    form = {"action": "delete", "ids": str(number), "confirm": "1"}
    assert "1 deleted." in office.post("/messages/bulk", form, follow_redirects=True).text
    assert office.get(f"/messages/{number}").status_code == 404
    assert office.state_of(other) == "sent"


def test_deleting_many_needs_the_right_to_configure(office: Any) -> None:
    """Whoever may only operate is told so, asked or not, and cannot stop another's deletion."""
    number = office.add("sent")
    token = office.token()
    office.rights = {"view", "operate"}
    for more in ({"all": "1", "confirm": "1"}, {"ids": str(number), "confirm": "1"}):
        form = {"csrf_token": token, "action": "delete", **more}
        assert office.client.post("/admin/email/messages/bulk", data=form).status_code == 403
    assert office.state_of(number) == "sent"


def test_more_than_a_page_can_be_ticked(office: Any) -> None:
    """Above 100 it is asked first; all of them are changed, none is left out in silence."""
    first = office.add("dead")
    numbers = list(range(first, first + 700))
    with office.app.app_context(), office.state.database.write() as connection:
        table = office.state.models.table("Message")
        row = connection.execute(sa.select(table).where(table.c.id == first)).mappings().one()
        copies = [{**row, "id": n, "message_id": f"<{n}@example.com>"} for n in numbers[1:]]
        connection.execute(sa.insert(table), copies)
        bodies = [{"id": number, "body": b"Hello"} for number in numbers[1:]]
        connection.execute(sa.insert(office.state.models.table("Content")), bodies)
    form = {"action": "cancel", "ids": [str(number) for number in numbers]}
    office.post("/messages/bulk", {**form, "action": "retry", "confirm": "1"})
    assert office.state_of(numbers[-1]) == "queued"
    assert "Cancel 700 messages?" in office.post("/messages/bulk", form).text
    assert office.state_of(numbers[-1]) == "queued"
    done = office.post("/messages/bulk", {**form, "confirm": "1"}, follow_redirects=True)
    assert "700 cancelled." in done.text


def test_too_many_ticks_are_refused_and_said(office: Any) -> None:
    """Nothing is changed, and the line says how to do it instead."""
    number = office.add("dead")
    form = {"action": "retry", "ids": [str(number + more) for more in range(1001)]}
    page = office.post("/messages/bulk", form, follow_redirects=True).text
    assert "1,001 messages were ticked, and 1,000 are the most at once" in page
    assert office.state_of(number) == "dead"


def test_ticked_messages_go_through_another_server(office: Any) -> None:
    """The page asks which; then they are due there."""
    office.save("spare", host="mail.example.org")
    number = office.add("dead")
    form = {"action": "send_via", "ids": str(number)}
    assert '<option value="spare"' in office.post("/messages/bulk", form).text
    office.post("/messages/bulk", {**form, "confirm": "1", "server": "spare"})
    with office.app.app_context():
        row = office.state.queue.get(number).message
    assert (row.state, row.server) == ("queued", "spare")


def test_one_message_goes_through_another_server(office: Any) -> None:
    """An unknown server changes nothing."""
    office.save("spare", host="mail.example.org")
    number = office.add("retrying", cause="server_busy")
    path = f"/messages/{number}/send-via"
    assert "choose the server" in office.post(path, {"server": "x"}, follow_redirects=True).text
    assert "spare" in office.post(path, {"server": "spare"}, follow_redirects=True).text
    with office.app.app_context():
        assert office.state.queue.get(number).message.server == "spare"


def test_an_unknown_job_is_not_found(office: Any) -> None:
    """A made-up id answers 404."""
    assert office.get("/messages/jobs/none").status_code == 404


def resent(office: Any, number: int, **form: str) -> tuple[str, Any]:
    """Send a message again; return the page that follows and the detail of the new one."""
    page = office.post(f"/messages/{number}/resend", form, follow_redirects=True).text
    with office.app.app_context():
        new = office.state.queue.get(office.state.queue.largest_id())
    return page, new


def test_a_message_is_sent_again_to_the_same_people(office: Any) -> None:
    """It is a new message with a Message-ID of its own, linked both ways; the old one stays."""
    number = office.add("sent", to="grace@example.com", type="welcome")
    page, new = resent(office, number, to="original")
    assert f'data-resent-from="{number}"' in page
    assert (new.message.state, new.message.type) == ("queued", "welcome")
    assert [one.address for one in new.recipients] == ["grace@example.com"]
    with office.app.app_context():
        old = office.state.queue.get(number)
        contents = [office.state.queue.content(one) for one in (number, new.message.id)]
    assert old.resent_as == (new.message.id,)
    assert new.message.message_id != old.message.message_id
    assert new.message.message_id.encode() in contents[1]
    assert old.message.message_id.encode() not in contents[1]
    assert f'data-resent-as="{new.message.id}"' in office.page(f"/messages/{number}")


@pytest.mark.parametrize(
    ("form", "to"),
    [
        ({"to": "me"}, "ada@example.com"),
        ({"to": "other", "address": " x@example.org "}, "x@example.org"),
    ],
)
def test_a_message_is_sent_again_to_somebody_else(
    office: Any, form: dict[str, str], to: str
) -> None:
    """Nobody else gets it, and the header names nobody else."""
    number = office.add("dead", to="grace@example.com")
    _page, new = resent(office, number, **form)
    assert [one.address for one in new.recipients] == [to]
    with office.app.app_context():
        content = office.state.queue.content(new.message.id)
    assert f"To: {to}".encode() in content
    assert b"grace" not in content


@pytest.mark.parametrize("form", [{"to": "other"}, {"to": "other", "address": "no address"}])
def test_no_address_is_no_message(office: Any, form: dict[str, str]) -> None:
    """A sentence says why, and nothing is stored."""
    number = office.add("sent")
    page, new = resent(office, number, **form)
    assert "Nothing was sent" in page
    assert new.message.id == number


def test_what_was_wiped_cannot_be_sent_again(office: Any) -> None:
    """A sentence says so."""
    number = office.add("sent")
    with office.app.app_context(), office.state.database.write() as connection:
        connection.execute(sa.delete(office.state.models.table("Content")))
    page, new = resent(office, number, to="original")
    assert "no longer kept" in page
    assert new.message.id == number


def test_while_mail_is_caught_what_is_sent_again_is_caught_too(make_office: Any) -> None:
    """MODE holds for copies as for all mail."""
    office = make_office(SMTPADMIN_MODE="catch")
    _page, new = resent(office, office.add("sent"), to="original")
    assert new.message.state == "caught"


def test_an_export_has_what_the_filter_means(office: Any) -> None:
    """All pages of it, newest first, as CSV and as JSON."""
    numbers = [office.add("dead", subject=f"=SUM({n})") for n in range(3)]
    office.add("sent")
    response = office.get("/messages/export.csv?state=dead&per_page=1")
    assert response.content_type == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text.removeprefix(BOM))))
    assert [int(row["id"]) for row in rows] == numbers[::-1]
    assert rows[0]["subject"] == "'=SUM(2)"
    document = json.loads(office.get("/messages/export.json?state=dead").text)
    assert [row["id"] for row in document["messages"]] == numbers[::-1]
    assert document["messages"][0]["subject"] == "=SUM(2)"


def test_an_export_masks_addresses_without_the_right_to_see_them(office: Any) -> None:
    """Neither the file nor its errors show an address then."""
    office.add("dead", to="grace@example.com", error="550 no grace@example.com")
    office.rights = {"view"}
    for form in ("csv", "json"):
        text = office.get(f"/messages/export.{form}").text
        assert "grace@" not in text
        assert "example.com" in text


def test_more_than_can_be_counted_is_said_so(office: Any, monkeypatch: Any) -> None:
    """A tab ends at its bound with a plus."""
    from flask_smtpadmin.web import formats

    monkeypatch.setattr(formats, "MOST_COUNTED", 2)
    for _ in range(3):
        office.add("dead")
    assert re.search(
        r'data-tab="dead"[^>]*>Dead letter<span[^>]*>2\+</span>', office.page("/messages")
    )

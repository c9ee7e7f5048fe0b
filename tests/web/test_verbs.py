"""What the buttons do: a change, then the page with its result said once."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("state", "verb", "after"),
    [
        ("dead", "retry", "queued"),
        ("uncertain", "retry", "queued"),
        ("expired", "retry", "queued"),
        ("queued", "retry", "queued"),
        ("queued", "cancel", "cancelled"),
        ("retrying", "cancel", "cancelled"),
        ("uncertain", "mark-sent", "sent"),
        ("sent", "retry", "sent"),
        ("sending", "cancel", "sending"),
        ("dead", "mark-sent", "dead"),
    ],
)
def test_a_verb_changes_what_the_state_allows(
    office: Any, state: str, verb: str, after: str
) -> None:
    """The message moves, or stays with the reason; either way the page shows it."""
    number = office.add(state)
    response = office.post(f"/messages/{number}/{verb}", follow_redirects=True)
    assert response.status_code == 200
    assert office.state_of(number) == after
    said = "Nothing was changed" if state == after and state != "queued" else f"Message {number}"
    assert said in response.text


@pytest.mark.parametrize("number", [0, 10**19, 10**30])
def test_a_number_that_no_row_can_have_is_not_found(office: Any, number: int) -> None:
    """Too large for a column: 404 for each verb and page, no error of the driver's."""
    assert office.get(f"/messages/{number}").status_code == 404
    for verb in ("retry", "cancel", "mark-sent", "delete"):
        assert office.post(f"/messages/{number}/{verb}").status_code == 404
    form = {"action": "retry", "ids": [str(number), "9" * 5000]}
    assert office.post("/messages/bulk", form).status_code == 303
    cursor = base64.urlsafe_b64encode(f"older:{number}".encode()).decode()
    assert office.get(f"/messages?cursor={cursor}").status_code == 200


@pytest.mark.parametrize("query", ["state=lost", "range=1d", "state=dead&range=x"])
def test_a_filter_that_is_not_understood_changes_nothing(office: Any, query: str) -> None:
    """All of a filter that means nothing is not all messages."""
    number = office.add("dead")
    office.post(f"/messages/bulk?{query}", {"action": "retry", "all": "1", "confirm": "1"})
    assert office.state_of(number) == "dead"
    office.do_all("/messages/bulk?state=dead&range=7d", action="retry")
    assert office.state_of(number) == "queued"


def test_a_copied_database_is_adopted(office: Any) -> None:
    """The banner comes first and its button makes the mail this installation's."""
    office.app.config["SMTPADMIN_INSTANCE"] = "production"
    office.post("/adopt")
    office.app.config["SMTPADMIN_INSTANCE"] = "staging"
    assert "belongs to production" in office.page("/")
    office.post("/adopt")
    page = office.page("/")
    assert "belongs to staging now" in page
    assert "belongs to production" not in page


def test_a_result_is_said_once(office: Any) -> None:
    """The line is on the page after the redirect and gone with the next one."""
    office.post("/pause")
    assert "Messages are kept in the queue" in office.page("/servers")
    assert "Messages are kept in the queue" not in office.page("/servers")


def test_a_message_can_be_deleted(office: Any) -> None:
    """The row is gone and the list says so."""
    number = office.add("dead")
    response = office.post(f"/messages/{number}/delete", follow_redirects=True)
    assert "Message deleted" in response.text
    assert office.get(f"/messages/{number}").status_code == 404


def test_a_message_that_a_worker_holds_is_not_deleted(office: Any) -> None:
    """The answer is 409 and the message stays."""
    number = office.add("sending")
    assert office.post(f"/messages/{number}/delete").status_code == 409
    assert office.state_of(number) == "sending"


@pytest.mark.parametrize("verb", ["retry", "cancel", "delete", "mark-sent"])
def test_a_verb_on_nothing_is_not_found(office: Any, verb: str) -> None:
    """A made-up number answers 404."""
    assert office.post(f"/messages/99/{verb}").status_code == 404


def test_ticked_messages_are_retried(office: Any) -> None:
    """Those that can be are; the others are counted; the filter of the list is kept."""
    dead, sent = office.add("dead"), office.add("sent")
    form = {"action": "retry", "ids": [str(dead), str(sent), "99", "x"]}
    response = office.post("/messages/bulk?state=dead&next=//evil.example", form)
    assert response.location == "/admin/email/messages?state=dead"
    assert "1 queued, 2 skipped" in office.page("/messages?state=dead")
    assert (office.state_of(dead), office.state_of(sent)) == ("queued", "sent")


def test_everything_that_matches_is_cancelled(office: Any) -> None:
    """all=1 means the filter in the address, and nothing beside it."""
    wanted, other = office.add(subject="Invoice"), office.add(subject="Welcome")
    office.do_all("/messages/bulk?q=invoice", action="cancel")
    assert (office.state_of(wanted), office.state_of(other)) == ("cancelled", "queued")


@pytest.mark.parametrize("form", [{}, {"action": "purge", "ids": "1"}, {"action": "retry"}])
def test_a_bulk_form_that_says_nothing_changes_nothing(office: Any, form: dict[str, str]) -> None:
    """No action, an unknown one or nothing ticked: a line says so."""
    number = office.add("dead")
    response = office.post("/messages/bulk", form, follow_redirects=True)
    assert "Nothing was changed" in response.text
    assert office.state_of(number) == "dead"


def test_a_server_is_paused_and_resumed(office: Any) -> None:
    """The list shows the state and turns the button round."""
    office.save(host="mail.example.org")
    office.post("/servers/default/pause")
    assert 'data-server="default" data-state="paused"' in office.page("/servers")
    assert office.server().paused
    office.post("/servers/default/resume")
    assert not office.server().paused


def test_a_server_is_deleted(office: Any) -> None:
    """What was saved of it is gone; its page then answers 404."""
    office.save("backup", host="mail.example.org", username="u", password="p")
    office.post("/servers/backup/delete")
    assert office.get("/servers/backup").status_code == 404


def test_a_server_of_the_environment_cannot_be_deleted(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says where it is set instead of failing."""
    monkeypatch.setenv("SMTPADMIN_SERVERS__BACKUP__HOST", "mail.example.org")
    response = office.post("/servers/backup/delete", follow_redirects=True)
    assert response.status_code < 500
    assert "outside the database" in response.text


def test_a_locked_database_is_a_page(make_office: Any, tmp_path: Path) -> None:
    """503 and what to do; neither SQL nor a driver's words."""
    office = make_office()
    office.state.database.busy_timeout = 0.05
    token = office.token()
    with closing(sqlite3.connect(tmp_path / "app.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        response = office.client.post("/admin/email/pause", data={"csrf_token": token})
    assert response.status_code == 503
    assert "Nothing was changed" in response.text
    assert "BEGIN" not in response.text
    assert response.headers["Cache-Control"] == "no-store"

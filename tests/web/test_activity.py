"""The activity pages and their command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskCliRunner
from web.conftest import Office

from flask_smtpadmin.core.dialogues import Dialogue
from flask_smtpadmin.core.transcript import packed_text

NOON = datetime(2025, 11, 28, 12)  # noqa: DTZ001 - naive UTC, as in the tables
SESSION = "0123456789abcdef"
TEXT = (
    "12:00:00.000 C: MAIL FROM:<app@example.org>\n"
    "12:00:00.010 S: 550 5.1.1 <grace@example.com> <b>unknown</b>\n"
)


def record(office: Office, began: datetime = NOON, **values: Any) -> None:
    """Put a part of a dialogue into the table."""
    defaults: dict[str, Any] = {
        "session": SESSION,
        "part": 1,
        "opens_day": True,
        "ended_at": began,
        "server": "default",
        "origin": "worker",
        "worker_id": "w1",
        "address": "192.0.2.1:465",
        "tls": "TLSv1.3",
        "messages": 3,
        "failures": 1,
        "packed": packed_text(TEXT),
    }
    with office.app.app_context():
        office.state.dialogues.write([Dialogue(began_at=began, **{**defaults, **values})])


def test_a_day_shows_its_sessions(office: Office) -> None:
    """With server, address, who opened them, messages and failures; other days are a click away."""
    record(office)
    record(office, NOON - timedelta(days=2), session="a" * 16)
    html = office.page("/activity?day=2025-11-28")
    assert f'data-session="{SESSION}"' in html
    assert "a" * 16 not in html
    for words in ("12:00:00", "192.0.2.1:465", "Worker", "28 Nov 2025"):
        assert words in html
    assert "day=2025-11-26" in html


def test_without_a_day_it_is_today(office: Office) -> None:
    """In UTC, as the times in the dialogues are."""
    record(office, datetime.now(UTC).replace(tzinfo=None))
    assert SESSION in office.page("/activity")


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "9999-12-31"])
@pytest.mark.parametrize("path", ["/activity", "/activity/download"])
def test_what_is_no_day_is_said_so(office: Office, path: str, day: str) -> None:
    """A clear message instead of another day."""
    response = office.get(f"{path}?day={day}")
    assert response.status_code == 400
    assert "Write it like 2026-11-28" in response.text


def test_filters_go_with_the_address(office: Office) -> None:
    """By server and by failures; what fits none says how to see more."""
    record(office)
    record(office, session="b" * 16, server="second", failures=0)
    assert "b" * 16 not in office.page("/activity?day=2025-11-28&failures=1")
    assert SESSION not in office.page("/activity?day=2025-11-28&server=second")
    assert "Clear filters" in office.page("/activity?day=2025-11-28&server=third")


def test_a_session_shows_what_was_said(office: Office) -> None:
    """Escaped: a server's words are no HTML."""
    record(office)
    html = office.page(f"/activity/{SESSION}")
    assert "MAIL FROM:&lt;app@example.org&gt;" in html
    assert "&lt;b&gt;unknown" in html
    assert office.get("/activity/" + "f" * 16).status_code == 404


def test_addresses_are_masked_without_privacy(office: Office) -> None:
    """Whoever may only view sees the dialogue without the names, and cannot download it."""
    record(office)
    office.rights = {"view"}
    html = office.page(f"/activity/{SESSION}")
    assert "g•••@example.com" in html
    assert "grace@" not in html
    assert "/activity/download" not in office.page("/activity?day=2025-11-28")
    assert office.get("/activity/download?day=2025-11-28").status_code == 403


def test_a_day_can_be_downloaded(office: Office) -> None:
    """As plain text under a name of its own, all parts of the day in the order of time."""
    record(
        office, NOON + timedelta(hours=1), part=2, opens_day=False, packed=packed_text("later\n")
    )
    record(office)
    response = office.get("/activity/download?day=2025-11-28")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.headers["Content-Disposition"] == "attachment; filename=activity-2025-11-28.log"
    assert response.text.index("grace@example.com") < response.text.index("later")
    assert f"== 2025-11-28 12:00:00 UTC, session {SESSION}, part 1, default" in response.text
    assert "No dialogue" in office.get("/activity/download?day=2025-11-01").text


def test_a_failed_attempt_links_to_its_dialogue(office: Office) -> None:
    """The message page leads to what was said in that attempt."""
    record(office)
    number = office.add("dead")
    attempt = {
        "message": number,
        "n": 1,
        "worker_id": "w1",
        "server_key": "default",
        "started_at": NOON,
        "finished_at": NOON,
        "phase": "recipient",
        "outcome": "dead",
        "session": SESSION,
    }
    with office.app.app_context(), office.state.database.write() as connection:
        connection.execute(sa.insert(office.state.models.table("Attempt")).values(attempt))
    html = office.page(f"/messages/{number}")
    assert f"/activity/{SESSION}?at=2025-11-28T12:00:00" in html
    assert "550 5.1.1" in office.page(f"/activity/{SESSION}?at=2025-11-28T12:00:00%2B00:00")


def test_long_sessions_have_pages(office: Office) -> None:
    """Ten parts at a time, with links to the earlier and the later ones."""
    for part in range(25):
        record(office, NOON + timedelta(minutes=part), part=part + 1, opens_day=not part)
    html = office.page(f"/activity/{SESSION}?at=2025-11-28T12:12:30")
    assert 'data-part="13"' in html
    assert "Earlier" in html
    assert "Later" in html
    for made_up in ("after=x", "before=-1", f"after={2**70}", "at=never"):
        assert office.get(f"/activity/{SESSION}?{made_up}").status_code in {200, 404}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"SMTPADMIN_ACTIVITY_LOG": "off"}, "Nothing is recorded"),
        ({"SMTPADMIN_RETENTION_ACTIVITY": 0}, "Nothing is recorded"),
        ({"SMTPADMIN_ACTIVITY_LOG": "failures"}, "what failed is recorded"),
    ],
)
def test_what_is_not_recorded_is_said(make_office: Any, config: Any, words: str) -> None:
    """Nobody looks in vain for what the settings leave out."""
    assert words in make_office(**config).page("/activity")


def test_the_command_prints_a_day(office: Office) -> None:
    """As text like the download, or as one JSON document."""
    record(office)
    runner: FlaskCliRunner = office.app.test_cli_runner()
    printed = runner.invoke(args=["smtp", "activity", "--day", "2025-11-28"])
    assert printed.exit_code == 0
    assert f"session {SESSION}" in printed.output
    assert "550 5.1.1" in printed.output
    args = [
        "smtp",
        "activity",
        "--day",
        "2025-11-28",
        "--failures",
        "--server",
        "default",
        "--json",
    ]
    document = json.loads(runner.invoke(args=args).output)
    assert (document["day"], document["dialogues"][0]["text"]) == ("2025-11-28", TEXT)
    assert "Nothing is recorded" in runner.invoke(args=["smtp", "activity"]).output
    wrong = runner.invoke(args=["smtp", "activity", "--day", "28.11.2026"])
    assert (wrong.exit_code, "Write it like 2026-11-28" in wrong.output) == (2, True)

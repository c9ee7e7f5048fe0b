"""The first page: banners with since-times, failures by cause and their replay, chart, refusals."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin.core.history import Span, grouped, history
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.hours import Hours, hour_of
from flask_smtpadmin.web.chart import WIDTH, chart
from flask_smtpadmin.web.failures import SURE
from flask_smtpadmin.web.formats import clock


def banners(office: Any) -> list[str]:
    """Return the names of the banners on the first page, in their order."""
    return re.findall(r'data-banner="([\w-]+)"', office.page("/"))


def health(office: Any, key: str, **columns: Any) -> None:
    """Write what the workers know of a server."""
    with office.state.database.write() as connection:
        table = office.state.models.table("Server")
        connection.execute(sa.update(table).where(table.c.key == key).values(**columns))


def events(office: Any, found: dict[tuple[str, str], int], ago: int = 0) -> None:
    """Count events some hours ago."""
    with office.state.database.write() as connection:
        Hours(office.state.models).add(connection, found, utcnow() - timedelta(hours=ago))


def test_a_fallback_in_use_is_said(office: Any) -> None:
    """The first server is down and the next takes its mail: both are named, with since when."""
    office.add_worker()
    office.save("default", host="a.example", name="Main", from_email="a@a.example")
    office.save("backup", host="b.example", name="Backup", from_email="a@a.example", priority="9")
    health(office, "backup", health="ok")
    assert "fallback" not in banners(office)
    health(office, "default", health="open", health_at=utcnow() - timedelta(minutes=9))
    source = office.page("/")
    assert banners(office) == ["fallback"]
    assert "Main takes no mail at the moment, so it goes through Backup." in source
    assert re.search(r"Since\s+<time[^>]*>9 min ago", source)
    health(office, "backup", health="open")
    assert banners(office) == ["all-failing"]


def test_a_quota_that_is_nearly_used_up_is_said(office: Any) -> None:
    """From 90 % of a limit on, with a gauge beside the server."""
    office.add_worker()
    office.save("default", host="a.example", name="Main", limits="10/hour", from_email="a@a.ex")
    health(office, "default", health="ok")
    assert "quota" not in banners(office)
    from flask_smtpadmin.core.figures import Allowance

    full = Allowance({"per_hour": (10, 9)}, datetime.now(UTC))
    office.state.summary.allowances = lambda _servers: {"default": full}
    source = office.page("/")
    assert banners(office) == ["quota"]
    assert "Main has used 9 of its 10 per hour." in source
    assert re.search(r'<rect class="sa-gauge-used" width="90.0"', source)


def test_mail_that_waits_for_its_key_is_said(office: Any) -> None:
    """How many secret messages no key opens, with the way to them."""
    office.add("queued", waiting_for="settings", cause="secret_unreadable", run_at=None)
    text = office.page("/")
    assert "1 secret message waits for the key that it was encrypted with." in text
    found = re.search(r'href="([^"]*/messages\?[^"]*secret_unreadable[^"]*)"', text)
    assert found
    assert "data-message-id" in office.client.get(html.unescape(found[1])).text


def test_a_pause_says_since_when(office: Any) -> None:
    """The banner has the time at which somebody pressed the button."""
    office.post("/pause")
    assert re.search(r"Since\s+<time[^>]*>just now", office.page("/"))


def test_a_server_shows_when_it_last_took_mail(office: Any) -> None:
    """From the messages themselves where they are recent, else what the workers noted."""
    office.save("default", host="a.example", from_email="a@a.example")
    office.save("other", host="b.example", from_email="a@a.example")
    office.save("third", host="c.example", from_email="a@a.example")
    office.add("sent", sent_via="default", state_at=utcnow() - timedelta(minutes=5))
    health(office, "default", last_success_at=utcnow() - timedelta(hours=3))
    health(office, "other", last_success_at=utcnow() - timedelta(hours=30))
    cells = re.findall(r"data-success>(?:<time[^>]*>)?([^<]+)<", office.page("/"))
    assert cells == ["5 min ago", "30 h ago", "\u2013"]


def test_failures_are_grouped_by_cause(office: Any) -> None:
    """Most frequent first, in words, with the newest; the old and the sent are left out."""
    now = utcnow()
    for _ in range(3):
        office.add("dead", cause="recipient_unknown", state_at=now - timedelta(hours=2))
    office.add("uncertain", cause="recipient_unknown", state_at=now - timedelta(minutes=3))
    office.add("expired", cause=None)
    office.add("dead", cause="greylisted", state_at=now - timedelta(hours=25))
    office.add("sent")
    source = office.page("/")
    found = re.findall(r'<tr data-cause="(\w+)">.*?data-count="(\d+)"', source, re.DOTALL)
    assert found == [("recipient_unknown", "4"), ("none", "1")]
    assert "There is no such mailbox." in source
    assert re.search(r'data-label="Newest"><time[^>]*>3 min ago', source)
    see = 'href="/admin/email/messages?state=failed&amp;range=today&amp;cause=recipient_unknown"'
    assert see in source
    listed = office.page("/messages?state=failed&range=today&cause=recipient_unknown")
    assert listed.count("data-message-id") == 4
    assert office.page("/messages?state=failed&cause=none").count("data-message-id") == 1


def test_fix_and_replay_explains_and_starts_over(office: Any) -> None:
    """Advice on the cause, then one button: what is dead or uncertain is queued, no more."""
    dead, doubt = (office.add(state, cause="recipient_unknown") for state in ("dead", "uncertain"))
    partial = office.add("partial", cause="recipient_unknown")
    other = office.add("dead", cause="greylisted")
    old = office.add("dead", cause="recipient_unknown", state_at=utcnow() - timedelta(hours=30))
    source = office.page("/failures/recipient_unknown")
    assert "Retry 2 messages" in source
    assert '<ol class="sa-steps">' in source
    response = office.post("/failures/recipient_unknown/replay")
    assert response.status_code == 303
    assert "2 queued again." in office.page("/")
    states = [office.state_of(number) for number in (dead, doubt, partial, other, old)]
    assert states == ["queued", "queued", "partial", "dead", "dead"]
    office.post("/failures/recipient_unknown/replay")
    assert "Nothing was changed" in office.page("/")


def test_many_are_started_over_only_when_confirmed(office: Any) -> None:
    """More than a hundred: the first answer is a question with the number, the second does it."""
    first = office.add("dead", cause="recipient_unknown")
    table = office.state.models.table("Message")
    columns = [column for column in table.c if column.name != "id"]
    content = office.state.models.table("Content")
    with office.state.database.write() as connection:
        for _ in range(SURE):
            copied = sa.select(*columns).where(table.c.id == first)
            connection.execute(sa.insert(table).from_select(columns, copied))
        alone = sa.select(table.c.id, sa.literal(b"Hello")).where(table.c.id != first)
        connection.execute(sa.insert(content).from_select(["id", "body"], alone))
    asked = office.post("/failures/recipient_unknown/replay")
    assert asked.status_code == 200
    assert "Start them over?" in asked.text
    assert f"Retry {SURE + 1} messages" in asked.text
    assert office.state_of(first) == "dead"
    office.post("/failures/recipient_unknown/replay", {"sure": "1"})
    assert office.state_of(first) == "queued"
    assert f"{SURE + 1} queued again." in office.page("/")


def test_the_chart_shows_what_happened(office: Any) -> None:
    """24 hours and 30 days as bars with titles, direct labels and a table beside each."""
    events(office, {("sent", ""): 7, ("dead", "x"): 2, ("expired", ""): 1}, ago=3)
    events(office, {("sent", ""): 5, ("-sent", ""): 5}, ago=24 * 9)
    events(office, {("sent", ""): 99}, ago=24 * 31)
    source = office.page("/")
    hours, days = (source.split(f'data-chart="{name}"')[1] for name in ("hours", "days"))
    assert "7 sent, 3 failed" in hours.split("</figure>")[0]
    assert "12 sent, 3 failed" in days.split("</figure>")[0]
    assert len(re.findall(r"<title>", hours.split("</figure>")[0])) == 24
    assert len(re.findall(r"<title>", days.split("</figure>")[0])) == 30
    assert hours.count('<th scope="col">From (UTC)</th>') == 2
    assert "style=" not in source


def test_an_empty_chart_says_so(office: Any) -> None:
    """Nothing at all is words, not an empty drawing."""
    assert office.page("/").count("Nothing was sent.") == 2


def test_refusals_are_told_by_domain(office: Any) -> None:
    """Recipients refused in the last 24 hours, the domains with the most first, no address."""
    events(office, {("refused", "b.example"): 2, ("refused", "a.example"): 9}, ago=2)
    events(office, {("refused", "old.example"): 50}, ago=30)
    source = office.page("/")
    assert re.findall(r'data-domain="([\w.]+)"', source) == ["a.example", "b.example"]
    assert re.search(r'data-metric="refused">11<', source)


def test_history_covers_whole_hours_and_days() -> None:
    """The last span holds now; corrections change no bar."""
    now = 24 * 1000 + 5
    found = history([(now, "sent", "", 2), (now - 6, "dead", "x", 3), (now, "-dead", "x", 3)], now)
    assert [(span.sent, span.failed) for span in found.hours[-7:]] == [
        (0, 3),
        *[(0, 0)] * 5,
        (2, 0),
    ]
    assert [(span.sent, span.failed) for span in found.days[-2:]] == [(0, 3), (2, 0)]
    assert (len(found.hours), len(found.days)) == (24, 30)
    assert found.days[-1].begin.hour == 0


def test_groups_are_of_all_states_together() -> None:
    """A cause counts once for all states; what is partial or expired is not started over."""
    at = datetime(2030, 1, 1, tzinfo=UTC)
    groups = grouped([("dead", "x", 2, at), ("partial", "x", 1, None), ("dead", "y", 0, None)])
    assert [(g.cause, g.count, g.replayable, g.newest) for g in groups] == [("x", 3, 2, at)]


def test_bars_stay_inside_the_drawing() -> None:
    """Whatever the numbers, each bar is within its slot and what is there at all is seen."""
    begin = datetime(2030, 1, 1, tzinfo=UTC)
    spans = [
        Span(begin + timedelta(hours=n), sent, failed)
        for n, (sent, failed) in enumerate([(0, 0), (1, 1), (1_000_000, 0), (0, 500_000)])
    ]
    drawn = chart("hours", "Hours", spans, clock)
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.sent_y <= drawn.line
        assert drawn.line + bar.failed_height <= drawn.height
    assert [bar.sent_height > 0 for bar in drawn.bars] == [False, True, True, False]
    assert drawn.peak is not None
    assert "1,000,000 sent" in drawn.bars[2].title
    assert chart("hours", "Hours", [], clock).empty


def test_large_queues_are_not_counted_to_the_end(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the bound the pages say so; the command line still counts everything."""
    from flask_smtpadmin.storage import summary
    from flask_smtpadmin.web import formats

    for module in (summary, formats):
        monkeypatch.setattr(module, "MOST_COUNTED", 3)
    for _ in range(6):
        office.add("queued")
        office.add("dead")
    source = html.unescape(office.page("/"))
    figures = dict(re.findall(r'data-metric="(queued|dead)">([^<]+)<', source))
    assert figures == {"queued": "3+", "dead": "3+"}
    assert '<span class="sa-count sa-tone-bad">3+</span>' in source
    with office.app.app_context():
        exact = office.state.status().figures
    assert (exact.queued, exact.dead) == (6, 6)


def test_the_hour_of_a_moment_is_in_utc() -> None:
    """Hours are counted from 1970 in UTC, whatever zone the process is in."""
    assert hour_of(datetime(1970, 1, 2, 3, 59)) == 27  # noqa: DTZ001 - as the tables hold it

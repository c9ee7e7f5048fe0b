"""The audit page, and that each form and each download leaves an entry."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from example_app.demo.names import name_server
from flask_smtpadmin import Texts
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.web.routes import ROUTES

#: POST routes that change nothing, with the reason.
CHANGES_NOTHING = {
    "/types/<name>/preview": "shows what is typed",
    "/servers/find/use": "opens the form with values in it; saving them is another form",
}


def entries(office: Any) -> list[Any]:
    """Return the entries, oldest first."""
    with office.app.app_context():
        return list(office.state.trail.of(Sought()))[::-1]


def begun(office: Any, **columns: Any) -> str:
    """Write a check down that is under way and return its batch."""
    with office.app.app_context():
        office.state.checks.add(office.server(), Wish(**columns), batch="0123456789abcdef")
    return "0123456789abcdef"


def _with_test(office: Any) -> dict[str, str]:
    begun(office)
    return {}


def _with_job(office: Any) -> dict[str, str]:
    with office.app.app_context():
        office.job = office.state.jobs.add(Deed("retry"))
    return {}


def _with_broken_job(office: Any) -> dict[str, str]:
    _with_job(office)
    office.add("dead")
    with office.app.app_context():
        office.state.jobs.fail(office.job)
    return {}


def _with_result(office: Any) -> dict[str, str]:
    office.post("/deliverability", {"domain": "example.org"})
    return {"domain": "example.org", "server": "default"}


def _before_another(office: Any) -> dict[str, str]:
    office.save("b", host="b.example.org", priority="10")
    return {"by": "1"}


def _with_words(office: Any) -> dict[str, str]:
    version = office.state.templates.save("welcome", "", Texts("Hi", None, "Hi"))
    return {"version": str(version.id)}


def _here(office: Any, free_port: Callable[[], int]) -> None:
    """Let the default server be one that refuses at once, and ask a DNS of our own."""
    office.save(host="127.0.0.1", port=str(free_port()), tls_mode="none")


#: what each POST needs before it does something, its form, and the entry it leaves
POSTS: dict[str, tuple[str, Any, str]] = {
    "/messages/<int:number>/retry": ("dead", {}, "message.retry"),
    "/messages/<int:number>/cancel": ("queued", {}, "message.cancel"),
    "/messages/<int:number>/mark-sent": ("uncertain", {}, "message.mark_sent"),
    "/messages/<int:number>/delete": ("dead", {}, "message.delete"),
    "/messages/<int:number>/send-via": ("dead", {"server": "default"}, "message.send_via"),
    "/messages/<int:number>/resend": ("dead", {}, "message.resend"),
    "/inbox/<int:number>/release": ("caught", {}, "message.release"),
    "/messages/bulk": ("dead", {"action": "retry", "ids": "1"}, "queue.retry"),
    "/messages/jobs/<job>/cancel": ("", _with_job, "job.cancel"),
    "/messages/jobs/<job>/continue": ("", _with_broken_job, "job.continue"),
    "/failures/<cause>/replay": ("dead", {}, "queue.retry"),
    "/pause": ("", {}, "sending.pause"),
    "/resume": ("", {}, "sending.resume"),
    "/adopt": ("", {}, "mail.adopt"),
    "/servers/new": ("", {"key": "acme", "host": "a.example"}, "server.add"),
    "/servers/new/test": ("", {"key": "acme", "host": "127.0.0.1", "port": "1"}, "check.start"),
    "/servers/find": ("", {"address": "ada@example.org"}, "server.find"),
    "/servers/<key>": ("", {"host": "b.example"}, "server.save"),
    "/servers/<key>/test": ("", {}, "check.start"),
    "/servers/<key>/delete": ("", {}, "server.delete"),
    "/servers/<key>/pause": ("", {}, "server.pause"),
    "/servers/<key>/resume": ("", {}, "server.resume"),
    "/servers/<key>/move": ("", _before_another, "server.move"),
    "/settings": ("", {"max_queue": "50"}, "settings.save"),
    "/deliverability": ("", {"domain": "example.org"}, "domain.check"),
    "/deliverability/forget": ("", _with_result, "domain.forget"),
    "/test": ("", {"server": "default", "scenario": "direct"}, "check.start"),
    "/test/<batch>/cancel": ("", _with_test, "check.cancel"),
    "/types/<name>": ("", {"subject": "Hi", "text": "Hi {{ name }}"}, "type.save"),
    "/types/<name>/switch": ("", {"on": "0"}, "type.disable"),
    "/types/<name>/reset": ("", _with_words, "type.reset"),
    "/types/<name>/restore": ("", _with_words, "type.restore"),
    "/types/<name>/test": ("", {"to": "grace@example.com"}, "type.test"),
}


def test_each_form_is_in_the_list() -> None:
    """A new POST route says here which entry it leaves, or why it leaves none."""
    posts = {route.rule for route in ROUTES if route.method == "POST"}
    assert posts == POSTS.keys() | CHANGES_NOTHING.keys()


@pytest.mark.parametrize("rule", POSTS)
def test_each_form_leaves_its_entry(
    office: Any, rule: str, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry with the person, the way and the browser's pseudonym; never the secret token."""
    monkeypatch.setenv("SMTPADMIN_INSTANCE", "shop")
    state, form, action = POSTS[rule]
    with name_server({}) as names:
        office.state.resolver = names.resolver(1.0)
        _here(office, free_port)
        if "<name>" in rule:
            office.mail.email_type("welcome", subject="Hi", text="x", sample={"name": "Ada"})
        number = office.add(state) if state else 0
        form = form(office) if callable(form) else form
        before = len(entries(office))
        path = rule.replace("<int:number>", str(number)).replace("<key>", "default")
        path = path.replace("<job>", getattr(office, "job", "")).replace("<cause>", "none")
        path = path.replace("<name>", "welcome")
        assert office.post(path.replace("<batch>", "0123456789abcdef"), form).status_code < 400
    entry, *rest = entries(office)[before:]
    assert not rest or action == "job.continue"  # which may have ended by now
    assert (entry.action, entry.actor, entry.origin) == (action, "ada@example.com", "page")
    assert re.fullmatch(r"[0-9a-f]{8}:[0-9a-f]{32}", entry.source)
    assert "csrf" not in entry.text


def test_what_was_ticked_is_one_entry(office: Any) -> None:
    """A form with many messages is told of once, with how many it changed."""
    numbers = [office.add("dead"), office.add("queued"), office.add("sent"), 999]
    response = office.post("/messages/bulk", {"action": "retry", "ids": numbers})
    assert response.status_code == 303
    (entry,) = entries(office)
    assert (entry.action, entry.details["count"]) == ("queue.retry", 2)


def test_all_that_match_leave_an_entry_from_the_beginning_and_one_from_the_end(office: Any) -> None:
    """A job tells of its filter when it is asked for, and how many it were when it is over."""
    office.add("dead")
    office.post("/messages/bulk?state=dead", {"action": "retry", "all": "1", "confirm": "1"})
    ends = time.monotonic() + 30
    while len(entries(office)) < 2 and time.monotonic() < ends:
        time.sleep(0.05)
    begun, ended = entries(office)
    assert begun.action == ended.action == "queue.retry"
    assert begun.details["filter"] == ended.details["filter"] == {"state": "dead"}
    assert (begun.details["begun"], ended.details["count"]) == (True, 1)
    assert begun.actor == ended.actor == "ada@example.com"


def test_a_look_at_a_message_is_noted_when_it_shows_what_it_says(office: Any) -> None:
    """Without the right, or with nothing to show, there is none; and no text without an entry."""
    number = office.add("dead", body="What it says.")
    path = f"/messages/{number}?tab=text"
    office.rights.discard("read_content")
    office.page(path)
    office.rights.add("read_content")
    office.page(f"/messages/{number}")
    assert entries(office) == []
    assert "What it says." in office.page(path)
    assert "What it says." in office.get(f"/messages/{number}/source").text
    told = [(entry.action, entry.object, entry.details["part"]) for entry in entries(office)]
    what = "message.read", f"message:{number}"
    assert told == [(*what, "text"), (*what, "source")]
    with office.app.app_context(), office.state.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE smtpadmin_audit RENAME TO elsewhere")
    response = office.get(path)
    assert response.status_code == 503
    assert "What it says." not in response.text


def test_each_download_is_noted(office: Any) -> None:
    """The activity log, the report of a test, and the trail itself."""
    begun(office)
    for path in (
        "/activity/download",
        "/test/0123456789abcdef/report.txt",
        "/audit/export",
        "/messages/export.csv",
        "/messages/export.json",
    ):
        assert office.get(path).status_code == 200
    told = [entry.action for entry in entries(office)][1:]
    assert told == [
        "activity.download",
        "check.download",
        "audit.download",
        "queue.download",
        "queue.download",
    ]


def test_the_page_tells_each_entry_in_words(office: Any) -> None:
    """Who did what to what, from what to what; a secret only as changed."""
    office.post("/servers/default", {"host": "a.example"})
    office.post("/servers/default", {"host": "b.example", "username": "u", "password": "canary9"})
    page = office.page("/audit")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "changed server default: host from a.example to b.example; password changed" in text
    assert "ada@example.com" in text
    assert "canary9" not in page
    assert 'href="/admin/email/servers/default">changed server default</a>' in page
    assert page.index('data-entry="2"') < page.index('data-entry="1"')


def test_what_entries_hold_is_escaped(office: Any) -> None:
    """A name with markup in it is text on the page."""
    office.post("/settings", {"app_name": "<script>alert(1)</script>"})
    page = office.page("/audit")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("path", ["/audit", "/audit/export", "/audit/export?format=json"])
def test_addresses_are_masked_without_privacy(office: Any, path: str) -> None:
    """Those of people and those in settings, on the page and in both files."""
    office.post("/servers/default", {"host": "a.example", "from_email": "grace@example.com"})
    assert "grace@example.com" in office.get(path).text
    office.rights = {"view"}
    text = office.get(path).text
    assert "a•••@example.com" in text
    assert "g•••@example.com" in text
    assert "grace@" not in text
    assert "ada@" not in text.replace('title="ada@example.com"', "")


def test_the_filter_finds(office: Any) -> None:
    """By person, action, object and day; the address keeps it for the next page and the files."""
    office.post("/pause")
    office.post("/settings", {"max_queue": "50"})
    today = utcnow().date()

    def found(query: str) -> list[str]:
        return re.findall(r'data-action="([^"]+)"', office.page(f"/audit?{query}"))

    assert found("action=settings") == ["settings.save"]
    assert found("object=sending") == ["sending.pause"]
    assert found("actor=ada@example.com") == ["settings.save", "sending.pause"]
    assert found("actor=eve") == []
    assert found(f"since={today}&until={today + timedelta(days=1)}") != []
    assert found(f"until={today - timedelta(days=2)}") == []
    assert "No such entry" in office.page("/audit?actor=eve")
    assert "export?action=settings&amp;format=csv" in office.page("/audit?action=settings")
    assert office.get("/audit?since=never").status_code == 400


def test_the_files_hold_what_the_filter_means(office: Any) -> None:
    """All of it, however many pages; the file itself is noted with its filter."""
    office.post("/settings", {"max_queue": "50"})
    with office.app.app_context():
        for number in range(120):
            office.state.audit.record("message.read", f"message:{number}")
    text = office.get("/audit/export?format=csv&action=message").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["object"] for row in rows] == [f"message:{n}" for n in range(119, -1, -1)]
    found = json.loads(office.get("/audit/export?format=json").text)["entries"]
    assert len(found) == 123
    assert found[1]["details"] == {"action": "message", "format": "csv"}


def test_pages_follow_each_other(office: Any) -> None:
    """Fifty entries a page, older and newer by links."""
    with office.app.app_context():
        for number in range(60):
            office.state.audit.record("message.read", f"message:{number}")
    page = office.page("/audit")
    assert page.count("data-entry=") == 50
    assert "/audit?cursor=older-11" in page
    older = office.page("/audit?cursor=older-11")
    assert older.count("data-entry=") == 10
    assert "/audit?cursor=newer-10" in older


def test_an_empty_trail_says_what_will_stand_there(office: Any) -> None:
    """And the page is in the navigation, below the activity."""
    page = office.page("/audit")
    assert "Nothing has been done yet" in page
    assert page.index(">Activity<") < page.index(">Audit<") if ">Activity<" in page else True

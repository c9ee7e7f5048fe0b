"""What the pages show: figures, banners, lists, one message, and what is kept from whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin.config import EDITABLE
from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.storage.database import utcnow


def metric(source: str, name: str) -> str:
    """Return the text of one figure."""
    found = re.search(rf'data-metric="{name}"[^>]*>([^<]*)<', source)
    assert found
    return found[1].strip()


def ids(source: str) -> list[int]:
    """Return the numbers of the messages on a page, in their order."""
    return [int(text) for text in re.findall(r'data-message-id="(\d+)"', source)]


@pytest.mark.parametrize("path", ["/", "/settings"])
def test_the_five_figures(office: Any, path: str) -> None:
    """Overview and settings count the same and link to the lists behind the figures."""
    for state in ("sent", "sent", "dead", "uncertain", "queued", "retrying"):
        office.add(state)
    source = office.page(path)
    found = {name: metric(source, name) for name in ("sent_24h", "failed_24h", "queued", "dead")}
    assert found == {"sent_24h": "2", "failed_24h": "2", "queued": "2", "dead": "1"}
    assert metric(source, "mean_seconds")
    assert 'href="/admin/email/messages?state=failed&amp;range=today"' in source
    assert len(ids(office.page("/messages?state=waiting"))) == 2


def test_old_messages_are_not_in_the_figures_of_a_day(office: Any) -> None:
    """Sent and failed count 24 hours, dead letters whatever their age."""
    office.add("sent", state_at=utcnow() - timedelta(hours=25))
    office.add("dead", state_at=utcnow() - timedelta(days=9))
    source = office.page("/")
    assert [metric(source, name) for name in ("sent_24h", "failed_24h", "dead")] == ["0", "0", "1"]


def test_the_first_visit_says_what_to_do(office: Any) -> None:
    """Without server and worker there are two banners, each with one way out."""
    source = office.page("/")
    assert re.findall(r'data-banner="([\w-]+)"', source) == ["no-worker", "not-configured"]
    assert "flask smtp-worker" in source
    assert 'href="/admin/email/servers/new"' in source


def test_the_first_steps_know_what_is_done_and_what_waits(office: Any) -> None:
    """A running worker is ticked off, waiting mail is counted; with a server the steps go."""
    assert 'data-step-done="false"' in office.page("/")
    office.add_worker()
    office.add("queued")
    source = office.page("/")
    assert 'data-step-done="true"' in source
    assert "1 message waits in the queue; nothing is lost, and it goes out by itself" in source
    office.save(host="mail.example.org")
    assert "data-first-steps" not in office.page("/")


def test_who_may_not_configure_is_told_who_can(office: Any) -> None:
    """Without the right there is no button to the search, and a sentence in its place."""
    office.rights.discard("configure")
    source = office.page("/")
    assert "Somebody with the right configure" in source
    assert "/servers/find" not in source


def test_a_saved_server_leads_to_its_test(office: Any) -> None:
    """The page of a server links the test of its saved settings once there are any."""
    link = 'href="/admin/email/test?server=default"'
    assert link not in office.page("/servers/default")
    office.save(host="mail.example.org")
    assert link in office.page("/servers/default")


def test_the_way_to_the_first_server(office: Any) -> None:
    """The first provider chosen is for the default server, not for a second one."""
    assert 'href="/admin/email/servers/default?preset=gmail"' in office.page("/servers/new")
    office.save(host="mail.example.org")
    assert 'href="/admin/email/servers/new?preset=gmail"' in office.page("/servers/new")


def test_paused_sending_is_on_top(office: Any) -> None:
    """A pause outranks everything else and can be ended there."""
    office.post("/pause")
    source = office.page("/")
    assert 'data-banner="paused"' in source
    assert "Sending is paused. Messages are kept" in source
    assert 'action="/admin/email/resume"' in source
    office.post("/resume")
    assert 'data-banner="paused"' not in office.page("/")


def test_workers_and_their_queue_server(office: Any) -> None:
    """A live worker shows up with its figures; Redis that it cannot reach is a banner."""
    office.add_worker(redis="down")
    source = office.page("/")
    assert 'data-metric="workers">1 running' in source
    assert 'data-metric="redis" data-state="down"' in source
    assert 'data-banner="redis-down"' in source
    assert "1,234" in source


def test_the_list_shows_states_and_filters(office: Any) -> None:
    """A tab shows its own state only, with the count of each; search narrows it down."""
    dead = office.add("dead", subject="Invoice 7", error="550 5.1.1 no such user")
    sent = office.add("sent", subject="Welcome")
    assert ids(office.page("/messages")) == [sent, dead]
    source = office.page("/messages?state=dead")
    assert ids(source) == [dead]
    assert (
        f'href="/admin/email/messages/{dead}?state=dead#timeline">550 5.1.1 no such user' in source
    )
    assert ids(office.page("/messages?q=invoice")) == [dead]
    assert ids(office.page("/messages?state=failed&range=7d")) == [dead]
    assert "No messages match these filters" in office.page("/messages?q=nothing")
    assert ids(office.page("/messages?state=made-up&range=x&per_page=7&cursor=%00")) == [sent, dead]


def test_pages_follow_each_other_without_gap(office: Any) -> None:
    """Older and Newer walk through all messages, each once, with the filter kept."""
    numbers = [office.add("sent") for _ in range(27)]
    first = office.page("/messages?state=sent")
    assert ids(first) == numbers[::-1][:25]
    older = re.search(r'href="/admin/email(/messages\?[^"]*cursor=[^"]*)"', first)
    assert older
    path = older[1].replace("&amp;", "&")
    assert "state=sent" in path
    assert ids(office.page(path)) == numbers[::-1][25:]


def test_one_message_with_its_attempts(office: Any) -> None:
    """The page tells each attempt with reply and technical details, and offers to retry."""
    number = office.add("dead", subject="Hello Grace", attempts=1, failures=1)
    assert "chosen when sent" in office.page(f"/messages/{number}")
    table = office.state.models.table("Attempt")
    with office.app.app_context(), office.state.database.write() as connection:
        values = {
            "message": number,
            "n": 1,
            "worker_id": "w1",
            "server_key": "relay_7",
            "address": "192.0.2.1:25",
            "started_at": utcnow(),
            "phase": "recipient",
            "outcome": "dead",
            "cause": "recipient_unknown",
            "code": 550,
            "enhanced": "5.1.1",
            "reply": "550 5.1.1 <script>alert(1)</script> no such user",
            "ms": 12.5,
        }
        connection.execute(sa.insert(table).values(values))
    source = office.page(f"/messages/{number}")
    assert "Hello Grace" in source
    assert "550 5.1.1 &lt;script&gt;alert(1)&lt;/script&gt; no such user" in source
    assert "<script>alert" not in source
    assert "192.0.2.1:25" in source
    assert '<dt>Server</dt><dd><span title="relay_7">relay_7</span></dd>' in source
    assert '<span title="relay_7">relay_7</span></td>' in office.page("/messages")
    assert f'action="/admin/email/messages/{number}/retry"' in source


def test_a_failure_is_explained_with_what_the_provider_asks_for(office: Any) -> None:
    """What happened, why, what to do; customers of the server's provider read their step first."""
    number = office.add("dead", server_key="default", error="554 not verified")
    assert "What to do" not in office.page(f"/messages/{number}")
    failed = office.add(
        "dead", server_key="default", cause="sandbox_mode", error="554 Address is not verified"
    )
    general, special = advice("sandbox_mode"), advice("sandbox_mode", "ses")
    source = unescape(office.page(f"/messages/{failed}"))
    assert f"<ol><li>{general.steps[0]}" in source
    office.state.settings.save_server("default", {"host": "127.0.0.1"}, preset="ses:eu-west-1")
    source = unescape(office.page(f"/messages/{failed}"))
    assert general.what in source
    assert f"<ol><li>{special.steps[0]}</li><li>{general.steps[0]}" in source
    sent = office.add("sent", server_key="default", cause="sandbox_mode")
    assert "What to do" not in office.page(f"/messages/{sent}")


def test_hostile_subjects_and_recipients_are_text(office: Any) -> None:
    """What anyone may have put into a message shows as what it is."""
    payload = "<img src=x onerror=alert(1)>{{7*7}}"
    number = office.add("dead", subject=payload, error=payload, body=payload)
    for path in ("/messages", f"/messages/{number}", "/settings", f"/messages?q={payload}"):
        source = office.page(path)
        assert "<img src=x" not in source
        assert "&lt;img src=x onerror=alert(1)&gt;{{7*7}}" in source


def test_text_is_shown_only_with_the_right_to_read_it(office: Any) -> None:
    """Without read_content the body is not on the page."""
    number = office.add("sent", body="The secret of the body")
    assert "The secret of the body" in office.page(f"/messages/{number}?tab=text")
    office.rights.discard("read_content")
    source = office.page(f"/messages/{number}?tab=text")
    assert "The secret of the body" not in source
    assert "read_content" in source


def test_addresses_are_masked_without_the_right_to_see_them(office: Any) -> None:
    """Without privacy no page holds a whole address, in whatever column it stands."""
    number = office.add("dead", to="grace.hopper@example.com", error="<grace.hopper@example.com>?")
    assert "grace.hopper@example.com" in office.page("/messages")
    office.rights.discard("privacy")
    for path in ("/messages", f"/messages/{number}", "/settings"):
        source = office.page(path)
        assert "grace.hopper" not in source
        assert "g•••@example.com" in source


def test_an_unknown_message_is_not_found(office: Any) -> None:
    """A made-up number answers 404 in plain words."""
    response = office.get("/messages/99")
    assert response.status_code == 404
    assert "No such message" in response.text


def test_global_settings_can_be_changed(office: Any) -> None:
    """Only what was changed is stored; the origin then says so."""
    source = office.page("/settings")
    for name in EDITABLE:
        assert f'data-field="{name.lower()}"' in source
    response = office.post("/settings", {**as_shown(source), "retry_attempts": "5"})
    assert response.status_code == 303
    assert office.field("retry_attempts", "/settings")[0] == "database"
    assert office.field("max_queue", "/settings")[0] == "default"


def as_shown(source: str) -> dict[str, str]:
    """Return the global settings as the page shows them."""
    form = source[source.index('aria-labelledby="queue-heading"') :]
    sent = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', form))
    chosen = re.search(r'name="on_uncertain".*?value="(\w+)" selected', form, re.DOTALL)
    assert chosen
    return {**{key: sent[key] for key in sent if key != "csrf_token"}, "on_uncertain": chosen[1]}


@pytest.mark.parametrize("typed", ["inf", "1e400", "nan", "-1", "٣x"])
def test_a_span_that_is_none_is_explained(office: Any, typed: str) -> None:
    """The answer is the form with the reason beside the field."""
    response = office.post("/settings", {"retry_delay": typed, "max_age": typed})
    assert response.status_code == 422
    assert 'id="error-retry_delay"' in response.text


def test_a_bad_global_setting_is_refused_at_its_field(office: Any) -> None:
    """Nothing is stored and the field says why."""
    form = {**as_shown(office.page("/settings")), "max_queue": "many"}
    response = office.post("/settings", form)
    assert response.status_code == 422
    assert 'id="error-max_queue"' in response.text
    assert office.field("max_queue", "/settings")[0] == "default"


def test_a_global_setting_from_the_environment_is_locked(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page names the variable and a submit changes nothing."""
    monkeypatch.setenv("SMTPADMIN_MAX_QUEUE", "77")
    assert office.field("max_queue", "/settings") == ("environment", "SMTPADMIN_MAX_QUEUE")
    office.post("/settings", {**as_shown(office.page("/settings")), "max_queue": "5"})
    monkeypatch.delenv("SMTPADMIN_MAX_QUEUE")
    assert office.field("max_queue", "/settings")[0] == "default"


@pytest.mark.parametrize(
    ("mode", "word"), [("catch", "Catch mode"), ("redirect:a@b.example", "Redirect")]
)
def test_a_mode_other_than_live_is_said_loudly(
    make_office: Callable[..., Any], mode: str, word: str
) -> None:
    """No mail goes out as written: a banner and a badge in the bar say so."""
    office = make_office(SMTPADMIN_MODE=mode)
    office.add_worker()
    source = office.page("/")
    assert 'data-banner="mode"' in source
    assert word in source


@pytest.mark.parametrize(
    ("waits", "word", "status"), [(False, "ok", 200), (True, "unhealthy", 503)]
)
def test_the_health_word_is_public(office: Any, *, waits: bool, word: str, status: int) -> None:
    """Anybody may ask; the answer is one word."""
    if waits:
        office.add("queued")
    office.rights = set()
    response = office.get("/healthz")
    assert (response.text, response.status_code) == (word, status)


def test_the_health_word_needs_no_tables(make_app: Callable[..., Any]) -> None:
    """Without tables the app is not healthy, and the answer still is one word."""
    response = make_app(create=False).app.test_client().get("/admin/email/healthz")
    assert (response.text, response.status_code) == ("unhealthy", 503)


@pytest.mark.parametrize(("health", "told"), [("held", True), ("open", True), ("ok", False)])
def test_a_server_in_trouble_says_why(office: Any, health: str, *, told: bool) -> None:
    """Lists and its page show the words of a server that refuses us, until it is well."""
    office.state.settings.save_server("default", {"host": "mail.example.org"})
    row = office.state.models.table("Server")
    with office.state.database.write() as connection:
        words = {"health": health, "reason": "535 5.7.8 <no> such user"}
        connection.execute(row.update().values(**words))
    for path in ("/", "/servers", "/servers/default"):
        assert ("535 5.7.8 &lt;no&gt; such user" in office.page(path)) is told

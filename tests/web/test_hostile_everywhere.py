"""Whatever comes from outside stays text on every page, whichever way it got in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from support.payloads import PAYLOADS
from support.smtp import mail_server
from web.test_activity import SESSION
from web.test_gate import ROUTES, address
from web.test_hostile import foreign, plant

from flask_smtpadmin import Texts
from flask_smtpadmin.core.actor import Actor
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.core.deliverability.findings import Finding, Record
from flask_smtpadmin.core.deliverability.findings import Report as Domain
from flask_smtpadmin.core.dialogues import Dialogue
from flask_smtpadmin.core.report import Report, Step
from flask_smtpadmin.core.transcript import packed_text
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.web import limits

#: Other tests take every payload through the pages of a message; these stand for their kinds.
SAMPLE = PAYLOADS[::5]
STREAM = {"Accept": "application/x-ndjson"}
BATCH = "0123456789abcdef"
#: what only our own templates write: links to providers' guides, a page that reloads itself
OURS = re.compile(
    r'href="https://[\w./#?=&;%-]+"|<noscript><meta http-equiv="refresh" content="\d"></noscript>'
)
#: what somebody may type into an address
ASKED = (
    "/messages?q={}",
    "/messages?state={0}&server={0}&range={0}&type={0}&cause={0}&cursor={0}",
    "/inbox?q={0}&cursor={0}&type={0}",
    "/failures/{}",
    "/servers/new?preset={}",
    "/servers/new?preset_q={}",
    "/servers/new?server={}",
    "/servers/find?server={}",
    "/servers/{}",
    "/servers/default?preset={}",
    "/test?server={}",
    "/test/{}",
    "/messages/jobs/{}",
    "/activity?day={}",
    "/activity?server={}",
    "/activity/{}",
    "/audit?actor={0}&object={0}&action={0}",
    "/audit?since={}",
    "/types/{}",
    "/types/welcome?x={}",
    "/types/welcome?locale={}",
    "/types/welcome?version={}",
    "/{}",
)
TYPED = {
    "/servers/new": ("key", "host", "port", "username", "from_email", "from_name", "test_address"),
    "/servers/default": ("name", "host", "port", "username", "from_email", "subject_prefix"),
    "/servers/new/test": ("key", "host", "to"),
    "/servers/default/test": ("host", "to"),
    "/servers/find": ("address",),
    "/servers/find/use": ("address", "host", "port", "tls_mode", "preset", "auth"),
    "/deliverability": ("domain", "selector", "server"),
    "/settings": ("max_queue", "app_name", "allowed_hosts"),
    "/test": ("to", "server", "sender", "place"),
    "/messages/bulk": ("action", "ids"),
    "/types/welcome": ("subject", "html", "text"),
    "/types/welcome/test": ("subject", "html", "text", "to"),
    "/types/welcome/preview": ("subject", "html", "text"),
}


def safe(response: Any, payload: str, where: str) -> None:
    """Fail unless an answer holds the payload as text, if at all."""
    assert response.status_code < 500, where
    assert response.headers["X-Content-Type-Options"] == "nosniff", where
    if response.mimetype == "text/html" and "sandbox" not in str(
        response.headers["Content-Security-Policy"]
    ):
        assert payload not in response.text, where
        assert foreign(OURS.sub("", response.text)) == [], where
    elif response.mimetype != "text/html":
        kept = "attachment" in response.headers.get("Content-Disposition", "")
        harmless = {"text/plain", "application/json", "application/problem+json"}
        assert kept or response.mimetype in harmless, where


def poison(office: Any, payload: str) -> int:
    """Put the payload wherever a server, a person, a worker or the app can put words."""
    number = plant(office, payload)
    office.save(name=payload[:64], description=payload, subject_prefix=payload[:32])
    office.add_worker(name=payload[:64], host=payload[:64], journal=payload)
    office.add_worker(id="w2", name=payload[:64], stalled=900.0)
    now, state = utcnow(), office.state
    with office.app.app_context():
        text = f"12:00:00.000 S: 250 {payload}\n"
        values = {"session": SESSION, "part": 1, "began_at": now, "ended_at": now}
        values |= {"server": payload[:32], "origin": payload[:16], "worker_id": payload[:64]}
        values |= {"address": payload, "tls": payload, "messages": 1, "failures": 1}
        values |= {"opens_day": True, "packed": packed_text(text)}
        state.dialogues.write([Dialogue(**values)])
        _poison_results(office, payload)
        _poison_types(office, payload)
        state.audit.record("message.retry", f"message:{payload}", {payload[:64]: payload})
        state.audit.record("server.save", payload, {"to": payload, payload[:32]: [payload]})
        state.jobs.add(Deed("retry"), actor=payload)
        with state.database.write() as connection:
            table = state.models.table("Server")
            connection.execute(sa.update(table).values(health="open", reason=payload[:255]))
    return number


def _poison_results(office: Any, payload: str) -> None:
    """Keep a check of a lying server, and of a domain whose records are hostile."""
    state, step = office.state, Step("greeting", "failed", 1.0, payload, payload)
    wish = Wish(to=payload, sender=payload)
    number = state.checks.add(office.server(), wish, actor=payload, host=payload, batch=BATCH)
    report = Report(
        server="default",
        ok=False,
        steps=(Step("resolve", "ok", 1.0, payload), step),
        cause="auth_wrong_credentials",
        advice=payload,
        runtime=dict.fromkeys(("openssl", "resolver", "proxy", "redis", payload[:32]), payload),
        seen_as=payload,
        warnings=(payload,),
    )
    state.checks.finish(number, report, payload)
    record = Record(payload, "TXT", payload)
    found = Finding("spf", "wrong", payload, (payload,), (payload,), (record,))
    domain = Domain(domain=payload[:64], server="default", provider=payload, findings=(found,))
    state.findings.save([domain], actor=payload)


def _poison_types(office: Any, payload: str) -> None:
    """Register a type that calls itself that, and save words which nobody could have checked."""
    words = Texts(payload, payload, payload)
    office.mail.email_type(
        "welcome",
        subject="Hi",
        text="{{ name }}",
        title=payload,
        trigger=payload,
        sample={"name": payload},
    )
    for name in ("welcome", "@header"):
        office.state.templates.save(name, "", Texts("x", "x", "x"), actor=payload)
        version = office.state.templates.save(name, "", words, actor=payload)
        office.state.templates.failed(version, payload)


@pytest.fixture(params=SAMPLE)
def payload(request: pytest.FixtureRequest) -> str:
    """One of each kind."""
    return str(request.param)


@pytest.fixture
def poisoned(office: Any, payload: str) -> Any:
    """Return an office full of it, at which somebody sits whose name is hostile, too."""
    limits.forget()
    poison(office, payload)
    office.mail.actor_loader(lambda: Actor(payload, payload, payload))
    return office


def test_no_stored_word_is_markup_on_any_page(poisoned: Any, payload: str) -> None:
    """Every GET of the URL table: servers' replies, names, workers, results, the trail."""
    for route in ROUTES:
        if route.method == "GET":
            path = address(route).replace("/activity/0123456789abcdef", f"/activity/{SESSION}")
            path = path.replace("<session>", SESSION)
            safe(poisoned.get(path), payload, path)
    for tab in ("preview", "text", "source", "attachments"):
        safe(poisoned.get(f"/messages/1?tab={tab}"), payload, tab)
    with poisoned.app.app_context():
        (job,) = poisoned.state.jobs.running()
    safe(poisoned.get(f"/messages/jobs/{job.id}"), payload, "job")


def test_no_word_of_an_address_is_markup(office: Any, payload: str) -> None:
    """Search words, filters, keys and days that somebody was led to click on."""
    for pattern in ASKED:
        path, _, query = pattern.partition("?")
        names = dict.fromkeys(re.findall(r"(\w+)=", query), payload)
        clean = payload.replace("/", "").replace("\x0c", "")
        safe(office.get(path.format(clean), query_string=names), payload, pattern)


def test_no_word_of_a_form_is_markup_in_the_answer(office: Any, payload: str) -> None:
    """What was typed comes back as it was typed, also through the script's stream."""
    office.save(host="127.0.0.1", port="1", tls_mode="none", from_email="app@example.com")
    for path, names in TYPED.items():
        limits.forget()
        answer = office.post(path, dict.fromkeys(names, payload), follow_redirects=True)
        safe(answer, payload, path)
    limits.forget()
    streamed = office.post("/servers/find", {"address": payload}, headers=STREAM).text
    assert foreign(json.loads(streamed.splitlines()[-1])["html"]) == []


def test_no_word_of_a_server_is_markup_while_it_is_tested(office: Any, payload: str) -> None:
    """A refusal full of markup: in the result, and in each line that the script is sent."""
    said = re.sub(r"[^ -~]", "", payload)
    with mail_server("none") as running:
        running.refuse["grace@example.com"] = f"550 5.1.1 {said}"
        office.save(host=running.host, port=str(running.port), tls_mode="none")
        office.save(from_email="app@example.com")
        form = {"to": "grace@example.com", "scenario": "direct", "server": "default"}
        safe(office.post("/test", form), said, "test")
        # read while the server is there: the lines are made as they are asked for
        text = office.post("/servers/default/test", form, headers=STREAM).text
    lines = [json.loads(line) for line in text.splitlines()]
    assert said.split()[0] in text
    assert foreign(lines[-1]["html"]) == []
    assert said not in lines[-1]["html"]

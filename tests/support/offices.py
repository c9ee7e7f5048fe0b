"""Back offices in every state that their pages can show, served to a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from web.conftest import PREFIX, Office, furnish
from werkzeug.serving import WSGIRequestHandler, make_server

from example_app.demo.names import name_server
from flask_smtpadmin import Message
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.core.dialogues import Dialogue
from flask_smtpadmin.core.figures import Allowance
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.states import STATES
from flask_smtpadmin.core.transcript import packed_text
from flask_smtpadmin.posting import post
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.hours import Hours
from support import kinds
from support.apps import build_site, close_site
from support.scripted import scripted_servers
from support.smtp import authority, mail_server
from support.zones import good

SESSION: Final = "0123456789abcdef"
PIXEL: Final = bytes.fromhex("89504e470d0a1a0a") + b"pixel"
REPLY: Final = "550 5.1.1 <grace@example.com>: Recipient address rejected: User unknown"
RESET: Final = (
    "<div style='max-width:600px;margin:auto;padding:24px;font-family:sans-serif'>"
    "<h1 style='color:#4f46e5'>Choose a new password</h1><p>Somebody asked for a new password.</p>"
    "<p><a href='https://shop.example.com/reset?token=0123456789abcdef' style='display:block;"
    "padding:12px;background:#4f46e5;color:#fff'>Choose a password</a></p>"
    "<p><a href='mailto:help@shop.example.com'>Write to us</a>, <a href='/account'>Account</a>"
    "<img src='https://far.example/x.png' alt=''></p></div>"
)
HOST_PAGE: Final = (
    "<!doctype html><html lang=en><head><meta name=viewport content='width=device-width'>"
    "<link rel=icon href=data:,>"
    "<title>{% block title %}Shop{% endblock %}</title></head><body><header>"
    "<a href=/>Our shop</a></header><main>{% block content %}{% endblock %}</main></body></html>"
)


@dataclass
class Served:
    """One back office and where a browser finds it; ``at`` names what a visit needs to know."""

    office: Office
    url: str
    at: dict[str, Any] = field(default_factory=dict)


class _Quiet(WSGIRequestHandler):
    """Answers without a line in the log; keeps connections, as servers in production do."""

    protocol_version = "HTTP/1.1"

    def log(self, *_args: Any, **_options: Any) -> None:
        """Say nothing."""


class Offices:
    """All back offices, each built when a visit first asks for it: ``offices["busy"]``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._served: dict[str, Served] = {}

    def __getitem__(self, name: str) -> Served:
        """Return the back office called ``name``."""
        if name not in self._served:
            self._served[name] = self._serve(name)
        return self._served[name]

    def _serve(self, name: str) -> Served:
        config, create = dict(_CONFIG.get(name, {})), name != "no-tables"
        site = build_site(f"sqlite:///{self._folder / name}.db", config, create=create)
        self._stack.callback(close_site, site)
        (self._folder / "host.html").write_text(HOST_PAGE)
        site.app.jinja_loader.searchpath.append(str(self._folder))
        office = furnish(site)
        served = Served(office, self._stack.enter_context(listening(site.app)) + PREFIX)
        if name in _FILLED:
            served.at = _FILLED[name](office, self._stack) or {}
        return served


@contextmanager
def offices(folder: Path) -> Iterator[Offices]:
    """Serve back offices until the end of the block."""
    with ExitStack() as stack:
        yield Offices(folder, stack)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve ``app`` until the end of the block and give its address, without a slash at its end."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_CONFIG: Final[dict[str, dict[str, Any]]] = {
    "embedded": {"SMTPADMIN_BASE_TEMPLATE": "host.html"},
    "caught": {
        "SMTPADMIN_MODE": "catch",
        "SMTPADMIN_CATCH_ALLOW": "example.org, *.test.example, qa@partner.example",
    },
    "caught-viewer": {"SMTPADMIN_MODE": "catch"},
    "caught-none": {"SMTPADMIN_MODE": "redirect:developers@example.com"},
    "lost-template": {"SMTPADMIN_BASE_TEMPLATE": "no/such.html"},
}


def _busy(office: Office, stack: ExitStack) -> dict[str, Any]:
    """Fill an office in which all that can happen to mail has happened."""
    mail = stack.enter_context(mail_server("none"))
    mail.refuse["nobody@example.com"] = REPLY
    names = stack.enter_context(name_server(good()))
    office.state.resolver = names.resolver(2.0)
    local = {"host": mail.host, "port": str(mail.port), "tls_mode": "none"}
    office.save(name="Main", from_email="app@example.com", limits="100/hour", **local)
    office.save(ca_file=authority().ca_file)
    office.save(
        "backup",
        name="Backup",
        host="smtp.backup.example.org",
        from_email="shop@shop.example.org",
        routes="shop@shop.example.org",
        priority="10",
    )
    office.add_worker()
    office.add_worker(id="w2", name="worker-2", beat_at=utcnow() - timedelta(minutes=30), pid=7)
    at = {"states": {state: _message(office, state) for state in STATES}}
    at["plain"] = office.add("dead", cause="recipient_unknown", subject="Nothing but words")
    at["sent"] = at["states"]["sent"]
    _orders(office)
    _history(office)
    _dialogue(office)
    with office.app.app_context():
        at["job"] = office.state.jobs.add(Deed("retry"), actor="ada@example.com")
        at["check"] = office.state.checks.add(
            office.server(), Wish(to="ada@example.com"), place="w1"
        )
    at["done"] = office.do_all("/messages/bulk?q=to:customer1", action="cancel").id
    at["servers"] = _published(stack, names)
    at |= kinds.reword(office)
    office.post("/deliverability", {"domain": "example.com"})
    names.zone.pop("_dmarc.example.com")
    office.post("/deliverability", {"domain": "shop.example.org", "server": "backup"})
    return at


def _orders(office: Office) -> None:
    """Let more have been sent than one page of the list holds."""
    for n in range(60):
        ended = utcnow() - timedelta(hours=n)
        begun = ended - timedelta(seconds=3)
        moments = {"created_at": begun, "due_at": begun, "state_at": ended}
        to = f"customer{n}@example.com"
        office.add("sent", subject=f"Your order {1000 + n}", to=to, **moments)


def _published(stack: ExitStack, names: Any) -> list[Any]:
    """Publish servers in DNS that the search for settings finds."""
    farm = stack.enter_context(scripted_servers())
    best, other = farm.add(mode="implicit", auth="PLAIN LOGIN"), farm.add(mode="starttls")
    names.zone["example.org"] = {"MX": ["10 mx.example.org."]}
    names.zone["localhost"] = {"A": ["127.0.0.1"]}
    names.zone["_submissions._tcp.example.org"] = {"SRV": [f"0 1 {best.port} localhost."]}
    names.zone["_submission._tcp.example.org"] = {"SRV": [f"0 1 {other.port} localhost."]}
    return [best, other]


def _message(office: Office, state: str) -> int:
    """Queue a message with everything in it, put it into ``state`` and give it its attempts."""
    message = Message(
        f"A message whose state is {state}: an unusually long subject for a narrow screen",
        ["grace.hopper.of.the.navy@department.example.com", "ada@example.com"],
        body="Plain words.\n" * 8 + "https://example.com/" + "a" * 200,
        html="<p>Rich words <img src='cid:logo'><img src='https://far.example/x.png'></p>",
        sender="The shop of Ada <app@example.com>",
        cc=["copy@example.com"],
    )
    message.attach("logo.png", "image/png", PIXEL, "inline", headers={"Content-ID": "<logo>"})
    message.attach("terms-and-conditions-of-sale-2026.pdf", "application/pdf", b"%PDF-1.7 " * 900)
    now = utcnow()
    failed = state in {"dead", "retrying", "partial", "uncertain", "expired"}
    values: dict[str, Any] = {"state": state, "state_at": now - timedelta(minutes=5), "attempts": 2}
    values["created_at"] = values["due_at"] = now - timedelta(minutes=5, seconds=4)
    values |= {"cause": "recipient_unknown", "error": REPLY, "failures": 2} if failed else {}
    if state not in {"queued", "scheduled", "retrying"}:
        values["run_at"] = None
    if state == "sent":
        values["sent_via"] = "default"
    with office.app.app_context():
        number: int = office.mail.send(message, type="order.confirmation", key=f"k-{state}").id
        with office.state.database.write() as connection:
            table = office.state.models.table("Message")
            connection.execute(sa.update(table).where(table.c.id == number).values(**values))
            for n in (1, 2):
                connection.execute(sa.insert(office.state.models.table("Attempt")).values(
                    _attempt(number, n, state, failed=failed)
                ))  # fmt: skip
    return number


def _attempt(message: int, n: int, state: str, *, failed: bool) -> dict[str, Any]:
    """Return the row of an attempt."""
    now = utcnow()
    row = {
        "message": message,
        "n": n,
        "worker_id": "w1",
        "server_key": "default",
        "address": "192.0.2.1:465",
        "started_at": now - timedelta(minutes=9 - n, seconds=3),
        "finished_at": now - timedelta(minutes=9 - n),
        "phase": "recipient",
        "tls": "TLSv1.3",
        "ms": 480.0,
        "session": SESSION,
        "outcome": "retry" if n == 1 else state if failed or state == "sent" else "retry",
    }
    if failed or n == 1:
        row |= {"cause": "recipient_unknown", "code": 550, "enhanced": "5.1.1", "reply": REPLY}
    else:
        row |= {"reply": "250 2.0.0 Ok: queued as 4D2C61F0A8"}
    return row


def _history(office: Office) -> None:
    """Let mail have been sent and refused for some weeks, hour by hour."""
    models = office.state.models
    with office.state.database.write() as connection:
        for ago in range(0, 24 * 28, 5):
            found = {("sent", ""): 40 + ago % 17, ("dead", "greylisted"): ago % 7}
            Hours(models).add(connection, found, utcnow() - timedelta(hours=ago))
        refused = {("refused", f"{'very.' * n}long.example.com"): 9 - n for n in range(4)}
        Hours(models).add(connection, refused, utcnow() - timedelta(hours=1))


def _dialogue(office: Office) -> None:
    """Record what was said to a server, today and two days ago."""
    text = (
        "12:00:00.000 C: MAIL FROM:<app@example.org> SIZE=4096 BODY=8BITMIME\n"
        f"12:00:00.010 S: {REPLY}\n"
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    parts = [(SESSION, 1, now), (SESSION, 2, now), ("a" * 16, 1, now - timedelta(days=2))]
    with office.app.app_context():
        for session, part, moment in parts:
            values = {"session": session, "part": part, "began_at": moment, "ended_at": moment}
            values |= {"server": "default", "origin": "worker", "worker_id": "w1"}
            values |= {"address": "192.0.2.1:465", "tls": "TLSv1.3", "messages": 3, "failures": 1}
            values |= {"opens_day": part == 1, "packed": packed_text(text * 6)}
            office.state.dialogues.write([Dialogue(**values)])


def _trouble(office: Office, _stack: ExitStack) -> None:
    """Let everything go wrong: paused, nobody works, a quota used up, dead letters."""
    office.save(name="Main", host="a.example", from_email="a@a.example", limits="10/hour")
    office.save("backup", name="Backup", host="b.example", from_email="a@a.example", priority="9")
    office.add_worker(beat_at=utcnow() - timedelta(hours=2))
    for cause in ("recipient_unknown", "greylisted", "auth_wrong_credentials", None):
        for n in range(2):
            office.add("dead", cause=cause, error=REPLY, subject=f"Lost {n}", attempts=4)
    office.add("queued")
    with office.state.database.write() as connection:
        table = office.state.models.table("Server")
        values = {"health": "open", "health_at": utcnow() - timedelta(minutes=9)}
        connection.execute(sa.update(table).values(**values))
    full = Allowance({"per_hour": (10, 9)}, datetime.now(UTC))
    office.state.summary.allowances = lambda _servers: {"default": full}
    office.post("/pause")


def _locked(office: Office, _stack: ExitStack) -> None:
    """Let the environment hold the settings of the server, one of them unusable."""
    office.state.settings._environ = {
        "SMTPADMIN_HOST": "smtp.environment.example.org",
        "SMTPADMIN_PORT": "465",
        "SMTPADMIN_TLS_MODE": "implicit",
        "SMTPADMIN_USERNAME": "shop",
        "SMTPADMIN_PASSWORD": "canary",
        "SMTPADMIN_FROM_EMAIL": "shop@example.org",
        "SMTPADMIN_MAX_QUEUE": "many",
        "SMTPADMIN_MODE": "catch",
    }


def _small(office: Office, _stack: ExitStack) -> None:
    """Set one server up and let a worker run: nothing is wrong and little has happened."""
    office.save(
        name="Main", host="a.example", from_email="a@a.example", ca_file=authority().ca_file
    )
    office.add_worker()
    office.add("sent", sent_via="default")


def _caught(office: Office, _stack: ExitStack) -> dict[str, Any]:
    """Catch mail as an app in development writes it: links, pictures, attachments, plain words."""
    _small(office, _stack)
    with office.app.app_context():
        for n in range(7):
            to = [f"customer{n}@example.com", *["copy@example.com"] * (n % 2)]
            office.mail.send(Message(f"Your order {1000 + n} is on its way", to, body="It is."))
        plain = office.mail.send(Message("", ["ada@example.com"], body="No subject, no HTML."))
        message = Message(
            "Choose a new password: an unusually long subject for a narrow screen",
            [f"grace.hopper.of.the.navy.{n}@department.example.com" for n in range(7)],
            body="Go to https://shop.example.com/reset?token=0123456789abcdef within an hour.",
            html=RESET,
            sender="The shop of Ada <app@example.com>",
            cc=["copy@example.com"],
        )
        message.attach("terms.pdf", "application/pdf", b"%PDF-1.7 " * 900)
        number = office.mail.send(message, type="password.reset").id
        sign_in = Message("Sign in", ["ada@example.com"], body="https://a.example/key")
        (secret,) = post(office.state, [sign_in], Handling(secret=True))
    return {"reset": number, "plain": plain.id, "secret": secret.id}


def _caught_to_view(office: Office, stack: ExitStack) -> dict[str, Any]:
    at = _caught(office, stack)
    office.rights = {"view"}
    return at


def _no_check(office: Office, _stack: ExitStack) -> None:
    office.state.hooks.access_check = None


def _no_key(office: Office, _stack: ExitStack) -> None:
    office.app.secret_key = None


def _viewer(office: Office, stack: ExitStack) -> dict[str, Any]:
    """Let somebody look at a busy office who may only look."""
    at = _busy(office, stack)
    office.rights = {"view"}
    return at


def _nobody(office: Office, _stack: ExitStack) -> None:
    office.rights = set()


_FILLED: Final[dict[str, Callable[[Office, ExitStack], dict[str, Any] | None]]] = {
    "first": lambda office, _stack: kinds.register(office),
    "busy": _busy,
    "viewer": _viewer,
    "embedded": _busy,
    "trouble": _trouble,
    "locked": _locked,
    "small": _small,
    "changed": _small,
    "caught": _caught,
    "caught-none": _small,
    "caught-viewer": _caught_to_view,
    "no-check": _no_check,
    "no-key": _no_key,
    "nobody": _nobody,
}

"""S-3: a server that repeats the password in whatever form finds it nowhere repeated by us."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from itertools import cycle
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from support.apps import Site
from support.scripted import Raw, ScriptedServer, scripted_server
from support.ways import IN_FORCE, TO, Ways

from flask_smtpadmin.core.redact import SECRET, clean, hider
from flask_smtpadmin.delivery.diagnose import run_check

CANARY = "Kanari/9f+ü &gelb=7?"
USERNAME = "ada"


def encoded(data: str) -> str:
    """Return base64 of a text."""
    return base64.b64encode(data.encode()).decode()


def mixed(text: str) -> str:
    """Return every second letter in upper case."""
    return "".join(turn(letter) for turn, letter in zip(cycle((str.upper, str.lower)), text))


HEX = CANARY.encode().hex()
FORMS = {
    "plain": CANARY,
    "upper": CANARY.upper(),
    "base64 of the password": encoded(CANARY),
    "base64 of PLAIN": encoded(f"\0{USERNAME}\0{CANARY}"),
    "base64 with an identity": encoded(f"{USERNAME}\0{USERNAME}\0{CANARY}"),
    "base64 for URLs": base64.urlsafe_b64encode(CANARY.encode()).decode(),
    "base64 in lower case": encoded(CANARY).lower(),
    "hex": HEX,
    "HEX": HEX.upper(),
    "hEx": mixed(HEX),
    "hex with colons": ":".join(re.findall("..", HEX)),
    "percent": quote(CANARY, safe=""),
    "percent in lower case": quote(CANARY, safe="").lower(),
    "percent and plus": quote_plus(CANARY),
    "percent throughout": "".join(f"%{byte:02X}" for byte in CANARY.encode()),
}
#: Where it is said and how the line begins; "" for no reply, "2" for one that nobody asked for,
#: "endless" for a line without an end.
PLACES = [
    *(("banner", code) for code in ("220", "554", "")),
    *(("ehlo", code) for code in ("250", "550")),
    *(("auth", code) for code in ("235", "535", "454", "")),
    *(("mail", code) for code in ("250", "550", "450", "", "2", "endless")),
    *(("rcpt", code) for code in ("250", "550")),
    *(("data", code) for code in ("554", "451", "")),
    *(("dot", code) for code in ("250", "554", "452", "")),
]
ENGINES = ["aiosmtplib", "smtplib"]


def reply(step: str, code: str, text: str) -> Raw:
    """Return what the server says at that place."""
    words = text.encode()
    if step == "ehlo" and code == "250":
        return Raw(b"250-scripted.test\r\n250-" + words + b"\r\n250-AUTH PLAIN\r\n250 SIZE\r\n")
    if code == "endless":
        return Raw(words + b"x" * 9000)
    if code == "2":
        return Raw(b"250 ok\r\n250 " + words + b"\r\n")
    return Raw((f"{code} ".encode() if code else b"") + words + b"\r\n")


def told(text: str) -> list[str]:
    """Return the forms of the password that are in ``text``."""
    lower, dense = text.lower(), re.sub(r"[\W_]+", "", text.lower())
    return [
        name
        for name, form in FORMS.items()
        if form.lower() in lower or re.sub(r"[\W_]+", "", form.lower()) in dense
    ]


@pytest.fixture
def build(make_app: Callable[..., Site]) -> Callable[..., Ways]:
    """Build a site that signs in to a server with the canary."""

    def build(server: ScriptedServer, engine: str) -> Ways:
        ways = Ways(make_app(SMTPADMIN_FROM_EMAIL="app@example.com"))
        ways.save(
            host="localhost",
            port=str(server.port),
            tls_mode="none",
            username=USERNAME,
            password=CANARY,
            engine=engine,
            timeout="20",
        )
        return ways

    return build


@pytest.mark.parametrize("engine", ENGINES)
def test_no_form_of_it_at_any_step_comes_back(build: Callable[..., Ways], engine: str) -> None:
    """Each form alone, at each step, as an answer that is good, bad or none."""
    with scripted_server(auth="PLAIN") as server:
        ways, leaks = build(server, engine), []
        with ways.app.app_context():
            saved = ways.state.settings.snapshot().default
        for step, code in PLACES:
            for name, form in FORMS.items():
                server.scripts[:] = [{step: reply(step, code, form)}]
                shown = str(run_check(saved, to=TO).document()) + ways.send_now()
                leaks += [(step, code, name, found) for found in told(shown)]
    assert leaks == []
    assert server.auths > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_found_though_spread_over_lines(build: Callable[..., Ways], engine: str) -> None:
    """Half of it on one line of a reply, half on the next."""
    with scripted_server(auth="PLAIN") as server:
        ways = build(server, engine)
        for step in ("banner", "ehlo", "auth", "mail", "rcpt", "data", "dot"):
            lines = f"550-{CANARY[:8]}\r\n550 {CANARY[8:]}\r\n"
            server.scripts[:] = [{step: Raw(lines.encode())}]
            shown = ways.python() + ways.send_now()
            assert SECRET in shown
            assert CANARY[:8] not in shown


@pytest.mark.parametrize(("step", "code"), PLACES)
def test_nothing_that_is_shown_logged_or_kept_holds_it(
    build: Callable[..., Ways],
    caplog: pytest.LogCaptureFixture,
    step: str,
    code: str,
) -> None:
    """All forms at once: pages, commands, Python, tracebacks, every log at DEBUG, every table."""
    caplog.set_level(logging.DEBUG)
    with scripted_server(
        {step: reply(step, code, " ".join(FORMS.values()))}, auth="PLAIN"
    ) as server:
        ways = build(server, "aiosmtplib")
        for use in IN_FORCE:
            assert told(use(ways)) == [], use.__name__
    assert server.connections == len(IN_FORCE)
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert told(logged) == []
    assert told(_tables(ways)) == []


def _tables(ways: Ways) -> str:
    """Return everything that the database holds."""
    metadata = ways.state.models.metadata
    with ways.app.app_context(), ways.state.database.read() as connection:
        return repr([connection.execute(sa.select(item)).all() for item in metadata.sorted_tables])


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_replaced_and_the_rest_stays(name: str) -> None:
    """The words around it are what an admin needs."""
    hide = hider([CANARY, f"\0{USERNAME}\0{CANARY}"])
    shown = hide(f"535 5.7.8 bad login {FORMS[name]} try again")
    assert told(shown) == []
    assert SECRET in shown
    assert hide("535 5.7.8 bad login, try again") == "535 5.7.8 bad login, try again"


def test_what_was_cut_off_leaves_no_beginning_of_it() -> None:
    """A reply is cut to 2 KiB, perhaps in the middle of the password."""
    hide = hider([CANARY])
    for name in ("plain", "base64 of the password", "base64 for URLs", "hEx", "percent"):
        form = FORMS[name]
        for kept in range(6, len(form.encode())):
            shown = hide(clean("x" * (2048 - 3 - kept) + form + "y" * 80))
            assert form[:6].lower() not in shown.lower()

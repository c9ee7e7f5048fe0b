"""A hostile message in a real browser: nothing runs, nothing loads, nothing leads away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page
from support.apps import Site
from support.payloads import PAYLOADS
from werkzeug.serving import make_server

from flask_smtpadmin import Message

pytestmark = [
    pytest.mark.browser,
    # a browser that moves on leaves the server with files that it was in the midst of sending
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EVIL = "https://evil.example"
AWAY = (
    "<a id=top href='https://evil.example/top' target=_top>top</a>"
    "<a id=self href='https://evil.example/self'>self</a>"
    "<a id=new href='https://evil.example/new' target=_blank>new</a>"
    "<form id=form action='https://evil.example/form' target=_top><button>go</button></form>"
    "<img src='https://evil.example/pixel.png'><link rel=stylesheet href='https://evil.example/a.css'>"
    "<style>body{background:url(https://evil.example/b.png)}@import 'https://evil.example/c.css';"
    "@font-face{font-family:f;src:url(https://evil.example/f.woff)}p{font-family:f}</style>"
    "<p>words</p><meta http-equiv=refresh content='0;url=https://evil.example/refresh'>"
)


@dataclass
class Watched:
    """A tab, what ran in it, and which answers of other hosts reached it."""

    page: Page
    ran: list[Any] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)


@pytest.fixture
def served(make_app: Callable[..., Site]) -> Iterator[tuple[Site, str]]:
    """Serve a site and give the address of its pages."""
    site = make_app()
    site.mail.access_check(lambda _right: True)
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site, f"http://127.0.0.1:{server.server_port}/admin/email"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def watched(browser: Browser, served: tuple[Site, str]) -> Iterator[Watched]:
    """Open a tab in which a script that runs anywhere, and any request elsewhere, is noticed."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    found = Watched(context.new_page())
    context.expose_function("pwned", lambda what=None: found.ran.append(what))
    context.route(f"{EVIL}/**", lambda route: route.fulfill(body="evil"))
    context.on("response", lambda got: found.answered.add(got.url))
    yield found
    context.close()


def send(site: Site, html: str, subject: str = "x") -> int:
    """Queue a message whose HTML, text, subject and file name are hostile."""
    message = Message("x", ["grace@example.com"], body=html, html=html, sender="app@example.com")
    message.attach("x.html", "text/html", html.encode())
    with site.app.app_context():
        number: int = site.mail.send(message).id
        state = site.app.extensions["smtpadmin"]
        table = state.models.table("Message")
        values = {"subject": subject[:255], "error": subject[:512], "sender": subject}
        with state.database.write() as connection:
            connection.execute(sa.update(table).where(table.c.id == number).values(values))
    return number


def test_no_payload_runs(served: tuple[Site, str], watched: Watched) -> None:
    """Each payload in subject, error, sender and HTML: on the tabs, in the frame, alone, listed."""
    site, office = served
    numbers = [send(site, payload, payload) for payload in PAYLOADS]
    for number in numbers:
        watched.page.goto(f"{office}/messages/{number}?tab=preview", wait_until="load")
        assert watched.page.frames[1].url == f"{office}/messages/{number}/html"
    for number in numbers[::6]:
        watched.page.goto(f"{office}/messages/{number}/html")
    for tab in ("", "text", "source", "attachments"):
        watched.page.goto(f"{office}/messages/{numbers[0]}?tab={tab}")
    for path in ("/", "/messages?per_page=100", f"/messages/{numbers[0]}/source"):
        watched.page.goto(office + path)
    watched.page.wait_for_timeout(300)
    assert watched.ran == []
    assert [url for url in watched.answered if url.startswith(EVIL)] == []


@pytest.mark.parametrize("javascript", [True, False])
def test_the_frame_loads_nothing_and_leads_nowhere(
    browser: Browser, served: tuple[Site, str], *, javascript: bool
) -> None:
    """Links, forms, refresh, pictures, styles and fonts: no answer of another host gets in."""
    site, office = served
    context = browser.new_context(java_script_enabled=javascript)
    page, answered = context.new_page(), []
    context.route(f"{EVIL}/**", lambda route: route.fulfill(body="evil"))
    context.on("response", lambda got: answered.append(got.url))
    address = f"{office}/messages/{send(site, AWAY)}?tab=preview"
    page.goto(address)
    frame = page.frame_locator("iframe.sa-preview")
    for name in ("#top", "#self", "#new", "#form button"):
        frame.locator(name).click(no_wait_after=True)
        page.wait_for_timeout(150)
        assert page.url == address
        page.goto(address)
    assert [url for url in answered if url.startswith(EVIL)] == []
    assert len(context.pages) == 1
    context.close()


def test_pictures_load_once_they_are_asked_for(served: tuple[Site, str], watched: Watched) -> None:
    """Asked for, pictures come by https; styles, fonts and frames still do not."""
    site, office = served
    watched.page.goto(f"{office}/messages/{send(site, AWAY)}?tab=preview")
    with watched.page.expect_response(f"{EVIL}/pixel.png"):
        watched.page.click("text=Load them")
    watched.page.wait_for_timeout(500)
    got = {url for url in watched.answered if url.startswith(EVIL)}
    assert got <= {f"{EVIL}/pixel.png", f"{EVIL}/b.png"}
    assert watched.ran == []

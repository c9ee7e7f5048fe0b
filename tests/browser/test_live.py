"""Pages that keep themselves up to date."""

from __future__ import annotations

import gzip
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Request, expect
from support.demo import DemoProcess, Visitor
from support.processes import wait_until
from support.still import ROWS, SAID, is_look, look, nothing_asked, pass_time

pytestmark = pytest.mark.browser

FRESH = "[data-fresh] button"


@pytest.fixture
def admin(demo: DemoProcess) -> Iterator[Visitor]:
    """Let somebody else be signed in, who leaves sending as it was found."""
    visitor = Visitor(demo.at["app"])
    visitor.log_in(demo.at["email"], demo.at["password"])
    yield visitor
    visitor.post(
        f"{demo.at['back_office']}resume", page=visitor.get(f"{demo.at['back_office']}test")
    )


@pytest.fixture
def do(demo: DemoProcess, admin: Visitor) -> Callable[[str], None]:
    """``do("pause")`` presses that button elsewhere."""

    def press(path: str) -> None:
        office = demo.at["back_office"]
        admin.post(f"{office}{path}", page=admin.get(f"{office}test"))

    return press


@pytest.fixture
def sign_up(demo: DemoProcess) -> Callable[..., list[str]]:
    """``sign_up(3)`` lets three mails be written, and returns to whom."""

    def write(count: int = 1) -> list[str]:
        people = [f"live.{uuid4().hex[:8]}@tidepool.example" for _ in range(count)]
        for address in people:
            visitor = Visitor(demo.at["app"])
            visitor.post("/sign-up", name="Eve", email=address, password="a long password")
        return people

    return write


@pytest.fixture
def sent_to(demo: DemoProcess, admin: Visitor, sign_up: Callable[..., list[str]]) -> str:
    """Return to whom a mail was written and, as the pages say, sent."""
    (address,) = sign_up()
    found = f"{demo.at['back_office']}messages?state=sent&q={quote(address)}"
    wait_until(lambda: 'data-state="sent"' in admin.get(found).source, timeout=60, every=0.1)
    return address


@pytest.fixture
def worker_waits(demo: DemoProcess) -> Callable[[], AbstractContextManager[None]]:
    """Hold the worker back as long as a block lasts."""

    @contextmanager
    def hold() -> Iterator[None]:
        worker = demo.at["pids"]["worker"]
        os.killpg(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(worker, signal.SIGCONT)

    return hold


def test_a_row_changes_where_it_is(
    demo: DemoProcess,
    open_page: Callable[..., Page],
    worker_waits: Callable[[], AbstractContextManager[None]],
    sign_up: Callable[..., list[str]],
) -> None:
    """A message that is sent says so without a reload; its tab lets it stay; focus stays, too."""
    page = open_page()
    with worker_waits():
        (address,) = sign_up()
        page.goto(f"{demo.at['back_office']}messages?state=queued&q={address}")
        row = page.locator(ROWS)
        expect(row).to_have_attribute("data-state", "queued")
        page.evaluate("window.kept = document.querySelector('tr[data-message-id]')")
        row.locator("a.sa-row-link").focus()
    expect(page.locator(f"{ROWS}[data-state=sent][data-changed]")).to_have_count(1)
    expect(row).to_contain_text("Sent")
    assert page.evaluate("document.activeElement.closest('tr') === window.kept")
    page.locator("[data-live-refresh]").click()
    expect(page.locator("main")).to_contain_text("No messages match these filters")


def test_new_rows_wait_to_be_shown(
    demo: DemoProcess,
    open_page: Callable[..., Page],
    worker_waits: Callable[[], AbstractContextManager[None]],
    sign_up: Callable[..., list[str]],
) -> None:
    """They are counted, and nothing moves before somebody asks for them."""
    page = open_page(still=True)
    first = page.locator(ROWS).first
    with worker_waits():  # a mail that is being sent brings a tab of its own
        page.goto(f"{demo.at['back_office']}messages")
        top, number = first.bounding_box(), first.get_attribute("data-message-id")
        people = sign_up(3)
        look(page)
        expect(page.locator(FRESH)).to_have_text("Show 3 new")
        assert first.get_attribute("data-message-id") == number
        assert first.bounding_box() == top
    page.locator(FRESH).click()
    expect(page.locator(FRESH)).to_have_count(0)
    for at, address in enumerate(reversed(people)):
        expect(page.locator(f"{ROWS} .sa-to").nth(at)).to_have_text(address)


def test_a_later_page_shows_nothing_new(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """What came after it does not belong there."""
    sign_up(26)
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages")
    page.locator(".sa-pager a").last.click()
    page.wait_for_url(re.compile("cursor="))
    rows = page.locator(ROWS)
    before = rows.count()
    rows.first.evaluate("row => row.remove()")  # as if it had come into this list since
    sign_up(2)
    assert look(page).status == 200
    expect(page.locator(FRESH)).to_have_count(0)
    expect(rows).to_have_count(before - 1)


def test_it_waits_while_messages_are_ticked(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """With a tick nothing is fetched and the page says why; without it goes on at once."""
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages")
    box = page.locator("input[name=ids]").first
    box.check()
    expect(page.locator(SAID)).to_have_text("Paused while messages are ticked")
    expect(page.locator("[data-selected]")).to_have_text("1 selected")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_up()
    nothing_asked(page, asked)
    box.uncheck()  # no time passes any more
    expect(page.locator(FRESH)).to_have_text("Show 1 new")


def test_rows_that_came_later_can_be_ticked(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """The selection knows the new rows, too."""
    page = open_page(still=True)  # no row comes between the ticks and their count
    page.goto(f"{demo.at['back_office']}messages?q=live.")
    people = sign_up(2)
    page.locator("[data-live-refresh]").click()
    for address in people:
        expect(page.locator(ROWS, has_text=address)).to_have_count(1)
    page.locator("[data-select-all]").check()
    count = page.locator(ROWS).count()
    expect(page.locator("[data-selected]")).to_have_text(f"{count} selected")


def test_it_waits_while_nobody_looks(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """A tab in the background asks for nothing; back in front it does at once."""
    page = open_page(still=True)
    page.goto(demo.at["back_office"])
    asked: list[str] = []
    hide = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s })"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(f"{hide % 'true'}; {tell}")
    page.on("request", lambda request: asked.append(request.url))
    nothing_asked(page, asked)
    with page.expect_request(is_look) as looked:  # no time passes any more
        page.evaluate(f"{hide % 'false'}; {tell}")
    answer = looked.value.response()
    assert answer is not None
    assert answer.status in {200, 304}


def test_what_is_open_stays_open(
    demo: DemoProcess, open_page: Callable[..., Page], do: Callable[[str], None]
) -> None:
    """The overview takes over a banner; a table that was folded out stays so, and the place."""
    page = open_page(still=True)
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto(demo.at["back_office"])
    fold = page.locator("[data-chart] details").first
    fold.locator("summary").click()
    page.evaluate("scrollTo(0, 600)")
    do("pause")
    look(page)
    expect(page.locator("[data-banner=paused]")).to_be_attached()
    expect(fold).to_have_attribute("open", "")
    assert page.evaluate("scrollY") >= 600
    do("resume")
    look(page)
    expect(page.locator("[data-banner=paused]")).to_have_count(0)


def test_a_form_in_use_is_left_alone(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """The form for sending again is not touched while it stands open."""
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages?state=sent")
    page.locator("tr[data-message-id] a").first.click()
    page.wait_for_url(re.compile(r"/messages/\d+"))
    fold = page.locator("details:has(form[action$='/resend']) summary")
    fold.click()
    pass_time(page, 1)
    expect(page.locator(SAID)).to_have_text("Paused while a form is in use")
    fold.click()
    pass_time(page, 1)
    expect(page.locator(SAID)).to_contain_text("Updated")


def test_a_server_that_is_away_and_comes_back(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """The page says since when it knows nothing, keeps what it has, and goes on by itself."""
    page = open_page(watched=False, still=True)
    page.goto(f"{demo.at['back_office']}messages")
    rows = page.locator(ROWS).count()
    page.context.set_offline(True)
    pass_time(page, 6)
    expect(page.locator(SAID)).to_have_text(
        re.compile(r"^Not updated since \d+:\d\d.*The app cannot be reached\.$")
    )
    expect(page.locator(ROWS)).to_have_count(rows)
    page.context.set_offline(False)
    pass_time(page, 11)  # it looks half as often for each time that it failed
    expect(page.locator(SAID)).to_contain_text("Updated")


def test_somebody_who_was_signed_out_is_told(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """A redirect to the log-in page is no content; once signed in elsewhere it goes on."""
    page = open_page(watched=False, still=True)
    page.goto(f"{demo.at['back_office']}messages")
    kept = page.context.cookies()
    page.context.clear_cookies()
    pass_time(page, 6)
    expect(page.locator(SAID)).to_contain_text("The app wants you to sign in again.")
    expect(page.locator(ROWS).first).to_be_visible()
    page.context.add_cookies(kept)
    pass_time(page, 11)
    expect(page.locator(SAID)).to_contain_text("Updated")


def test_the_pace_is_remembered(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """Off stays off on every page of this browser, and nothing is fetched."""
    page = open_page(still=True)
    page.goto(demo.at["back_office"])
    page.select_option("[data-live-every]", "0")
    page.goto(f"{demo.at['back_office']}messages")
    expect(page.locator("[data-live-every]")).to_have_value("0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    nothing_asked(page, asked)
    expect(page.locator(SAID)).not_to_have_text("Updated just now")
    page.locator("[data-live-refresh]").click()
    expect(page.locator(SAID)).to_have_text("Updated just now")
    assert len(asked) == 1


def test_nothing_new_touches_nothing(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """After an answer that nothing changed, no node of the list was written to."""
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages?state=cancelled")
    assert look(page).status == 200
    page.evaluate("""() => {
      window.writes = 0;
      const count = (found) => {
        window.writes += found.filter(({ target }) => !target.parentElement?.closest("time")
          && target.localName !== "time").length;
      };
      new MutationObserver(count).observe(document.querySelector("[data-live=list]"),
        { subtree: true, childList: true, characterData: true, attributes: true });
    }""")
    for _ in range(6):  # in a demo that has just begun something may happen yet
        page.evaluate("window.writes = 0")
        status = look(page).status
        if status == 304:
            break
    assert status == 304
    assert page.evaluate("window.writes") == 0


def test_without_script_refresh_is_a_link(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """It opens the page again; what only a script can do is not offered."""
    page = open_page(javascript=False)
    page.goto(f"{demo.at['back_office']}messages?state=sent")
    expect(page.locator("[data-live-every]")).to_be_hidden()
    with page.expect_request(f"{demo.at['back_office']}messages?state=sent"):
        page.locator("[data-live-refresh]").click()
    page.wait_for_url(f"{demo.at['back_office']}messages?state=sent")


def test_a_first_visit_is_light(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """At most nine requests; less than 40 KB where the web server compresses, as most do."""
    page = open_page(still=True)
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))  # noqa: PLW0108 - Playwright marks what it calls
    page.goto(demo.at["back_office"])
    page.wait_for_load_state("networkidle")
    bodies = {request.url: _body(request) for request in asked}
    assert 5 < len(bodies) <= 9, list(bodies)
    assert sum(len(gzip.compress(body)) for body in bodies.values()) < 40_000
    assert sum(map(len, bodies.values())) < 140_000


def _body(request: Request) -> bytes:
    response = request.response()
    return response.body() if response else b""


def test_a_message_that_was_deleted_says_so(
    demo: DemoProcess, open_page: Callable[..., Page], do: Callable[[str], None], sent_to: str
) -> None:
    """Its row stays until the list is shown anew, but can no longer be ticked."""
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages?q={sent_to}")
    row = page.locator(ROWS)
    do(f"messages/{row.get_attribute('data-message-id')}/delete")
    look(page)
    expect(row).to_contain_text("deleted")
    expect(row.locator("[name=ids]")).to_be_disabled()
    page.locator("[data-live-refresh]").click()
    expect(row).to_have_count(0)

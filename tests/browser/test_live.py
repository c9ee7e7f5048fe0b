"""Pages that keep themselves up to date, and the keys."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from support.demo import DemoProcess, Visitor

pytestmark = pytest.mark.browser

SAID = "[data-live-said]"
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
def unwatched(browser: Browser, demo: DemoProcess) -> Iterator[Page]:
    """Sign the admin in on a page that may log what the network does."""
    page = browser.new_context().new_page()
    page.set_default_timeout(30_000)
    sign_in(page, demo)
    yield page
    page.context.close()


def sign_in(page: Page, demo: DemoProcess) -> None:
    """Fill in the log-in form."""
    page.goto(f"{demo.at['app']}log-in")
    page.fill("[name=email]", demo.at["email"])
    page.fill("[name=password]", demo.at["password"])
    page.click("main button[type=submit]")


def test_a_row_changes_where_it_is(
    demo: DemoProcess,
    open_page: Callable[..., Page],
    do: Callable[[str], None],
    sign_up: Callable[..., list[str]],
) -> None:
    """A message that is sent says so without a reload; its tab lets it stay; focus stays, too."""
    page = open_page()
    do("pause")
    page.wait_for_timeout(6000)  # a worker may take five seconds to see it
    (address,) = sign_up()
    page.goto(f"{demo.at['back_office']}messages?state=queued&q={address}")
    row = page.locator("tr[data-message-id]")
    expect(row).to_have_attribute("data-state", "queued")
    page.evaluate("window.kept = document.querySelector('tr[data-message-id]')")
    row.locator("a.sa-row-link").focus()
    do("resume")
    expect(row).to_have_attribute("data-state", "sent")
    expect(row).to_contain_text("Sent")
    expect(row).to_have_attribute("data-changed", "")
    assert page.evaluate("document.activeElement.closest('tr') === window.kept")
    page.locator("[data-live-refresh]").click()
    expect(page.locator("main")).to_contain_text("No messages match these filters")


def test_new_rows_wait_to_be_shown(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """They are counted, and nothing moves before somebody asks for them."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages")
    first = page.locator("tr[data-message-id]").first
    top, number = first.bounding_box(), first.get_attribute("data-message-id")
    people = sign_up(3)
    expect(page.locator(FRESH)).to_have_text("Show 3 new")
    assert first.get_attribute("data-message-id") == number
    assert first.bounding_box() == top
    page.locator(FRESH).click()
    expect(page.locator(FRESH)).to_have_count(0)
    shown = page.locator("tr[data-message-id] .sa-to").all_inner_texts()
    assert shown[:3] == people[::-1]


def test_a_later_page_shows_nothing_new(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """What came after it does not belong there."""
    sign_up(26)
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages")
    page.locator(".sa-pager a").last.click()
    expect(page).to_have_url(re.compile("cursor="))
    rows = page.locator("tr[data-message-id]")
    before = rows.count()
    rows.first.evaluate("row => row.remove()")  # as if it had come into this list since
    sign_up(2)
    with page.expect_response(lambda answer: "cursor=" in answer.url):
        pass
    page.wait_for_timeout(500)
    expect(page.locator(FRESH)).to_have_count(0)
    assert rows.count() == before - 1


def test_it_waits_while_messages_are_ticked(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """With a tick nothing is fetched and the page says why; without it goes on at once."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages")
    box = page.locator("input[name=ids]").first
    box.check()
    expect(page.locator(SAID)).to_have_text("Paused while messages are ticked")
    expect(page.locator("[data-selected]")).to_have_text("1 selected")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_up()
    page.wait_for_timeout(7000)
    assert asked == []
    box.uncheck()
    expect(page.locator(FRESH)).to_have_text("Show 1 new", timeout=4000)


def test_rows_that_came_later_can_be_ticked(
    demo: DemoProcess, open_page: Callable[..., Page], sign_up: Callable[..., list[str]]
) -> None:
    """The selection knows the new rows, too."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages?q=live.")
    people = sign_up(2)
    page.locator("[data-live-refresh]").click()
    for address in people:
        expect(page.locator("tr[data-message-id]", has_text=address)).to_have_count(1)
    page.locator("[data-select-all]").check()
    count = page.locator("tr[data-message-id]").count()
    expect(page.locator("[data-selected]")).to_have_text(f"{count} selected")


def test_it_waits_while_nobody_looks(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """A tab in the background asks for nothing; back in front it does at once."""
    page = open_page()
    page.goto(demo.at["back_office"])
    asked: list[str] = []
    hide = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s })"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(f"{hide % 'true'}; {tell}")
    page.wait_for_load_state("networkidle")  # what was on its way before is no look
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(7000)
    assert asked == []
    with page.expect_response(lambda answer: answer.status in {200, 304}, timeout=2000):
        page.evaluate(f"{hide % 'false'}; {tell}")


def test_what_is_open_stays_open(
    demo: DemoProcess, open_page: Callable[..., Page], do: Callable[[str], None]
) -> None:
    """The overview takes over a banner; a table that was folded out stays so, and the place."""
    page = open_page()
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto(demo.at["back_office"])
    fold = page.locator("[data-chart] details").first
    fold.locator("summary").click()
    page.evaluate("scrollTo(0, 600)")
    do("pause")
    expect(page.locator("[data-banner=paused]")).to_be_attached()
    expect(fold).to_have_attribute("open", "")
    assert page.evaluate("scrollY") >= 600
    do("resume")
    expect(page.locator("[data-banner=paused]")).to_have_count(0)


def test_a_form_in_use_is_left_alone(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """The form for sending again is not touched while it stands open."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages?state=sent")
    page.locator("tr[data-message-id] a").first.click()
    page.locator("details:has(form[action$='/resend']) summary").click()
    expect(page.locator(SAID)).to_have_text("Paused while a form is in use")
    page.locator("details:has(form[action$='/resend']) summary").click()
    expect(page.locator(SAID)).to_contain_text("Updated")


def test_a_server_that_is_away_and_comes_back(demo: DemoProcess, unwatched: Page) -> None:
    """The page says since when it knows nothing, keeps what it has, and goes on by itself."""
    page = unwatched
    page.goto(f"{demo.at['back_office']}messages")
    rows = page.locator("tr[data-message-id]").count()
    page.context.set_offline(True)
    expect(page.locator(SAID)).to_have_text(
        re.compile(r"^Not updated since \d+:\d\d.*The app cannot be reached\.$")
    )
    assert page.locator("tr[data-message-id]").count() == rows
    page.context.set_offline(False)
    expect(page.locator(SAID)).to_contain_text("Updated")


def test_somebody_who_was_signed_out_is_told(demo: DemoProcess, unwatched: Page) -> None:
    """A redirect to the log-in page is no content; once signed in elsewhere it goes on."""
    page = unwatched
    page.goto(f"{demo.at['back_office']}messages")
    kept = page.context.cookies()
    page.context.clear_cookies()
    expect(page.locator(SAID)).to_contain_text("The app wants you to sign in again.")
    expect(page.locator("tr[data-message-id]").first).to_be_visible()
    page.context.add_cookies(kept)
    expect(page.locator(SAID)).to_contain_text("Updated")


def test_the_pace_is_remembered(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """Off stays off on every page of this browser, and nothing is fetched."""
    page = open_page()
    page.goto(demo.at["back_office"])
    page.select_option("[data-live-every]", "0")
    page.goto(f"{demo.at['back_office']}messages")
    expect(page.locator("[data-live-every]")).to_have_value("0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(7000)
    assert asked == []
    page.locator("[data-live-refresh]").click()
    expect(page.locator(SAID)).to_have_text("Updated just now")
    assert len(asked) == 1


def test_nothing_new_touches_nothing(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """After an answer that nothing changed, no node of the list was written to."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages?state=cancelled")
    with page.expect_response(lambda answer: answer.status == 200, timeout=20_000):
        pass
    page.wait_for_timeout(500)
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
        with page.expect_response(lambda answer: "state=cancelled" in answer.url) as looked:
            pass
        page.wait_for_timeout(500)
        if looked.value.status == 304:
            break
    assert looked.value.status == 304
    assert page.evaluate("window.writes") == 0


def test_without_script_refresh_is_a_link(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """It opens the page again; what only a script can do is not offered."""
    page = open_page(javascript=False)
    page.goto(f"{demo.at['back_office']}messages?state=sent")
    expect(page.locator("[data-live-every]")).to_be_hidden()
    page.locator("[data-live-refresh]").click()
    expect(page).to_have_url(f"{demo.at['back_office']}messages?state=sent")


def current_row(page: Page) -> str:
    """Return the number of the row that has the focus."""
    found: str = page.evaluate("document.activeElement.closest('tr')?.dataset.messageId ?? ''")
    return found


def test_keys_walk_through_the_rows(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """With j and k one goes from row to row, Enter opens, r asks anew, / goes to the search."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages")
    rows = page.locator("tr[data-message-id]")
    numbers = [rows.nth(at).get_attribute("data-message-id") for at in range(2)]
    page.keyboard.press("j")
    assert current_row(page) == numbers[0]
    page.keyboard.press("j")
    assert current_row(page) == numbers[1]
    page.keyboard.press("k")
    assert current_row(page) == numbers[0]
    with page.expect_response(lambda answer: answer.url.endswith("/messages"), timeout=3000):
        page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/messages/{numbers[0]}$"))
    page.goto(f"{demo.at['back_office']}messages")
    page.keyboard.press("/")
    page.keyboard.type("jr?")
    expect(page.locator("[data-search]")).to_have_value("jr?")
    expect(page.locator("#sa-keys")).to_be_hidden()
    expect(page.locator(SAID)).to_have_text("Paused while a form is in use")


def test_keys_are_told_and_can_be_switched_off(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """? opens a dialog, and nothing is fetched meanwhile; off is off until it is switched on."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages")
    dialog = page.locator("#sa-keys")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(page.locator(SAID)).to_have_text("Paused while a dialog is open")
    page.locator("[data-keys-on]").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.goto(f"{demo.at['back_office']}messages?state=sent")
    page.keyboard.press("j")
    page.keyboard.press("?")
    assert current_row(page) == ""
    expect(dialog).to_be_hidden()
    page.locator("[data-keys-open] button").click()
    page.locator("[data-keys-on]").check()
    page.locator("#sa-keys button").click()
    page.keyboard.press("j")
    assert current_row(page) != ""


def test_a_first_visit_is_light(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """At most nine requests; less than 40 KB where the web server compresses, as most do."""
    page = open_page()
    page.wait_for_load_state("networkidle")
    bodies: dict[str, bytes] = {}
    page.on("requestfinished", lambda request: bodies.update({request.url: _body(request)}))
    page.goto(demo.at["back_office"])
    page.wait_for_load_state("networkidle")
    assert 5 < len(bodies) <= 9, list(bodies)
    assert sum(len(gzip.compress(body)) for body in bodies.values()) < 40_000
    assert sum(map(len, bodies.values())) < 120_000


def _body(request: Request) -> bytes:
    response = request.response()
    return response.body() if response else b""


def test_a_message_that_was_deleted_says_so(
    demo: DemoProcess,
    open_page: Callable[..., Page],
    do: Callable[[str], None],
    sign_up: Callable[..., list[str]],
) -> None:
    """Its row stays until the list is shown anew, but can no longer be ticked."""
    (address,) = sign_up()
    page = open_page()
    page.goto(f"{demo.at['back_office']}messages?q={address}")
    row = page.locator("tr[data-message-id]")
    expect(row).to_have_attribute("data-state", "sent")
    do(f"messages/{row.get_attribute('data-message-id')}/delete")
    expect(row).to_contain_text("deleted")
    expect(row.locator("[name=ids]")).to_be_disabled()
    page.locator("[data-live-refresh]").click()
    expect(row).to_have_count(0)

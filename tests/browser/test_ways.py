"""The ways to use the pages: by keyboard, without a script, on paper, with large text, at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
)
from support import looks
from support.offices import Offices
from support.requirements import program
from support.still import stand_still
from support.visits import FIRST, Visit

from example_app.demo.camera import CHROMIUM_OPTIONS
from flask_smtpadmin.web import limits

pytestmark = [
    pytest.mark.browser,
    # a browser that moves on leaves the server with files that it was in the midst of sending
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WALK = (Path(__file__).parents[1] / "support" / "walk.js").read_text()
SCREEN: ViewportSize = {"width": 1280, "height": 860}
MOST_BYTES, MOST_REQUESTS = 100_000, 8


@dataclass
class First:
    """A page of an office, opened in a window that has seen nothing before, and what came for it.

    ``sizes`` are the bytes of each answer as they went over the wire.
    """

    visit: Visit
    page: Page
    sizes: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module", params=FIRST, ids=lambda visit: visit.name)
def first(request: pytest.FixtureRequest, browser: Browser, served: Offices) -> Iterator[First]:
    """Open the first visit of each address once for all tests that look at it as it comes."""
    limits.forget()
    context = browser.new_context(viewport=SCREEN, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    found = First(request.param, context.new_page())
    stand_still(found.page)  # what is fetched later does not come with the page
    devtools = context.new_cdp_session(found.page)
    devtools.send("Network.enable")
    devtools.on(
        "Network.loadingFinished",
        lambda event: found.sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    go(found.page, served, found.visit)
    yield found
    context.close()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Keep one window of each kind for the whole module."""
    kept: dict[str, BrowserContext] = {}

    def window(**options: Any) -> BrowserContext:
        name = repr(options)
        if name not in kept:
            kept[name] = browser.new_context(**options)
            kept[name].set_default_timeout(30_000)
        return kept[name]

    yield window
    for context in kept.values():
        context.close()


@pytest.fixture(scope="module")
def large(browser: Browser) -> Iterator[Page]:
    """Open a tab of a Chromium whose reader has chosen text of 32 px, which is twice the usual."""
    options = [*CHROMIUM_OPTIONS, "--blink-settings=defaultFontSize=32"]
    found = browser.browser_type.launch(executable_path=program("chromium"), args=options)
    page = found.new_page(viewport=SCREEN, reduced_motion="reduce")
    page.set_default_timeout(30_000)
    yield page
    found.close()


@pytest.fixture(scope="module")
def readers(contexts: Callable[..., BrowserContext]) -> dict[str, Page]:
    """Open a tab for somebody who reads German, French, or whose browser runs no script."""
    german, french = (
        contexts(viewport=SCREEN, reduced_motion="reduce", locale=locale)
        for locale in ("de-DE", "fr-FR")
    )
    plain = contexts(viewport=SCREEN, java_script_enabled=False)
    return {name: context.new_page() for name, context in
            {"de": german, "fr": french, "plain": plain}.items()}  # fmt: skip


@pytest.fixture
def tab(
    contexts: Callable[..., BrowserContext], watch: Callable[[Page], None]
) -> Iterator[Callable[..., Page]]:
    """``tab(**options)`` opens a tab in a window with these options."""
    pages: list[Page] = []
    limits.forget()

    def begin(*, watched: bool = True, **options: Any) -> Page:
        pages.append(contexts(**options).new_page())
        pages[-1].set_viewport_size({"width": 1280, "height": 860})
        if watched:
            watch(pages[-1])
        return pages[-1]

    yield begin
    for page in pages:
        page.close()


def go(page: Page, served: Offices, visit: Visit) -> None:
    """Bring the tab to a page that needs nothing to be done there."""
    office = served[visit.office]
    page.goto(office.url + visit.path.format_map(office.at))


def leave_frame(page: Page) -> None:
    """Wait until a frame has passed the focus on: it asks another process whether it takes it.

    Who presses Tab as fast as a program does is past it by then, and taken back.
    """
    for _ in range(20):
        if not page.evaluate("document.activeElement.matches('body, iframe')"):
            return
        page.wait_for_timeout(25)


def test_the_focus_comes_to_everything_in_order_and_shows(first: First) -> None:
    """Tab reaches each control once, as they are read, with an outline that nothing covers."""
    page = first.page
    page.evaluate(WALK)
    wanted = page.evaluate("walk.wanted")
    framed = page.locator("iframe").count() > 0
    for _ in range(len(wanted) + 5 * page.locator("[type=date], iframe").count()):
        page.keyboard.press("Tab")  # a date has a stop for each of its parts
        if framed:
            leave_frame(page)
    steps, before = page.evaluate("[walk.steps, walk.before]")
    steps = [step for at, step in enumerate(steps) if not at or step["at"] != steps[at - 1]["at"]]
    steps = steps[: len(wanted)]
    assert [step["name"] for step in steps] == wanted
    for step in steps:
        assert step["look"] != before[step["at"]], f"no outline: {step['name']}"
        assert not step["look"].startswith("none"), f"no outline: {step['name']}"
        assert not step["covered"], f"covered: {step['name']}"


def test_the_first_tab_leads_past_the_navigation(tab: Callable[..., Page], served: Offices) -> None:
    """Skip to content; the next Tab is in the content."""
    page = tab()
    page.goto(f"{served['busy'].url}/messages")
    page.keyboard.press("Tab")
    expect(page.locator(".sa-skip")).to_be_focused()
    expect(page.locator(".sa-skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#sa-main:focus")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator("#sa-main :focus")).to_have_count(1)


def test_escape_closes_what_was_opened(tab: Callable[..., Page], served: Offices) -> None:
    """The menu gives the focus back to its button; the list of keys closes, too."""
    page = tab()
    page.goto(f"{served['busy'].url}/messages")
    menu = page.locator(".sa-menu > summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sa-menu-list")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".sa-menu-list")).not_to_be_visible()
    expect(menu).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).not_to_be_visible()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"Tab never comes to {selector}")


def test_a_dead_letter_is_found_and_retried_by_keyboard(
    tab: Callable[..., Page], served: Offices
) -> None:
    """From the overview to the list, to the message, to its button, with Tab and Enter alone."""
    office = served["changed"].office
    number = office.add("dead", subject="By keyboard", cause="recipient_unknown", error="550 no")
    page = tab()
    page.goto(f"{served['changed'].url}/")
    tab_to(page, ".sa-nav a[href$='state=dead']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/messages?state=dead")
    tab_to(page, f"[data-message-id='{number}'] .sa-row-link")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/messages/{number}**")
    tab_to(page, f"form[action$='/{number}/retry'] button")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-message-id='{number}'][data-state=queued]")).to_have_count(1)
    assert office.state_of(number) == "queued"


def test_each_page_says_the_same_without_a_script(
    first: First, served: Offices, readers: dict[str, Page]
) -> None:
    """The heading and all that follows it; nothing is there only for a script to show."""
    page, plain = first.page, readers["plain"]
    heard: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        heard.append(message.text)

    plain.on("console", hear)
    go(plain, served, first.visit)
    plain.remove_listener("console", hear)
    assert plain.locator("h1").all_inner_texts() == page.locator("h1").all_inner_texts() != []
    said = [set(one.locator("#sa-main h2, #sa-main th, #sa-main dt").all_inner_texts())
            for one in (page, plain)]  # fmt: skip
    assert said[0] == said[1]
    assert [text for text in heard if "Content Security Policy" in text] == [
        text for text in heard if "far.example" in text
    ]


def test_messages_are_filtered_and_retried_without_a_script(
    tab: Callable[..., Page], served: Offices
) -> None:
    """Search, tick, choose, confirm, and the result of it."""
    office = served["changed"].office
    number = office.add("dead", subject="Without a script", to="plain@example.net")
    page = tab(java_script_enabled=False)
    page.goto(f"{served['changed'].url}/messages")
    page.fill("[name=q]", "to:plain@example.net")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=to**")
    expect(page.locator("[data-message-id]")).to_have_count(1)
    page.check(f"[name=ids][value='{number}']")
    page.click("button[name=action][value=delete]")
    expect(page.locator("h1")).to_contain_text("Delete")
    page.click("main form a.sa-button")
    page.check(f"[name=ids][value='{number}']")
    page.click("button[name=action][value=retry]")
    expect(page.locator(".sa-banner", has_text="1 queued")).to_be_visible()
    assert office.state_of(number) == "queued"


def test_a_server_is_saved_and_tested_without_a_script(
    tab: Callable[..., Page], served: Offices
) -> None:
    """A wrong port is explained where it stands; a good one is saved; the test shows each step."""
    page = tab(watched=False, java_script_enabled=False)
    page.goto(f"{served['changed'].url}/servers/new?preset=custom")
    page.fill("[name=key]", "plain")
    page.fill("[name=host]", "127.0.0.1")
    page.fill("[name=port]", "99999")
    page.click("form[data-server-form] button[type=submit]:not([formaction])")
    expect(page.locator("[name=port]")).to_have_attribute("aria-invalid", "true")
    page.fill("[name=port]", "1")
    page.click("form[data-server-form] button[formaction]")
    expect(page.locator("[data-step=connect]").first).to_have_attribute("data-state", "failed")
    page.click("form[data-server-form] button[type=submit]:not([formaction])")
    expect(page.locator(".sa-banner", has_text="Saved")).to_be_visible()
    page.goto(f"{served['changed'].url}/servers/plain")
    expect(page.locator("[name=port]")).to_have_value("1")


PAPER = """() => [...document.querySelectorAll("#sa-main *")].filter((part) => {
  const words = [...part.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!words || !part.checkVisibility() || part.closest("template")) return false;
  const dark = getComputedStyle(part).color.match(/[\\d.]+/g).slice(0, 3).every((n) => n <= 90);
  let ground = part;
  while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
  const white = !ground || getComputedStyle(ground).backgroundColor === "rgb(255, 255, 255)";
  return !(dark && white);
}).map((part) => part.outerHTML.slice(0, 160))"""  # noqa: E501 - JavaScript


def test_paper_shows_black_on_white_and_nothing_to_press(first: First) -> None:
    """In the dark scheme, too: no navigation, no buttons, no ink wasted on a ground."""
    page = first.page
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 720, "height": 1000})
    for part in (".sa-top", ".sa-nav", ".sa-button", ".sa-skip", ".sa-filter", ".sa-tabs"):
        assert page.locator(f"{part}:visible").count() == 0, part
    if first.visit.office != "embedded":
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
    assert page.evaluate(PAPER) == []
    assert page.evaluate(looks.FLAWS) == []


def test_a_first_visit_is_small(first: First) -> None:
    """Less than 100 KB and at most 7 requests over the wire, with nothing kept from before."""
    first.page.wait_for_timeout(100)  # the favicon comes after all else
    assert 0 < len(first.sizes) < MOST_REQUESTS, first.sizes
    assert sum(first.sizes.values()) < MOST_BYTES, first.sizes


@pytest.mark.parametrize("visit", FIRST, ids=lambda visit: visit.name)
def test_text_of_twice_the_size_fits(large: Page, served: Offices, visit: Visit) -> None:
    """Whoever has chosen 32 px in the browser gets that, and no page scrolls sideways for it."""
    go(large, served, visit)
    size = large.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
    assert size == 40
    assert large.evaluate(looks.FLAWS) == []


@pytest.mark.parametrize("visit", FIRST, ids=lambda visit: visit.name)
def test_longer_words_of_other_languages_fit(
    readers: dict[str, Page], served: Offices, visit: Visit
) -> None:
    """German and French, where there is least room."""
    for locale in ("de", "fr"):
        page = readers[locale]
        go(page, served, visit)
        expect(page.locator("html")).to_have_attribute("lang", locale)
        page.evaluate(looks.UNFOLD)
        for width in (320, 1024, 1280):
            page.set_viewport_size({"width": width, "height": 860})
            assert page.evaluate(looks.FLAWS) == [], f"{locale}, {width} px"


MOVES = """() => [...document.querySelectorAll("*")].filter((part) => {
  const how = getComputedStyle(part);
  return how.animationName !== "none" || how.transitionDuration.split(", ").some((s) => s !== "0s");
}).length"""


def test_nothing_moves_for_those_who_ask_for_that(
    tab: Callable[..., Page], served: Offices
) -> None:
    """What pulses or glides otherwise stands still with prefers-reduced-motion."""
    shop = served["busy"]
    for path in ("/", f"/messages/{shop.at['states']['sending']}", f"/test/{shop.at['check']}"):
        page = tab(watched=False)
        for motion, some in (("no-preference", True), ("reduce", False)):
            page.emulate_media(reduced_motion=motion)
            page.goto(shop.url + path)
            assert bool(page.evaluate(MOVES)) is some, path

"""A running demo and a headless Chromium that fails the test on any console error."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from support.demo import DemoProcess
from support.requirements import program, require

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

#: a shared machine stalls now and then; what is not true after this is wrong
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """Run the demo for this module."""
    process = DemoProcess(tmp_path_factory.mktemp("demo"))
    try:
        yield process.wait_until_ready()
    finally:
        process.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium for this module."""
    require("chromium")
    with sync_playwright() as playwright:
        path = program("chromium", "chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, demo: DemoProcess) -> Iterator[Callable[..., Page]]:
    """``open_page(javascript=True)`` returns a tab in which the admin is signed in.

    Violations of the content policy, failed requests and script errors fail the test at its end.
    """
    pages: list[Page] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.text} ({message.location.get('url')})")

    def note_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before it came
            complaints.append(f"{request.failure}: {request.url}")

    def begin(*, javascript: bool = True) -> Page:
        context = browser.new_context(java_script_enabled=javascript)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("requestfailed", note_failure)
        page.goto(f"{demo.at['app']}log-in")
        page.fill("[name=email]", demo.at["email"])
        page.fill("[name=password]", demo.at["password"])
        page.click("main button[type=submit]")
        pages.append(page)
        return page

    yield begin
    for page in pages:
        page.context.close()
    assert not complaints, "\n".join(complaints)

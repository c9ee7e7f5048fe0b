"""A running demo and a headless Chromium that fails the test on any console error.

Both last for all tests here that a process runs one after the other, which leave them as they were
found; longer they cannot: while a browser runs, nobody else may use asyncio in this thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, StorageState, expect
from support.demo import DemoProcess
from support.offices import Offices, offices
from support.requirements import require
from support.still import stand_still

from example_app.demo.camera import chromium

#: a shared machine stalls now and then; what is not true after this is wrong
expect.set_options(timeout=30_000)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """Run the demo."""
    process = DemoProcess(tmp_path_factory.mktemp("demo"))
    try:
        yield process.wait_until_ready()
    finally:
        process.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    require("chromium")
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    """Serve the back offices that the visits go to; whoever changes one takes "changed"."""
    with offices(tmp_path_factory.mktemp("offices")) as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Callable[[Page], None]]:
    """Let violations of the content policy, failed requests and script errors fail the test."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.text} ({message.location.get('url')})")

    def note_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before it came
            complaints.append(f"{request.failure}: {request.url}")

    def begin(page: Page) -> None:
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("requestfailed", note_failure)

    yield begin
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="package")
def signed_in(browser: Browser, demo: DemoProcess) -> StorageState:
    """Sign the admin in once, and return what the browser keeps of that."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{demo.at['app']}log-in")
    page.fill("[name=email]", demo.at["email"])
    page.fill("[name=password]", demo.at["password"])
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: not address.endswith("/log-in"))
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_page(
    browser: Browser, signed_in: StorageState, watch: Callable[[Page], None]
) -> Iterator[Callable[..., Page]]:
    """``open_page(javascript=True)`` returns a watched tab in which the admin is signed in.

    With ``watched=False`` the network may fail. With ``still=True`` no time passes on its pages
    until the test says so (``pass_time``).
    """
    pages: list[Page] = []

    def begin(*, javascript: bool = True, watched: bool = True, still: bool = False) -> Page:
        context = browser.new_context(java_script_enabled=javascript, storage_state=signed_in)
        context.set_default_timeout(30_000)
        page = context.new_page()
        if watched:
            watch(page)
        if still:
            stand_still(page)
        pages.append(page)
        return page

    yield begin
    for page in pages:
        page.context.close()

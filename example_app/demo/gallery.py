"""Pictures of every page: ``python -m example_app.demo.gallery FOLDER``.

Runs the demo, opens each page in a headless Chromium (Playwright) and writes it light, dark and
on a narrow screen: ``overview-light.png``, ``overview-dark.png``, ``overview-390.png`` ...
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
from playwright.sync_api import Browser, Page, sync_playwright

from example_app.demo.signals import Presses
from example_app.demo.supervisor import Demo, Running, free_port

CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
#: bars that stay where the screen ends would lie across a picture of the whole page
UNFIX = """() => {
  for (const bar of document.querySelectorAll(".sa-nav, .sa-top")) bar.style.position = "static";
  scrollTo(0, 0);
}"""
#: until the seeded mails have been delivered, refused and put off
SETTLED_AFTER = 4.0  # seconds


@dataclass(frozen=True, slots=True)
class Look:
    """One way to see a page; lengths in CSS pixels."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    height: int


LOOKS = (
    Look("light", "light", 1280, 860),
    Look("dark", "dark", 1280, 860),
    Look("390", "light", 390, 844),
    Look("390-dark", "dark", 390, 844),
)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", metavar="WORD", default="", help="Only pages whose name contains WORD.")
def main(folder: Path, only: str) -> None:
    """Write a picture of every page of the demo to FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    with _running_demo() as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS
        )
        pages = {name: at for name, at in _pages(browser, running).items() if only in name}
        for look in LOOKS:
            _take_all(browser, running, look, pages, folder)
        browser.close()


@contextmanager
def _running_demo() -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="tidepool-") as folder:
        presses = Presses()
        presses.listen()
        demo = Demo(Path(folder), free_port(), presses=presses, say=click.echo)
        try:
            running = demo.start()
            time.sleep(SETTLED_AFTER)
            yield running
        finally:
            demo.stop()


def _take_all(
    browser: Browser, running: Running, look: Look, pages: dict[str, str], folder: Path
) -> None:
    page = _signed_in(browser, running, look)
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        path = folder / f"{name}-{look.name}.png"
        _take(page, path)
    if "test" in pages:
        _run_a_test(page, running)
        _take(page, folder / f"test-ran-{look.name}.png")
    page.context.close()


def _take(page: Page, path: Path) -> None:
    page.evaluate(UNFIX)
    page.screenshot(path=path, full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    click.echo(f"{path}{'  WIDER THAN THE SCREEN' if wide else ''}")


def _run_a_test(page: Page, running: Running) -> None:
    page.goto(f"{running.back_office}test")
    page.click("main button[type=submit]")
    page.wait_for_selector("[data-step=message][data-state=ok]")


def _signed_in(browser: Browser, running: Running, look: Look) -> Page:
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height}, color_scheme=look.scheme
    )
    page = context.new_page()
    page.goto(f"{running.app}log-in")
    page.fill("[name=email]", running.email)
    page.fill("[name=password]", running.password)
    page.click("main button[type=submit]")
    return page


def _pages(browser: Browser, running: Running) -> dict[str, str]:
    """Return name -> address of what there is to see."""
    office = running.back_office
    page = _signed_in(browser, running, LOOKS[0])
    pages = {
        "app": running.app,
        "app-workspace": f"{running.app}workspaces/1",
        "inbox": running.inbox,
        "inbox-mail": f"{running.inbox}mails/1",
        "overview": office,
        "settings": f"{office}settings",
        "servers": f"{office}servers",
        "server": f"{office}servers/default",
        "server-silent": f"{office}servers/silent",
        "server-new": f"{office}servers/new",
        "server-new-gmail": f"{office}servers/new?preset=gmail",
        "deliverability": f"{office}deliverability",
        "test": f"{office}test",
        "messages": f"{office}messages",
        "messages-empty": f"{office}messages?q=there+is+no+such+mail",
        "not-found": f"{office}no-such-page",
    }
    for state in ("sent", "dead", "retrying", "partial", "scheduled", "queued", "cancelled"):
        page.goto(f"{office}messages?state={state}")
        first = page.locator("[data-message-id]").first
        if first.count():
            pages[f"message-{state}"] = f"{office}messages/{first.get_attribute('data-message-id')}"
    page.context.close()
    return pages


if __name__ == "__main__":
    main()

"""What pictures of the demo take: a running demo, a headless Chromium, somebody signed in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click
from playwright.sync_api import Browser, Page, sync_playwright

from example_app.demo.signals import Presses
from example_app.demo.supervisor import Demo, Running, free_port, scrub_environment

CHROMIUM_OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
#: bars that stay where the screen ends would lie across a picture of the whole page; where this
#: machine asks for names is its own affair
UNFIX: Final = """() => {
  for (const bar of document.querySelectorAll(".sa-nav, .sa-top")) bar.style.position = "static";
  for (const facts of document.querySelectorAll(".sa-report-facts")) {
    facts.textContent = facts.textContent.replace(/(name servers) [^·]*/, "$1 192.0.2.53 ");
  }
  scrollTo(0, 0);
}"""
#: where an element begins, and what to show of the page from there to the end of its content
TOP: Final = "part => Math.round(part.getBoundingClientRect().top + scrollY)"
REST: Final = """top => {
  const ends = [...document.querySelectorAll("main *, .sa-nav > *")]
    .map((part) => part.getBoundingClientRect())
    .filter((box) => box.height > 0)
    .map((box) => box.bottom + scrollY);
  const end = ends.length ? Math.max(...ends) + 40 : document.documentElement.scrollHeight;
  return { x: 0, y: top, width: innerWidth, height: Math.round(end) - top };
}"""


@dataclass(frozen=True, slots=True)
class Look:
    """One way to see a page; lengths in CSS pixels."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    height: int


LOOKS: Final = (
    Look("light", "light", 1280, 860),
    Look("dark", "dark", 1280, 860),
    Look("390", "light", 390, 844),
    Look("390-dark", "dark", 390, 844),
)


@contextmanager
def running_demo(kind: type[Demo]) -> Iterator[Running]:
    """Run the demo, or another beginning of it, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="tidepool-") as folder:
        presses = Presses()
        presses.listen()
        scrub_environment()
        demo = kind(Path(folder), free_port(), presses=presses, say=click.echo)
        try:
            yield demo.start()
        finally:
            demo.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium: the one on the path, else Playwright's own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def signed_in(browser: Browser, running: Running, look: Look) -> Page:
    """Return a tab in which the admin is signed in."""
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height}, color_scheme=look.scheme
    )
    page = context.new_page()
    page.goto(f"{running.app}log-in")
    page.fill("[name=email]", running.email)
    page.fill("[name=password]", running.password)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: not address.endswith("/log-in"))
    return page


def take(page: Page, path: Path, *, below: str = "") -> None:
    """Write a picture of the whole page, and say so when it is wider than the screen.

    ``below`` is a selector: the picture begins at that part of the page.
    """
    page.wait_for_load_state()
    page.evaluate(UNFIX)
    top = page.locator(below).evaluate(TOP) if below else 0
    page.screenshot(path=path, full_page=True, clip=page.evaluate(REST, top))
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    click.echo(f"{path}{'  WIDER THAN THE SCREEN' if wide else ''}")

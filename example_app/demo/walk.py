"""From nothing to a mail that was sent, as pictures: ``python -m example_app.demo.walk FOLDER``.

Runs the demo as it is on its first day, with a mail provider on this machine, and drives the
pages as a person would: ``walk-1-first-visit.png``, ``walk-2-address.png`` ...
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import click
from playwright.sync_api import Page, expect

from example_app.demo.camera import LOOKS, chromium, running_demo, signed_in, take
from example_app.demo.first_visit import FirstVisit
from example_app.demo.provider import MAILBOX, PASSWORD
from example_app.demo.supervisor import Running

WAIT = 45_000  # milliseconds
STEPS = 13


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--look", type=click.Choice([look.name for look in LOOKS]), default="light")
def main(folder: Path, look: str) -> None:
    """Write a picture of each station of a first visit to FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = itertools.count(1)
    (chosen,) = (item for item in LOOKS if item.name == look)
    with running_demo(FirstVisit) as running, chromium() as browser:
        page = signed_in(browser, running, chosen)

        def arrived(name: str) -> None:
            path = folder / f"walk-{next(numbers)}-{name}.png"
            take(page, path, below=".sa-try" if name == "tested" else "")

        seconds = walk(page, running, arrived)
        page.context.close()
    click.echo(f"{seconds:.1f} s from the first click to the mail that was sent.")


def walk(page: Page, running: Running, arrived: Callable[[str], None]) -> float:
    """Set a mail server up; return the seconds since the first click.

    ``arrived`` is called with the name of each station.
    """

    def whole(name: str) -> None:
        page.wait_for_load_state()
        arrived(name)

    page.set_default_timeout(WAIT)
    page.goto(running.back_office)
    whole("first-visit")
    started = time.perf_counter()
    _find(page, whole)
    _set_up(page, whole)
    _send(page, running, whole)
    return time.perf_counter() - started


def _find(page: Page, arrived: Callable[[str], None]) -> None:
    page.get_by_role("main").get_by_role("link", name="Find my settings").click()
    page.wait_for_url("**/servers/find")
    page.fill("[name=address]", MAILBOX)
    arrived("address")
    page.get_by_role("button", name="Find settings").click()
    page.wait_for_selector("[data-finding]")
    arrived("settings-found")
    page.get_by_role("button", name="Use these settings").click()


def _set_up(page: Page, arrived: Callable[[str], None]) -> None:
    page.wait_for_selector("[name=password]")
    page.wait_for_load_state()  # its script must have seen the form before it is filled in
    page.fill("[name=password]", PASSWORD)
    arrived("filled-in")
    page.get_by_role("button", name="Test these settings").click()
    page.wait_for_selector("[data-report][data-ok=true]")
    arrived("tested")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_selector(".sa-banner >> text=Saved.")


def _send(page: Page, running: Running, arrived: Callable[[str], None]) -> None:
    page.get_by_role("link", name="Test through queue and worker").click()
    page.wait_for_url("**/test**")
    page.get_by_role("button", name="Run the test").click()
    expect(page.locator("[data-step][data-state=ok]")).to_have_count(STEPS, timeout=WAIT)
    page.wait_for_selector("[data-report][data-ok=true]")
    arrived("test-green")
    page.goto(f"{running.back_office}messages")
    page.wait_for_selector("[data-state=sent] >> text=Welcome to Tidepool")
    arrived("sent")


if __name__ == "__main__":
    main()

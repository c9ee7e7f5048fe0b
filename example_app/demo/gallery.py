"""Pictures of every page: ``python -m example_app.demo.gallery FOLDER``.

Runs the demo, opens each page in a headless Chromium (Playwright) and writes it light, dark and
on a narrow screen: ``overview-light.png``, ``overview-dark.png``, ``overview-390.png`` ...
"""

from __future__ import annotations

import time
from pathlib import Path

import click
from playwright.sync_api import Browser, Page

from example_app.demo.camera import LOOKS, Look, chromium, running_demo, signed_in, take
from example_app.demo.supervisor import Demo, Running

#: until the seeded mails have been delivered, refused and put off
SETTLED_AFTER = 4.0  # seconds


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", metavar="WORD", default="", help="Only pages whose name contains WORD.")
def main(folder: Path, only: str) -> None:
    """Write a picture of every page of the demo to FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_demo(Demo) as running, chromium() as browser:
        time.sleep(SETTLED_AFTER)
        pages = {name: at for name, at in _pages(browser, running).items() if only in name}
        for look in LOOKS:
            _take_all(browser, running, look, pages, folder)


def _take_all(
    browser: Browser, running: Running, look: Look, pages: dict[str, str], folder: Path
) -> None:
    page = signed_in(browser, running, look)
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        path = folder / f"{name}-{look.name}.png"
        take(page, path)
    if "test" in pages:
        _run_a_test(page, running)
        take(page, folder / f"test-ran-{look.name}.png")
    page.context.close()


def _run_a_test(page: Page, running: Running) -> None:
    page.goto(f"{running.back_office}test")
    page.click("main button[type=submit]")
    page.wait_for_selector("[data-step=message][data-state=ok]")


def _pages(browser: Browser, running: Running) -> dict[str, str]:
    """Return name -> address of what there is to see."""
    office = running.back_office
    page = signed_in(browser, running, LOOKS[0])
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

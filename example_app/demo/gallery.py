"""Pictures of every page: ``python -m example_app.demo.gallery FOLDER``.

Runs the demo, opens each page in a headless Chromium (Playwright) and writes it light, dark and
on a narrow screen: ``overview-light.png``, ``overview-dark.png``, ``overview-390.png`` ...
Then the style guide, part by part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from playwright.sync_api import Browser, Page

from example_app.demo import style_guide
from example_app.demo.camera import LOOKS, Look, chromium, running_demo, signed_in, take
from example_app.demo.supervisor import Demo, Running

#: until the seeded mails have been delivered, refused and put off
SETTLED_AFTER: Final = 4.0  # seconds
#: A name of a picture -> a page's address below the back office's.
_PAGES: Final = {
    "overview": "",
    "settings": "settings",
    "servers": "servers",
    "server": "servers/default",
    "server-silent": "servers/silent",
    "server-delete": "servers/silent/delete",
    "server-new": "servers/new",
    "server-new-gmail": "servers/new?preset=gmail",
    "find": "servers/find",
    "deliverability": "deliverability",
    "test": "test",
    "messages": "messages",
    "messages-dead": "messages?state=dead",
    "messages-search": "messages?q=to:tidepool.example+subject:welcome",
    "messages-empty": "messages?q=zebra",
    "types": "types",
    "type": "types/welcome",
    "type-footer": "types/@footer",
    "activity": "activity",
    "audit": "audit",
    "not-found": "no-such-page",
}
#: The first link of a list: a name of a picture -> the list, and what the link is.
_LINKS: Final = {
    **{
        f"message-{state}": (f"messages?state={state}", "[data-message-id] a.sa-row-link")
        for state in ("sent", "dead", "retrying", "partial", "scheduled", "queued", "cancelled")
    },
    "failure": ("", "a[href*='/failures/']"),
    "activity-session": ("activity", "td a.sa-row-link"),
}


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", metavar="WORD", default="", help="Only pages whose name contains WORD.")
def main(folder: Path, only: str) -> None:
    """Write a picture of every page of the demo, and of the style guide, to FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        with running_demo(Demo) as running:
            time.sleep(SETTLED_AFTER)
            pages = {name: at for name, at in _pages(browser, running).items() if only in name}
            steps = {name: step for name, step in _STEPS.items() if only in name}
            for look in LOOKS:
                page = signed_in(browser, running, look)
                for name, address in pages.items():
                    page.goto(address)
                    page.wait_for_load_state("networkidle")
                    take(page, folder / f"{name}-{look.name}.png")
                for name, step in steps.items():
                    step(page, running.back_office)
                    take(page, folder / f"{name}-{look.name}.png")
                page.context.close()
        if only in "style-guide":
            _take_guide(browser, folder)


def _take_guide(browser: Browser, folder: Path) -> None:
    file = folder / "style-guide.html"
    file.write_text(style_guide.render(), encoding="utf-8")
    for look in LOOKS:
        page = _opened(browser, file, look)
        for part in style_guide.PARTS:
            path = folder / f"style-guide-{part}-{look.name}.png"
            page.locator(f"#{part}").screenshot(path=path)
            click.echo(path)
        page.context.close()


def _opened(browser: Browser, file: Path, look: Look) -> Page:
    size = {"width": min(look.width, 1080), "height": look.height}
    page = browser.new_context(viewport=size, color_scheme=look.scheme).new_page()  # type: ignore[arg-type]  # a dict
    page.goto(file.absolute().as_uri())
    return page


def _run_a_test(page: Page, office: str) -> None:
    page.goto(f"{office}test")
    page.click("main button[type=submit]")
    page.wait_for_selector("[data-step=sent][data-state=ok]")


def _run_a_test_that_fails(page: Page, office: str) -> None:
    page.goto(f"{office}test")
    page.select_option("[name=server]", "silent")
    page.check("[name=scenario][value=direct]")
    page.click("main button[type=submit]")
    page.wait_for_selector("[data-step=greeting][data-state=failed]")


def _tick(page: Page, office: str) -> None:
    page.goto(f"{office}messages")
    page.check("[data-select-all=bulk]")


def _ask(page: Page, office: str) -> None:
    _tick(page, office)
    page.click("[form=bulk][value=delete], #bulk [value=delete]")
    page.wait_for_selector("[data-confirm]")


_STEPS: Final[dict[str, Callable[[Page, str], None]]] = {
    "test-ran": _run_a_test,
    "test-failed": _run_a_test_that_fails,
    "messages-ticked": _tick,
    "confirm": _ask,
}


def _pages(browser: Browser, running: Running) -> dict[str, str]:
    """Return name -> address of what there is to see."""
    office = running.back_office
    page = signed_in(browser, running, LOOKS[0])
    pages = {
        "app": running.app,
        "app-workspace": f"{running.app}workspaces/1",
        "app-account": f"{running.app}account",
        "inbox": running.inbox,
        "inbox-mail": f"{running.inbox}mails/1",
        **{name: office + path for name, path in _PAGES.items()},
    }
    for name, (path, link) in _LINKS.items():
        page.goto(office + path)
        first = page.locator(link).first
        if first.count():
            pages[name] = first.evaluate("link => link.href")
    page.context.close()
    return pages


if __name__ == "__main__":
    main()

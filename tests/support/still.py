"""Pages on which no time passes but what a test lets pass: ``open_page(still=True)``."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page, Request, Response, expect

SAID: Final = "[data-live-said]"
ROWS: Final = "tr[data-message-id]"


def stand_still(page: Page) -> None:
    """Let time stop on all pages that come into this tab."""
    page.clock.install(time=0)
    page.clock.pause_at(1)


def is_look(request: Request) -> bool:
    """Tell a page that looks for what is new from one that is opened."""
    return "smtpadmin-live" in request.headers


def pass_time(page: Page, seconds: int) -> None:
    """Let time pass on a still page, with all that its clock starts."""
    page.clock.run_for(seconds * 1000)


def look(page: Page) -> Response:
    """Let a still page look for what is new, and return the answer once it has taken it over."""
    pass_time(page, 2)
    expect(page.locator(SAID)).not_to_have_text("Updated just now")
    with page.expect_request(is_look) as asked:
        pass_time(page, 4)
    expect(page.locator(SAID)).to_have_text("Updated just now")
    answer = asked.value.response()
    assert answer is not None
    return answer


def nothing_asked(page: Page, asked: list[str]) -> None:
    """Let far more time pass than lies between two looks; none may happen."""
    pass_time(page, 60)
    page.wait_for_timeout(200)  # the browser would tell by now
    assert asked == []

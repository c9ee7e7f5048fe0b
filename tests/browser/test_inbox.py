"""The inbox of caught mail in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support.offices import Offices
from support.still import ROWS, look

from flask_smtpadmin import Message

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a tab on which no time passes by itself.

    Nobody watches for complaints: the clock's own script is kept out of the frame of the message.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.clock.install()
    yield tab
    context.close()


def test_new_mail_shows_up_and_is_opened_and_released(served: Offices, page: Page) -> None:
    """It comes to the top by itself; the frame takes two widths; the way out asks first."""
    office = served["caught"]
    page.goto(f"{office.url}/inbox")
    before = page.locator(ROWS).count()
    html = "<p>Rich words <a href='https://shop.example/reset'>Reset</a></p>"
    with office.office.app.app_context():
        message = Message("Fresh", ["new@example.com"], html=html, sender="app@example.com")
        number = office.office.mail.send(message).id
    look(page)
    expect(page.locator(ROWS)).to_have_count(before + 1)
    expect(page.locator(ROWS).first.locator("a")).to_have_text("Fresh")
    page.locator(ROWS).first.locator("a").click()
    frame = page.locator("iframe.sa-preview")
    expect(frame.content_frame.get_by_text("Rich words")).to_be_visible()
    expect(frame).not_to_have_css("max-width", "390px")
    page.get_by_text("Telephone").click()
    expect(frame).to_have_css("max-width", "390px")
    page.locator("summary", has_text="Release").click()
    expect(page.locator("#release")).to_contain_text("new@example.com")
    page.locator("#release button").click()
    expect(page.locator("[data-message-id][data-state=queued]").first).to_be_visible()
    assert office.office.state_of(number) == "queued"

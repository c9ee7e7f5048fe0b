"""The keys of the pages: a letter alone acts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.demo import DemoProcess
from support.still import ROWS, SAID, pass_time

pytestmark = pytest.mark.browser


def see_current_row(page: Page, number: str | None) -> None:
    """Wait until the focus is in this row."""
    expect(page.locator(f"{ROWS}:focus-within")).to_have_attribute("data-message-id", str(number))


def test_keys_walk_through_the_rows(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """With j and k one goes from row to row, Enter opens, r asks anew, / goes to the search."""
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages")
    rows = page.locator(ROWS)
    numbers = [rows.nth(at).get_attribute("data-message-id") for at in range(2)]
    for key, at in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        see_current_row(page, numbers[at])
    pass_time(page, 2)
    expect(page.locator(SAID)).not_to_have_text("Updated just now")
    page.keyboard.press("r")
    expect(page.locator(SAID)).to_have_text("Updated just now")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/messages/{numbers[0]}$"))
    page.goto(f"{demo.at['back_office']}messages")
    page.keyboard.press("/")
    page.keyboard.type("jr?")
    expect(page.locator("[data-search]")).to_have_value("jr?")
    expect(page.locator("#sa-keys")).to_be_hidden()
    pass_time(page, 1)
    expect(page.locator(SAID)).to_have_text("Paused while a form is in use")


def test_keys_are_told_and_can_be_switched_off(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """? opens a dialog, and nothing is fetched meanwhile; off is off until it is switched on."""
    page = open_page(still=True)
    page.goto(f"{demo.at['back_office']}messages")
    dialog = page.locator("#sa-keys")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    pass_time(page, 1)
    expect(page.locator(SAID)).to_have_text("Paused while a dialog is open")
    page.locator("[data-keys-on]").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.goto(f"{demo.at['back_office']}messages?state=sent")
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(page.locator(f"{ROWS}:focus-within")).to_have_count(0)
    expect(dialog).to_be_hidden()
    page.locator("[data-keys-open] button").click()
    page.locator("[data-keys-on]").check()
    page.locator("#sa-keys button").click()
    expect(dialog).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator(f"{ROWS}:focus-within")).to_have_count(1)

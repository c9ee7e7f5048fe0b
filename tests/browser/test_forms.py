"""Forms of settings: saved when there is something to save, not left by accident."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, expect
from support.demo import DemoProcess

pytestmark = pytest.mark.browser

SAVE = "form[data-server-form] [data-save]"


def test_save_waits_for_a_change_that_can_be_saved(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """Off at first and after a change was taken back, and while a field cannot be what it is."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}servers/default")
    save, name = page.locator(SAVE), page.locator("[name=name]")
    before = name.input_value()
    expect(save).to_be_disabled()
    expect(save).to_have_attribute("title", "Nothing was changed yet")
    name.fill("Another name")
    expect(save).to_be_enabled()
    name.fill(before)
    expect(save).to_be_disabled()
    page.fill("[name=port]", "often 587")
    expect(save).to_be_disabled()
    expect(save).to_have_attribute("title", "A field cannot be saved as it is")
    page.fill("[name=to]", "ada@tidepool.example")  # no setting: it alone makes no change
    page.reload()
    page.fill("[name=to]", "ada@tidepool.example")
    expect(save).to_be_disabled()


def test_a_test_needs_a_host(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """The button for a test of what is typed is off while there is nothing to connect to."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}servers/new?preset=custom")
    check = page.locator("[data-check]")
    expect(check).to_be_disabled()
    page.fill("[name=host]", "mail.example.org")
    expect(check).to_be_enabled()


def test_leaving_a_changed_form_asks_once(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """A link asks; Cancel and a form that was not changed do not."""
    page, asked = open_page(), []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    address = f"{demo.at['back_office']}servers/default"
    page.goto(address)
    page.locator("nav a", has_text="Overview").click()
    page.wait_for_url(demo.at["back_office"])
    page.goto(address)
    page.fill("[name=name]", "Another name")
    page.locator("[data-leave]").click()
    page.wait_for_url(f"{demo.at['back_office']}servers")
    assert asked == []
    page.goto(address)
    page.fill("[name=name]", "Another name")
    page.locator("nav a", has_text="Overview").click()
    page.wait_for_url(demo.at["back_office"])
    assert asked == ["beforeunload"]


def test_the_subject_prefix_shows_what_it_does(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """A sample line follows what is typed."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}servers/default")
    sample = page.locator("[data-sample]")
    expect(sample).to_be_hidden()
    page.fill("[name=subject_prefix]", "[Staging] ")
    expect(sample).to_contain_text("[Staging] Reset your password")

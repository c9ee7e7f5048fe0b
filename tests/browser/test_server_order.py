"""The order of servers is changed with the mouse, by keyboard and without script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.demo import DemoProcess

pytestmark = pytest.mark.browser


def see_order(page: Page, *keys: str) -> None:
    """Wait until the rows are these, top down, and all of the page is there."""
    page.wait_for_load_state()
    rows = page.locator("tr[data-server]")
    expect(rows).to_have_count(len(keys))
    for at, key in enumerate(keys):
        expect(rows.nth(at)).to_have_attribute("data-server", key)


def drag(page: Page, key: str, *, to: str) -> None:
    """Drag a row by its grip to the upper half of another one."""
    grip = page.locator(f"tr[data-server={key}] [data-grip]").bounding_box()
    row = page.locator(f"tr[data-server={to}]").bounding_box()
    assert grip
    assert row
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(row["x"] + 30, row["y"] + row["height"] / 2, steps=5)
    page.mouse.move(row["x"] + 30, row["y"] + 4, steps=3)
    page.mouse.up()


def test_a_row_is_dragged_and_moved_by_keyboard(
    demo: DemoProcess, open_page: Callable[..., Page]
) -> None:
    """Dropped, the new order is saved; the button beside it then has the focus and takes Enter."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}servers")
    see_order(page, "default", "silent")
    drag(page, "silent", to="default")
    expect(page.locator("main")).to_contain_text("Never answers is tried first now.")
    see_order(page, "silent", "default")
    later = page.get_by_role("button", name="Try Never answers later")
    expect(later).to_be_focused()
    later.press("Enter")
    expect(page.locator("main")).to_contain_text("Never answers is tried after Inbox of the demo")
    see_order(page, "default", "silent")


def test_escape_leaves_the_order_alone(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """A drag that is broken off puts the row back and sends nothing."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}servers")
    grip = page.locator("tr[data-server=silent] [data-grip]").bounding_box()
    assert grip
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(grip["x"] + 8, grip["y"] - 120, steps=5)
    see_order(page, "silent", "default")
    page.keyboard.press("Escape")
    page.mouse.up()
    see_order(page, "default", "silent")
    page.reload()
    see_order(page, "default", "silent")


def test_the_buttons_work_without_script(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """Up and down are plain forms; the grip, which needs script, is not shown."""
    page = open_page(javascript=False)
    page.goto(f"{demo.at['back_office']}servers")
    expect(page.locator("[data-grip]").first).to_be_hidden()
    page.get_by_role("button", name="Try Never answers earlier").click()
    see_order(page, "silent", "default")
    page.get_by_role("button", name="Try Never answers later").click()
    see_order(page, "default", "silent")

"""The order of servers is changed with the mouse, by keyboard and without script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.demo import DemoProcess

pytestmark = pytest.mark.browser


def order(page: Page) -> list[str | None]:
    """Return the keys of the rows, top down."""
    return [row.get_attribute("data-server") for row in page.locator("tr[data-server]").all()]


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
    assert order(page) == ["default", "silent"]
    drag(page, "silent", to="default")
    expect(page.locator("main")).to_contain_text("Never answers is tried first now.")
    assert order(page) == ["silent", "default"]
    later = page.get_by_role("button", name="Try Never answers later")
    expect(later).to_be_focused()
    later.press("Enter")
    expect(page.locator("main")).to_contain_text("Never answers is tried after Inbox of the demo")
    assert order(page) == ["default", "silent"]


def test_escape_leaves_the_order_alone(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """A drag that is broken off puts the row back and sends nothing."""
    page = open_page()
    page.goto(f"{demo.at['back_office']}servers")
    grip = page.locator("tr[data-server=silent] [data-grip]").bounding_box()
    assert grip
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(grip["x"] + 8, grip["y"] - 120, steps=5)
    assert order(page) == ["silent", "default"]
    page.keyboard.press("Escape")
    page.mouse.up()
    assert order(page) == ["default", "silent"]
    page.reload()
    assert order(page) == ["default", "silent"]


def test_the_buttons_work_without_script(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """Up and down are plain forms; the grip, which needs script, is not shown."""
    page = open_page(javascript=False)
    page.goto(f"{demo.at['back_office']}servers")
    expect(page.locator("[data-grip]").first).to_be_hidden()
    page.get_by_role("button", name="Try Never answers earlier").click()
    assert order(page) == ["silent", "default"]
    page.get_by_role("button", name="Try Never answers later").click()
    assert order(page) == ["default", "silent"]

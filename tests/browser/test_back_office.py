"""The way of an admin: settings, a test, the list of messages, one message."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from support.demo import DemoProcess, Visitor
from support.processes import wait_until

pytestmark = pytest.mark.browser

LADDER = ("resolve", "connect", "greeting", "encrypt", "hello", "sign_in", "sender", "recipient")


def send_test(page: Page, office: str, to: str, server: str = "default") -> None:
    """Fill in the form of the test page, for the server alone, and send it."""
    page.goto(f"{office}test")
    page.select_option("[name=server]", server)
    page.fill("[name=to]", to)
    page.check("[name=scenario][value=direct]")
    page.locator("main form:has([name=to]) button[type=submit]").click()


def welcomed_by(demo: DemoProcess, name: str) -> str | None:
    """Sign somebody up and return their address when the welcome mail came from ``name``.

    A running worker may take five seconds to see a changed setting.
    """
    address = f"eve.{uuid4().hex[:8]}@tidepool.example"
    visitor = Visitor(demo.at["app"])
    visitor.post("/sign-up", name="Eve", email=address, password="a long password")
    return address if name in demo.wait_for_mail(address, "Welcome")["from"] else None


def rows(page: Page, address: str) -> int:
    """Open a list and count its messages."""
    page.goto(address)
    return page.locator("[data-message-id]").count()


def test_settings_test_list_and_detail(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """A new sender name is saved, a test shows it, and the app's next mail carries it."""
    page, office, name = open_page(), demo.at["back_office"], f"Tidepool {uuid4().hex[:6]}"
    page.goto(f"{office}servers/default")
    page.fill("[name=from_name]", name)
    page.locator("form:has([name=from_name]) button[type=submit]").first.click()
    expect(page.locator(".sa-banner", has_text="Saved.")).to_be_visible()
    page.goto(f"{office}servers/default")
    expect(page.locator("[name=from_name]")).to_have_value(name)

    send_test(page, office, "test@tidepool.example")
    for step in LADDER:
        expect(page.locator(f"[data-step={step}]")).to_have_attribute(
            "data-state", "skipped" if step in {"encrypt", "sign_in"} else "ok"
        )
    assert name in demo.wait_for_mail("test@tidepool.example", "")["from"]

    address = wait_until(lambda: welcomed_by(demo, name), timeout=30)
    found = f"{office}messages?state=sent&q={address}"
    wait_until(lambda: rows(page, found) == 1, timeout=30, every=0.2)
    page.locator("[data-message-id] a").first.click()
    expect(page.locator("main")).to_contain_text("Welcome to Tidepool")
    expect(page.locator("main")).to_contain_text("250")


@pytest.mark.parametrize("javascript", [True, False])
def test_the_test_page_says_where_it_failed(
    demo: DemoProcess, open_page: Callable[..., Page], *, javascript: bool
) -> None:
    """A server that never answers: the ladder ends red at the greeting, with or without script."""
    page = open_page(javascript=javascript)
    send_test(page, demo.at["back_office"], "test@tidepool.example", server="silent")
    expect(page.locator("[data-step=connect]")).to_have_attribute("data-state", "ok")
    expect(page.locator("[data-step=greeting]")).to_have_attribute("data-state", "failed")


@pytest.mark.parametrize("javascript", [True, False])
def test_the_test_page_sends_a_mail(
    demo: DemoProcess, open_page: Callable[..., Page], *, javascript: bool
) -> None:
    """A test of the working server arrives, with or without script."""
    address = f"test.{uuid4().hex[:8]}@tidepool.example"
    page = open_page(javascript=javascript)
    send_test(page, demo.at["back_office"], address)
    expect(page.locator("[data-step=message]")).to_have_attribute("data-state", "ok")
    demo.wait_for_mail(address, "")


def test_a_dead_letter_is_retried(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """Retry on a dead letter hands it to the worker again, which tells the same refusal."""
    page, office = open_page(), demo.at["back_office"]
    page.goto(f"{office}messages?state=dead")
    row = page.locator("[data-message-id][data-state=dead]").first
    message = row.get_attribute("data-message-id")
    page.goto(f"{office}messages/{message}")
    expect(page.locator("main")).to_contain_text("There is no such mailbox here")
    page.locator(f"form[action$='/messages/{message}/retry'] button").first.click()
    expect(page.locator(".sa-banner", has_text=f"Message {message} is now")).to_be_visible()
    wait_until(lambda: _attempts(page, f"{office}messages/{message}") >= 2, timeout=30, every=0.3)


def test_every_page_is_quiet(demo: DemoProcess, open_page: Callable[..., Page]) -> None:
    """No page violates its own content policy or logs an error; none scrolls sideways at 390 px."""
    page = open_page()
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "settings", "servers", "servers/new", "test", "messages"):
        page.goto(f"{demo.at['back_office']}{path}")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path


def _attempts(page: Page, address: str) -> int:
    page.goto(address)
    return page.locator("main").inner_text().count("There is no such mailbox here")

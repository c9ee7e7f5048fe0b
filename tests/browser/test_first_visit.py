"""The way of somebody who has just installed it: from no server to a mail that was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from example_app.demo.camera import LOOKS, Look, signed_in
from example_app.demo.first_visit import FirstVisit
from example_app.demo.seed import ADMIN
from example_app.demo.signals import Presses
from example_app.demo.supervisor import Running, free_port
from example_app.demo.walk import walk

pytestmark = pytest.mark.browser

STATIONS = ["first-visit", "address", "settings-found", "filled-in", "tested", "test-green", "sent"]
PROMISED = 120.0  # seconds: "in two minutes"


@pytest.fixture
def first_day(tmp_path: Path) -> Iterator[tuple[FirstVisit, Running]]:
    """Run the demo on its first day, with its mail provider."""
    demo = FirstVisit(tmp_path, free_port(), presses=Presses(), say=lambda _line: None)
    try:
        yield demo, demo.start()
    finally:
        demo.stop()


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[2]], ids=lambda look: look.name)
def test_from_no_server_to_a_mail_that_was_sent(
    browser: Browser,
    first_day: tuple[FirstVisit, Running],
    watch: Callable[[Page], None],
    look: Look,
) -> None:
    """An address and a password are enough, on a telephone too; what waited arrives by itself."""
    demo, running = first_day
    page = signed_in(browser, running, look)
    watch(page)
    stations: list[str] = []

    def arrived(name: str) -> None:
        stations.append(name)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name

    assert walk(page, running, arrived) < PROMISED
    assert stations == STATIONS
    page.context.close()
    mails = demo.mailbox.newest_first()
    assert sorted(mail.subject for mail in mails).count("Welcome to Tidepool") == 1
    assert {mail.to for mail in mails} == {(ADMIN,)}
    assert all("hello@tidepool.example" in mail.sender for mail in mails)

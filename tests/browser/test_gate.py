"""Every page in every state: accessible, laid out well, quiet and small.

``support/visits.py`` lists the pages; a route without a visit fails the first test here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from support import looks
from support.offices import Offices, Served
from support.visits import FIRST, LEADS_ON, NO_PAGE, VISITS, Visit
from werkzeug.exceptions import NotFound

from example_app.demo.camera import LOOKS
from flask_smtpadmin.web import limits
from flask_smtpadmin.web.routes import ROUTES

pytestmark = [
    pytest.mark.browser,
    # a browser that moves on leaves the server with files that it was in the midst of sending
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WIDTHS = (320, 390, 768, 1024, 1280, 3840)
#: what a browser says of an answer that is meant to be no 200, and of what a message may not load
MEANT = ("Failed to load resource: the server responded with a status of", "https://far.example/")


@dataclass
class Visited:
    """A tab that stands on a page, and what the browser complained of on the way."""

    visit: Visit
    page: Page
    served: Served
    complaints: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        """Remember errors and warnings."""
        if message.type in {"error", "warning"} and not any(it in message.text for it in MEANT):
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open one window for all visits; nothing moves, so that nothing is seen half-way."""
    found = browser.new_context(reduced_motion="reduce")
    found.set_default_timeout(30_000)
    yield found
    found.close()


@pytest.fixture(scope="module", params=VISITS, ids=lambda visit: visit.name)
def visited(
    request: pytest.FixtureRequest, served: Offices, context: BrowserContext
) -> Iterator[Visited]:
    """Go to a page once for all tests of it, and open whatever is folded there."""
    limits.forget()
    visit: Visit = request.param
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 860})
    found = Visited(visit, page, served[visit.office])
    page.on("console", found.heard)
    page.on("pageerror", lambda error: found.complaints.append(f"script error: {error}"))
    visit.begin(page, found.served)
    page.evaluate(looks.UNFOLD)
    yield found
    page.close()


def test_every_route_is_visited(served: Offices) -> None:
    """A new page has its visit, or a reason why it is none; so has a new form."""
    shop = served["busy"]
    urls = shop.office.app.url_map.bind("")
    rules = {rule.endpoint: rule.rule for rule in shop.office.app.url_map.iter_rules()}
    seen = set()
    for visit in VISITS:
        at = defaultdict(lambda: 1, shop.at)  # other offices know other messages
        path = (shop.url + visit.path.format_map(at)).partition("//")[2].partition("/")[2]
        try:
            endpoint, _ = urls.match(f"/{path.partition('?')[0]}", method="GET")
        except NotFound:
            pytest.fail(f"{visit.name} goes nowhere: {visit.path}")
        seen.add(rules[endpoint].removeprefix("/admin/email"))
    pages = {route.rule for route in ROUTES if route.method == "GET"}
    assert pages - NO_PAGE.keys() == seen
    posts = {route.rule for route in ROUTES if route.method == "POST"}
    assert posts == LEADS_ON | {visit.shows.partition(" ")[2] for visit in VISITS} - {""}
    assert len({visit.name for visit in VISITS}) == len(VISITS)


def test_nothing_is_complained_of(visited: Visited) -> None:
    """No violation of the content policy, no error of a script, no warning in the console."""
    assert visited.complaints == []


def test_axe_finds_nothing(visited: Visited) -> None:
    """WCAG 2.2 AA and best practice, light and dark, wide and narrow.

    Colours come with the scheme and sizes with the width, so that the further states of an address
    are looked at in the two looks that have nothing in common.
    """
    found, first = [], visited.visit in FIRST
    for look in LOOKS if first else (LOOKS[0], LOOKS[3]):
        visited.page.emulate_media(color_scheme=look.scheme)
        visited.page.set_viewport_size({"width": look.width, "height": look.height})
        found += [f"{look.name}: {text}" for text in looks.violations(visited.page)]
    assert not found, "\n".join(found)


def test_nothing_overlaps_is_cut_off_or_scrolls_sideways(visited: Visited) -> None:
    """At each width from a small telephone to a wall, and with text twice as large."""
    found = []
    for width in WIDTHS:
        visited.page.set_viewport_size({"width": width, "height": 860})
        found += [f"{width} px: {flaw}" for flaw in visited.page.evaluate(looks.FLAWS)]
    assert not found, "\n".join(found)

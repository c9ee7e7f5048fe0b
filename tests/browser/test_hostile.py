"""Hostile words from every source, on every page, in a real browser: nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser
from support.apps import Site
from support.offices import SESSION, listening
from support.payloads import PAYLOADS
from web.conftest import PREFIX, furnish
from web.test_gate import ROUTES, address
from web.test_hostile_everywhere import poison

from flask_smtpadmin.core.actor import Actor

pytestmark = [
    pytest.mark.browser,
    # a browser that moves on leaves the server with files that it was in the midst of sending
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

#: The policy of the frame that shows a message itself, where pictures of elsewhere are stopped.
PICTURE_OF_A_MESSAGE = 'directive: "img-src data:"'
DOWNLOADS = ("export", "download", "report.txt", "attachments", "source", "healthz")


@pytest.mark.parametrize("payload", [PAYLOADS[0], PAYLOADS[7], PAYLOADS[38]])
def test_nothing_runs_on_any_page(
    browser: Browser, make_app: Callable[..., Site], payload: str
) -> None:
    """No script, no frame, no request elsewhere, nothing for a page's content policy to stop."""
    office = furnish(make_app())
    poison(office, payload)
    office.mail.actor_loader(lambda: Actor(payload, payload, payload))
    context = browser.new_context()
    page, ran, said, asked = context.new_page(), [], [], []
    context.expose_function("pwned", lambda what=None: ran.append(what))
    page.on("console", lambda message: said.append(message.text))
    with listening(office.app) as base:
        page.on("request", lambda request: asked.append(request.url))
        for route in ROUTES:
            path = address(route).replace("<session>", SESSION)
            if route.method == "GET" and not path.endswith("/html") and not _downloads(path):
                page.goto(base + PREFIX + path)
                page.evaluate(
                    "() => { for (const fold of document.querySelectorAll('details'))"
                    " fold.open = true; }"
                )
        page.wait_for_timeout(200)
        context.close()
        foreign = [url for url in asked if not url.startswith((base, "data:"))]
    assert (ran, foreign) == ([], [])
    stopped = [text for text in said if "Content Security Policy" in text]
    assert [text for text in stopped if PICTURE_OF_A_MESSAGE not in text] == []


def _downloads(path: Any) -> bool:
    return any(word in path for word in DOWNLOADS)

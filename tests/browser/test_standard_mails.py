"""The standard mails in a browser: on the narrowest telephone, and in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from support.html_mail import rendered
from support.looks import violations

from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.content.standard import NAMES
from flask_smtpadmin.core.email_type import Texts

pytestmark = [pytest.mark.browser, pytest.mark.needs("tinyhtml5")]

#: A mail is an article within the page of a mail program, which has the landmarks.
LANDMARKS = ("landmark-one-main:", "region:")
LONG = "https://tidepool.example/set-password/" + 80 * "Wz"


def test_they_fit_a_telephone_and_their_buttons_a_thumb(browser: Browser) -> None:
    """At 320 px nothing goes sideways, the body is 16 px, a button is at least 44 px high."""
    context = browser.new_context(viewport={"width": 320, "height": 600}, offline=True)
    page = context.new_page()
    for name in NAMES:
        page.set_content(rendered(name, values={"link": LONG}).html)
        assert page.evaluate("document.documentElement.scrollWidth") == 320, name
        height = page.locator("a.button").evaluate("link => link.getBoundingClientRect().height")
        assert height >= 44, name
        size = page.locator(".m-body").evaluate("cell => getComputedStyle(cell).fontSize")
        assert size == "16px", name
    context.close()


def test_they_are_dark_where_the_reader_likes_it_dark(browser: Browser) -> None:
    """The styles at the tags give way to the scheme of the reader."""
    page = browser.new_context(color_scheme="dark", offline=True).new_page()
    page.set_content(rendered("password-reset").html)
    ground = "part => getComputedStyle(part).backgroundColor"
    assert page.locator("body").evaluate(ground) == "rgb(15, 18, 22)"
    assert page.locator(".m-card").evaluate(ground) == "rgb(23, 27, 33)"
    assert page.locator("h1").evaluate("h1 => getComputedStyle(h1).color") == "rgb(240, 242, 245)"
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_from_reading_them(browser: Browser, scheme: str) -> None:
    """WCAG 2.2 AA as far as axe can tell, in both schemes; a header and a footer included."""
    page = browser.new_context(color_scheme=scheme).new_page()
    frame = Frame(
        header=Texts("", '<p><a href="{{ base_url }}">{{ app_name }}</a></p>', ""),
        footer=Texts("", '<p class="small">Shore Road 1</p>', ""),
    )
    for name in NAMES:
        page.set_content(rendered(name, frame=frame).html)
        found = [one for one in violations(page) if not one.startswith(LANDMARKS)]
        assert not found, name
    page.context.close()

"""The words of an e-mail are edited in a browser: seen at once, saved, sent, and never lost."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support.apps import Site
from support.kinds import register
from support.offices import Served, listening
from web.conftest import PREFIX, furnish

from flask_smtpadmin.web import limits

pytestmark = [
    pytest.mark.browser,
    # a browser that moves on leaves the server with files that it was in the midst of sending
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HTML = "<h2>Dear {{ name }}</h2>\n<script>parent.ran = 1</script><p>Ünï <b>codé</b></p>"
FRAME = "iframe:not([data-next])"


@pytest.fixture
def served(make_app: Callable[..., Site]) -> Iterator[Served]:
    """Serve the back office of an app with some types."""
    limits.forget()
    office = furnish(make_app())
    register(office)
    with listening(office.app) as url:
        yield Served(office, url + PREFIX)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """``tab(**options)`` opens a tab in a window with these options."""
    contexts = []

    def begin(**options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        return contexts[-1].new_page()

    yield begin
    for context in contexts:
        context.close()


def saved(served: Served) -> Any:
    """Return the saved words that count."""
    return served.office.state.templates.in_force().texts("welcome")


def test_words_are_seen_while_typed_and_go_out_once_saved(
    tab: Callable[..., Page], served: Served
) -> None:
    """Encoded on their way; in the preview no script runs; a mail has the new words."""
    page, sent = tab(), []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.goto(f"{served.url}/types/welcome")
    expect(page.locator("[data-without-script]").first).not_to_be_visible()
    page.fill("[name=subject]", "Dear {{ name }}")
    page.fill("[name=html]", HTML)
    expect(page.locator("[data-shown-subject]")).to_have_text("Dear Ada")
    expect(page.frame_locator(FRAME).locator("h2")).to_have_text("Dear Ada")
    page.check("[name=show][value=text]")
    expect(page.locator("[data-shown-text]")).to_contain_text("Ünï codé")
    page.fill("[name=html]", "")
    page.get_by_role("button", name="{{ name }}").click()
    expect(page.locator("[name=html]")).to_have_value("{{ name }}")
    page.fill("[name=html]", HTML + "{{ nobody }}")
    expect(page.locator("#error-html code").first).to_have_text("nobody")
    page.fill("[name=html]", HTML)
    expect(page.locator("#error-html")).not_to_be_visible()
    page.click("[data-save]")
    expect(page.locator(".sa-banner", has_text="goes out with these words")).to_be_visible()
    expect(page.locator("[name=html]")).to_have_value(HTML)
    assert page.evaluate("window.ran") is None
    assert saved(served).html == HTML
    for request in sent:
        form = parse_qs(request.post_data)
        assert "<" not in request.post_data
        assert base64.urlsafe_b64decode(form["html"][0])
    with served.office.app.app_context():
        (queued,) = served.office.mail.send_type("welcome", "a@b.example", {"name": "Bob"})
    assert served.office.state.queue.get(queued.id).message.subject == "Dear Bob"


def test_without_a_script_everything_works_too(tab: Callable[..., Page], served: Served) -> None:
    """Preview in the frame beside it, mistakes at their field, a test, saved, brought back."""
    page = tab(java_script_enabled=False)
    page.goto(f"{served.url}/types/welcome")
    page.fill("[name=html]", HTML)
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.frame_locator(FRAME).locator("h2")).to_have_text("Dear Ada")
    page.get_by_role("button", name="Preview of the text").click()
    expect(page.frame_locator(FRAME).locator("pre")).to_contain_text("Ünï codé")
    page.fill("[name=subject]", "{{ nobody }}")
    page.click("[data-save]")
    expect(page.locator("#error-subject")).to_contain_text("nobody")
    expect(page.locator("[name=html]")).to_have_value(HTML)
    page.fill("[name=subject]", "Mine")
    page.click("[data-try]")
    expect(page.locator("[data-told]")).to_contain_text("Queued for ada@example.com")
    expect(page.locator("[name=subject]")).to_have_value("Mine")
    page.click("[data-save]")
    expect(page.locator(".sa-banner", has_text="goes out with these words")).to_be_visible()
    assert saved(served).subject == "Mine"
    page.click(".sa-danger summary")
    page.click(".sa-danger button")
    expect(page.locator("[name=subject]")).to_have_value("Welcome to {{ app_name }}, {{ name }}")
    assert saved(served) is None


@pytest.mark.parametrize(
    ("status", "said"), [(403, "firewall or a proxy"), (413, "(413)"), (200, "firewall or a proxy")]
)
def test_what_a_firewall_refuses_stays_on_the_page(
    tab: Callable[..., Page], served: Served, status: int, said: str
) -> None:
    """The script says that it was not the app, and nothing typed is lost."""
    page = tab()
    page.goto(f"{served.url}/types/welcome")

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=status, content_type="text/html", body="<h1>Blocked</h1>")
        else:
            route.continue_()

    page.route("**/types/welcome", refuse)
    page.fill("[name=html]", HTML)
    page.click("[data-save]")
    expect(page.locator("[data-told] [role=alert]")).to_contain_text(said)
    expect(page.locator("[name=html]")).to_have_value(HTML)
    assert saved(served) is None
    page.unroute("**/types/welcome")
    page.click("[data-save]")
    expect(page.locator(".sa-banner", has_text="goes out with these words")).to_be_visible()
    assert saved(served).html == HTML


def test_an_expired_form_keeps_the_words_too(tab: Callable[..., Page], served: Served) -> None:
    """The app's own refusal is told apart from a stranger's; whoever was faster is named."""
    page = tab()
    page.goto(f"{served.url}/types/welcome")
    page.fill("[name=subject]", "Mine")
    token = page.locator("#edit [name=csrf_token]")
    good = token.input_value()
    token.evaluate("field => { field.value = 'old' }")
    page.click("[data-save]")
    expect(page.locator("[data-told] [role=alert]")).to_contain_text("The app refused this form")
    token.evaluate("(field, good) => { field.value = good }", good)
    served.office.post("/types/welcome", {"subject": "Theirs", "text": "Hello", "seen": "0"})
    page.click("[data-save]")
    expect(page.locator("[data-told] [role=alert]")).to_contain_text("saved other words")
    expect(page.locator("[name=subject]")).to_have_value("Mine")
    page.click("[data-save]")
    expect(page.locator(".sa-banner", has_text="goes out with these words")).to_be_visible()
    assert saved(served).subject == "Mine"

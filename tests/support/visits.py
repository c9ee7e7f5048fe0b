"""Every page of the back office in every state, as a browser gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from re import sub
from typing import Any, Final

from playwright.sync_api import Page

from flask_smtpadmin.core.states import STATES
from support.offices import SESSION, Served

Act = Callable[[Page, Served], Any]
_FORM: Final = "form[data-server-form]"
_TRY: Final = "[data-check]"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page in one state: open ``path`` of an office, then ``act``.

    ``path`` names in braces what ``Served.at`` holds. ``shows`` is the rule of the POST whose
    answer is the page.
    """

    name: str
    path: str
    office: str = "busy"
    act: Act | None = None
    shows: str = ""
    status: int = 200

    def begin(self, page: Page, served: Served) -> None:
        """Bring ``page`` there and wait until all of it is there."""
        response = page.goto(served.url + self.path.format_map(served.at))
        assert response is not None
        assert response.status == self.status, f"{self.path}: {response.status}"
        if self.act is not None:
            self.act(page, served)
            page.wait_for_load_state()


def _tick(page: Page, _served: Served) -> None:
    page.locator("[name=ids]").nth(0).check()
    page.locator("[name=ids]").nth(1).check()


def _phone(page: Page, _served: Served) -> None:
    if page.locator(".sa-widths").is_visible():  # a telephone shows it as wide as it is
        page.click(".sa-widths label:has([value=phone])")


def _asked_for_release(page: Page, _served: Served) -> None:
    page.click("summary:has-text('Release')")
    page.check("[name=to][value=other]")


def _release_some(page: Page, served: Served) -> None:
    _tick(page, served)
    page.click("button[name=action][value=release]")
    page.wait_for_selector("[data-confirm=release]")


def _wide(action: str) -> Act:
    def act(page: Page, _served: Served) -> None:
        page.check("[data-select-all]")
        if page.locator("[data-all]").count():
            page.check("[data-all]")
        page.click(f"button[name=action][value={action}]")
        page.wait_for_selector("[data-confirm]")

    return act


def _bad_server(page: Page, _served: Served) -> None:
    page.fill("[name=host]", "not a host!")
    page.fill("[name=port]", "99999")
    page.fill("[name=from_email]", "nobody")
    page.eval_on_selector(_FORM, "form => form.submit()")  # the button waits for better values
    page.wait_for_selector("[role=alert]")


def _new_without_key(page: Page, served: Served) -> None:
    page.fill("[name=key]", "")
    _bad_server(page, served)


def _typed(to: str) -> Act:
    def act(page: Page, _served: Served) -> None:
        page.fill("[name=to]", to)
        page.click(_TRY)
        page.wait_for_selector("[data-report]")

    return act


def _new_tested(page: Page, served: Served) -> None:
    page.fill("[name=host]", "127.0.0.1")
    page.fill("[name=port]", "1")
    _typed("")(page, served)


def _found(address: str) -> Act:
    def act(page: Page, _served: Served) -> None:
        page.fill("[name=address]", address)
        page.click("[data-find] button")
        page.wait_for_selector("[data-finding], [role=alert]")

    return act


def _use_found(page: Page, served: Served) -> None:
    _found("ada@example.org")(page, served)
    page.click("form[action$='/find/use'] button >> nth=0")
    page.wait_for_selector("[name=host]")


def _ran(to: str, scenario: str = "direct") -> Act:
    def act(page: Page, _served: Served) -> None:
        page.fill("[name=to]", to)
        page.check(f"[name=scenario][value={scenario}]")
        page.click("form[data-follow] button[type=submit]")
        page.wait_for_selector("[data-over=true]")

    return act


def _no_recipient(page: Page, _served: Served) -> None:
    page.fill("[name=to]", "no address")
    page.click("form[data-follow] button[type=submit]")
    page.wait_for_selector("[role=alert]")


def _no_domain(page: Page, _served: Served) -> None:
    page.fill("#dns-domain", "no domain!")
    page.click("form:has(#dns-domain) button")
    page.wait_for_selector("[aria-invalid=true]")


def _bad_settings(page: Page, _served: Served) -> None:
    page.fill("[name=max_queue]", "many")
    page.click("form:has([name=max_queue]) button")
    page.wait_for_selector("[aria-invalid=true]")


def _bad_words(page: Page, _served: Served) -> None:
    page.fill("[name=html]", "<p>Hello\n{{ nobody }}</p>")
    page.click("[data-save]")
    page.wait_for_selector("#error-html:visible")
    page.wait_for_selector("[data-told] [role=alert]")


def _try_words(page: Page, _served: Served) -> None:
    page.fill("[name=to]", "ada@example.com")
    page.click("[data-try]")
    page.wait_for_selector("[data-told] [role=status]")


def _post(action: str) -> Act:
    """Send a form with no token."""

    def act(page: Page, served: Served) -> None:
        page.evaluate(
            """action => { const form = document.createElement("form");
            form.method = "post"; form.action = action;
            document.body.append(form); form.submit(); }""",
            served.url + action,
        )
        page.wait_for_selector("h1:has-text('expired')")

    return act


def _keys(page: Page, _served: Served) -> None:
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


VISITS: Final = (
    Visit("overview", "/"),
    Visit("overview-keys", "/", act=_keys),
    Visit("overview-first", "/", "first"),
    Visit("overview-well", "/", "small"),
    Visit("overview-trouble", "/", "trouble"),
    Visit("overview-viewer", "/", "viewer"),
    Visit("overview-embedded", "/", "embedded"),
    Visit("overview-lost-template", "/", "lost-template"),
    Visit("failure", "/failures/recipient_unknown"),
    Visit("failure-several", "/failures/auth_wrong_credentials", "trouble"),
    Visit("failure-unexplained", "/failures/none", "trouble"),
    Visit("messages", "/messages"),
    Visit("messages-small", "/messages", "small"),
    Visit("messages-none", "/messages", "first"),
    Visit("messages-embedded", "/messages", "embedded"),
    Visit("messages-viewer", "/messages", "viewer"),
    *(
        Visit(f"messages-{state}", f"/messages?state={state}")
        for state in ("waiting", "retrying", "sent", "failed", "dead")
    ),
    Visit("messages-no-dead", "/messages?state=dead", "small"),
    Visit("messages-found", "/messages?q=to:department.example.com+order&server=&range=today"),
    Visit("messages-not-found", "/messages?q=subject:%22no+such+words%22+after:2026-01-01"),
    Visit("messages-bad-search", "/messages?q=after:yesterday", status=400),
    Visit("messages-of-type", "/messages?type=order.confirmation"),
    Visit("messages-ticked", "/messages", act=_tick),
    Visit(
        "confirm-retry", "/messages?state=dead", act=_wide("send_via"), shows="POST /messages/bulk"
    ),
    Visit("confirm-delete", "/messages", act=_wide("delete"), shows="POST /messages/bulk"),
    Visit("confirm-nothing", "/messages?state=sent", act=_wide("cancel")),
    Visit("job", "/messages/jobs/{job}"),
    Visit("job-done", "/messages/jobs/{done}"),
    *(Visit(f"message-{state}", "/messages/{states[" + state + "]}") for state in STATES),
    *(
        Visit(f"message-{tab}", f"/messages/{{sent}}?tab={tab}")
        for tab in ("preview", "text", "source", "attachments")
    ),
    Visit("message-plain", "/messages/{plain}?tab=preview"),
    Visit("message-no-attachments", "/messages/{plain}?tab=attachments"),
    Visit("message-viewer", "/messages/{sent}?tab=preview", "viewer"),
    Visit("inbox", "/inbox", "caught"),
    Visit("inbox-ticked", "/inbox", "caught", act=_tick),
    Visit("inbox-redirect", "/inbox", "caught-none"),
    Visit("inbox-live", "/inbox", "small"),
    Visit("inbox-not-found", "/inbox?q=subject:nothing", "caught"),
    Visit("inbox-bad-search", "/inbox?q=after:yesterday", "caught", status=400),
    Visit("inbox-html", "/inbox/{reset}", "caught", act=_phone),
    Visit("inbox-release", "/inbox/{reset}?tab=text", "caught", act=_asked_for_release),
    *(
        Visit(f"inbox-{tab}", f"/inbox/{{reset}}?tab={tab}", "caught")
        for tab in ("links", "attachments", "headers", "source")
    ),
    Visit("inbox-plain", "/inbox/{plain}", "caught"),
    Visit("inbox-secret", "/inbox/{secret}", "caught"),
    Visit("inbox-viewer", "/inbox/{reset}", "caught-viewer"),
    Visit("confirm-release", "/inbox", "caught", act=_release_some, shows="POST /messages/bulk"),
    Visit("settings", "/settings"),
    Visit("settings-first", "/settings", "first"),
    Visit("settings-caught", "/settings", "caught-none"),
    Visit("settings-locked", "/settings", "locked"),
    Visit("settings-viewer", "/settings", "viewer"),
    Visit("settings-wrong", "/settings", act=_bad_settings, shows="POST /settings"),
    Visit("servers", "/servers"),
    Visit("servers-trouble", "/servers", "trouble"),
    Visit("server-delete", "/servers/backup/delete"),
    Visit("server", "/servers/default"),
    Visit("server-first", "/servers/default", "first"),
    Visit("server-locked", "/servers/default", "locked"),
    Visit("server-viewer", "/servers/default", "viewer"),
    Visit("server-embedded", "/servers/default", "embedded"),
    Visit("server-wrong", "/servers/default", act=_bad_server, shows="POST /servers/<key>"),
    Visit(
        "server-tested",
        "/servers/default",
        act=_typed("ada@example.com"),
        shows="POST /servers/<key>/test",
    ),
    Visit("server-refused", "/servers/default", act=_typed("nobody@example.com")),
    Visit("presets", "/servers/new"),
    Visit("presets-none", "/servers/new?preset_q=nothing+like+it"),
    Visit("server-new", "/servers/new?preset=custom"),
    Visit("server-new-gmail", "/servers/new?preset=gmail"),
    Visit("server-new-ses", "/servers/new?preset=ses"),
    Visit(
        "server-new-wrong",
        "/servers/new?preset=custom",
        act=_new_without_key,
        shows="POST /servers/new",
    ),
    Visit(
        "server-new-tested",
        "/servers/new?preset=custom",
        act=_new_tested,
        shows="POST /servers/new/test",
    ),
    Visit("find", "/servers/find"),
    Visit("found", "/servers/find", act=_found("ada@example.org"), shows="POST /servers/find"),
    Visit("found-nothing", "/servers/find", act=_found("ada@nowhere.invalid")),
    Visit("found-used", "/servers/find", act=_use_found, shows="POST /servers/find/use"),
    Visit("find-wrong", "/servers/find", act=_found("no address")),
    Visit("deliverability", "/deliverability"),
    Visit("deliverability-first", "/deliverability", "first"),
    Visit("deliverability-viewer", "/deliverability", "viewer"),
    Visit("deliverability-wrong", "/deliverability", act=_no_domain, shows="POST /deliverability"),
    Visit("test", "/test"),
    Visit("test-first", "/test", "first"),
    Visit("test-viewer", "/test", "viewer"),
    Visit("test-wrong", "/test", act=_no_recipient, shows="POST /test"),
    Visit("test-waiting", "/test/{check}"),
    Visit("test-passed", "/test", act=_ran("ada@example.com")),
    Visit("test-failed", "/test", act=_ran("nobody@example.com")),
    Visit("types", "/types"),
    Visit("types-first", "/types", "first"),
    Visit("types-none", "/types", "small"),
    Visit("types-viewer", "/types", "viewer"),
    Visit("type", "/types/welcome"),
    Visit("type-own", "/types/password-reset"),
    Visit("type-fixed", "/types/account-locked"),
    Visit("type-failed", "/types/digest"),
    Visit("type-german", "/types/welcome?locale=de"),
    Visit("type-earlier", "/types/welcome?version={earlier}"),
    Visit("type-viewer", "/types/welcome", "viewer"),
    Visit("type-embedded", "/types/welcome", "embedded"),
    Visit("type-header", "/types/@header"),
    Visit("type-footer", "/types/@footer"),
    Visit("type-wrong", "/types/welcome", act=_bad_words, shows="POST /types/<name>"),
    Visit("type-tried", "/types/welcome", act=_try_words, shows="POST /types/<name>/test"),
    Visit("type-text", "/types/welcome", act=lambda page, _: page.check("[name=show][value=text]")),
    Visit("activity", "/activity"),
    Visit("activity-failures", "/activity?failures=1"),
    Visit("activity-none", "/activity?server=backup"),
    Visit("activity-first", "/activity", "first"),
    Visit("activity-no-day", "/activity?day=yesterday", status=400),
    Visit("session", f"/activity/{SESSION}"),
    Visit("session-viewer", f"/activity/{SESSION}", "viewer"),
    Visit("audit", "/audit"),
    Visit("audit-none", "/audit?actor=nobody"),
    Visit("audit-first", "/audit", "first"),
    Visit("not-found", "/nowhere", status=404),
    Visit("no-such-message", "/messages/99999", status=404),
    Visit("expired", "/test", act=_post("/pause")),
    Visit("forbidden", "/", "nobody", status=403),
    Visit("no-access-check", "/", "no-check", status=403),
    Visit("no-secret-key", "/", "no-key", status=500),
    Visit("no-tables", "/", "no-tables", status=503),
)

#: the first visit of each address
FIRST: Final = tuple(
    {sub(r"\{.*?}|\?.*", "", visit.path): visit for visit in reversed(VISITS)}.values()
)[::-1]

#: GET routes that answer with something other than a page of ours, and where that is tested
NO_PAGE: Final = {
    "/messages/<int:number>/html": "the message itself, in a frame of message-preview",
    "/messages/<int:number>/source": "plain text",
    "/messages/<int:number>/attachments/<int:part>": "a download",
    "/types/<name>/preview": "the e-mail itself, in a frame of type",
    "/messages/export.csv": "a download",
    "/messages/export.json": "a download",
    "/test/<batch>/report.txt": "a download",
    "/activity/download": "a download",
    "/audit/export": "a download",
    "/healthz": "JSON for machines",
}

#: POST routes that only ever lead to another page, or to an error page
LEADS_ON: Final = {
    "/types/<name>/switch",
    "/types/<name>/reset",
    "/types/<name>/restore",
    "/types/<name>/preview",
    "/failures/<cause>/replay",
    "/messages/<int:number>/retry",
    "/messages/<int:number>/cancel",
    "/messages/<int:number>/mark-sent",
    "/messages/<int:number>/delete",
    "/messages/<int:number>/send-via",
    "/messages/<int:number>/resend",
    "/inbox/<int:number>/release",
    "/messages/jobs/<job>/cancel",
    "/messages/jobs/<job>/continue",
    "/pause",
    "/resume",
    "/adopt",
    "/servers/<key>/delete",
    "/servers/<key>/move",
    "/servers/<key>/pause",
    "/servers/<key>/resume",
    "/deliverability/forget",
    "/test/<batch>/cancel",
}

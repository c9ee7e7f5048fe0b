"""The inbox of caught mail: the list, what a message says, and the ways out of it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from flask_smtpadmin import Message
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.posting import post

HTML = (
    "<p><a href='https://shop.example/reset?a=1&amp;b=2'>Choose a password</a>"
    "<a href=\"javascript:alert('x')\">Run</a><a href='/account'>Account</a></p>"
)


@pytest.fixture
def office(make_office: Any) -> Any:
    """Return the back office of a site that catches its mail."""
    return make_office(SMTPADMIN_MODE="catch", SMTPADMIN_CATCH_ALLOW="allowed.example")


def caught(office: Any, to: str = "grace@example.com", html: str | None = None, **more: Any) -> int:
    """Let the app send something and return its number."""
    message = Message("Hello", [to], body="What it says.", sender="app@example.com", **more)
    message.html = html
    with office.app.app_context():
        return int(office.mail.send(message).id)


def read_parts(office: Any) -> list[str]:
    """Return which parts of messages the trail says were read."""
    with office.app.app_context():
        found = list(office.state.trail.of(Sought(action="message.read")))
    return [entry.details["part"] for entry in found][::-1]


def rows(source: str) -> list[int]:
    """Return the numbers of the messages in the list."""
    return [int(number) for number in re.findall(r'<tr data-message-id="(\d+)"', source)]


def test_the_list_holds_what_was_caught(office: Any) -> None:
    """Newest first, nothing else; the search takes the words of the page of messages."""
    first, second = caught(office), caught(office, "ada@example.org")
    caught(office, "qa@allowed.example")
    office.add("dead")
    assert rows(office.page("/inbox")) == [second, first]
    assert rows(office.page("/inbox?q=to:example.com")) == [first]
    assert rows(office.page("/inbox?state=sent")) == [second, first]
    assert "No caught message matches" in office.page("/inbox?q=subject:nothing")
    answer = office.get("/inbox?q=after:yesterday")
    assert (answer.status_code, "data-search-problem" in answer.text) == (400, True)


def test_it_goes_on_page_by_page(office: Any) -> None:
    """The cursor stays in the address of a message, so that the list beside it does not move."""
    numbers = [caught(office) for _ in range(51)]
    source = office.page("/inbox?q=hello")
    older = re.search(r'href="/admin/email(/inbox\?[^"]*cursor=[^"]+)"', source)
    assert older
    rest = office.page(unescape(older[1]))
    assert rows(rest) == [numbers[0]]
    link = re.search(rf'class="sa-row-link" href="/admin/email(/inbox/{numbers[0]}[^"]+)"', rest)
    assert link
    assert rows(office.page(unescape(link[1]))) == [numbers[0]]


def test_a_message_opens_as_html_where_it_has_any(office: Any) -> None:
    """In a frame of its own that may only come from here; each look is in the trail."""
    answer = office.get(f"/inbox/{caught(office, html=HTML)}")
    assert "<iframe" in answer.text
    assert "sandbox" in answer.text
    assert 'name="width" value="phone"' in answer.text
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    plain = office.page(f"/inbox/{caught(office)}")
    assert "What it says." in plain
    assert "<iframe" not in plain
    assert "There is no HTML part" in office.page(f"/inbox/{caught(office)}?tab=html")
    assert read_parts(office) == ["html", "text", "html"]


def test_each_link_is_listed_with_its_host(office: Any) -> None:
    """Only what a browser may be sent to can be pressed; that tab knows nothing of this one."""
    source = office.page(f"/inbox/{caught(office, html=HTML)}?tab=links")
    pressed = re.findall(r'<a href="([^"]+)" target="_blank" rel="noopener noreferrer"', source)
    assert pressed == ["https://shop.example/reset?a=1&amp;b=2"]
    assert re.findall(r'data-link="(\w*)"', source) == ["https", "javascript", ""]
    assert "javascript:alert(&#39;x&#39;)</pre>" in source
    assert 'href="javascript' not in source
    assert ">shop.example</span>" in source
    assert "leads nowhere" in source


def test_headers_are_decoded_and_masked(office: Any) -> None:
    """Unfolded, as people read them; addresses only for whoever may see them."""
    number = caught(office, extra_headers={"X-Note": "Grüße"})
    source = office.page(f"/inbox/{number}?tab=headers")
    assert "Grüße</td>" in source
    assert "grace@example.com</td>" in source
    office.rights.discard("privacy")
    masked = office.page(f"/inbox/{number}?tab=headers")
    assert "grace@example.com" not in masked
    assert "grace@example.com" not in office.page("/inbox")


def test_without_the_right_nothing_is_read(office: Any) -> None:
    """The page says which right it takes; nor does the script read again what is open."""
    number = caught(office, html=HTML)
    live = office.get(f"/inbox/{number}", headers={"Smtpadmin-Live": "1"})
    assert "<iframe" not in live.text
    office.rights = {"view"}
    source = office.page(f"/inbox/{number}")
    assert "right read_content" in source
    assert "Release" not in source
    assert 'name="ids"' not in source
    assert read_parts(office) == []


def test_what_is_secret_is_not_shown(office: Any) -> None:
    """The page says why, and offers no way to another address."""
    message = Message("Hello", ["grace@example.com"], html=HTML, sender="app@example.com")
    with office.app.app_context():
        number = post(office.state, [message], Handling(secret=True))[0].id
    for tab in ("html", "text", "links", "source", "headers", "attachments"):
        source = office.page(f"/inbox/{number}?tab={tab}")
        assert "shop.example" not in source
        assert "What it says." not in source
        assert "is secret because of its type" in source
    assert 'value="other"' not in office.page(f"/inbox/{number}")
    office.post(f"/inbox/{number}/release", {"to": "other", "address": "me@example.org"})
    assert office.state_of(number) == "caught"
    office.post(f"/inbox/{number}/release")
    assert office.state_of(number) == "queued"


def test_a_developer_may_read_what_is_secret(office: Any) -> None:
    """Of an app in debug mode: the link in it is what is waited for."""
    office.app.debug = True
    message = Message("Hello", ["grace@example.com"], html=HTML, sender="app@example.com")
    with office.app.app_context():
        number = post(office.state, [message], Handling(secret=True))[0].id
    assert "<iframe" in office.page(f"/inbox/{number}")
    assert "https://shop.example/reset" in office.page(f"/inbox/{number}?tab=links")


def test_release_names_how_many_and_whom(office: Any) -> None:
    """One press on the page of the message, after it was said where it goes."""
    number = caught(office, cc=["copy@example.com"])
    source = office.page(f"/inbox/{number}")
    assert "for real to 2 addresses" in source
    assert "grace@example.com, copy@example.com" in source
    office.post(f"/inbox/{number}/release")
    assert office.state_of(number) == "queued"
    again = office.post(f"/inbox/{number}/release", follow_redirects=True)
    assert "Nothing was sent" in again.text
    assert "Release…" not in again.text


def test_a_copy_goes_to_one_other_address(office: Any) -> None:
    """To the person at the page or to another; what was caught stays."""
    number = caught(office)
    for form in ({"to": "me"}, {"to": "other", "address": "tester@example.org"}):
        answer = office.post(f"/inbox/{number}/release", form)
        assert office.state_of(int(answer.location.rpartition("/")[2])) == "queued"
    for form in ({"to": "other"}, {"to": "other", "address": "nobody"}):
        answer = office.post(f"/inbox/{number}/release", form, follow_redirects=True)
        assert "Nothing was sent" in answer.text
    assert office.state_of(number) == "caught"


def test_many_are_released_after_a_question(office: Any) -> None:
    """It names how many and the first recipients; what is not caught is left alone."""
    numbers = [caught(office, f"p{n}@example.com") for n in range(7)]
    dead = office.add("dead")
    form = {"action": "release", "ids": [*numbers, dead], "page": "inbox"}
    question = office.post("/messages/bulk?state=caught", form)
    assert "Release 8 messages?" in question.text
    assert "p0@example.com" in question.text
    assert "others." in question.text
    assert office.state_of(numbers[0]) == "caught"
    answer = office.post("/messages/bulk?state=caught", {**form, "confirm": "1"})
    assert answer.location.endswith("/inbox")
    assert {office.state_of(number) for number in numbers} == {"queued"}
    assert office.state_of(dead) == "dead"


def test_a_retry_of_what_was_caught_asks_too(office: Any) -> None:
    """However few are ticked: on the page of messages it would go to real people as well."""
    number, dead = caught(office), office.add("dead")
    form = {"action": "retry", "ids": [number, dead, 2**63]}
    question = office.post("/messages/bulk", form)
    assert "They go for real to grace@example.com." in question.text
    assert office.state_of(number) == "caught"
    assert office.post("/messages/bulk", {**form, "ids": [dead]}).status_code == 303
    office.rights.discard("privacy")
    assert "grace@example.com" not in office.post("/messages/bulk", form).text


def test_all_that_match_are_released_or_deleted_as_a_job(office: Any) -> None:
    """Release takes the search along; Delete all takes what was caught and nothing else."""
    first, second, dead = caught(office), caught(office, "ada@b.example"), office.add("dead")
    ask = {"action": "release", "all": "1", "page": "inbox"}
    question = office.post("/messages/bulk?state=caught&q=to:b.example", ask).text
    assert "Release 1 caught message?" in question
    assert "They go for real to ada@b.example." in question
    job = office.do_all("/messages/bulk?state=caught&q=to:b.example", action="release")
    assert job.changed == 1
    assert (office.state_of(second), office.state_of(first)) == ("queued", "caught")
    assert 'href="/admin/email/inbox?q=' in office.page(f"/messages/jobs/{job.id}")
    pattern = r'<form method="post" action="([^"]+)">(?:(?!</form>).)*Delete all'
    form = re.search(pattern, office.page("/inbox"), re.DOTALL)
    assert form
    assert form[1].endswith("/messages/bulk?state=caught")
    assert office.do_all("/messages/bulk?state=caught", action="delete").changed == 1
    assert office.state_of(dead) == "dead"


def test_a_deleted_message_leads_back_to_the_inbox(office: Any) -> None:
    """Who came from there goes on there."""
    number = caught(office)
    assert office.post(f"/messages/{number}/delete", {"page": "inbox"}).location.endswith("/inbox")
    assert rows(office.page("/inbox")) == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("catch", "Nothing was caught yet"),
        ("record", "Nothing was caught yet"),
        ("redirect:me@example.org", "Nothing is kept here"),
        ("live", "SMTPADMIN_MODE=catch"),
    ],
)
def test_an_empty_inbox_says_how_it_is_filled(make_office: Any, mode: str, words: str) -> None:
    """By what MODE is."""
    assert words in make_office(SMTPADMIN_MODE=mode).page("/inbox")


def test_the_navigation_names_it_where_it_is_of_use(make_office: Any) -> None:
    """While mail is caught or redirected, and as long as something is left."""
    live = make_office()
    assert 'href="/admin/email/inbox"' not in live.page("/messages")
    live.add("caught")
    assert 'href="/admin/email/inbox"' in live.page("/messages")
    assert 'href="/admin/email/inbox"' in make_office(SMTPADMIN_MODE="catch").page("/test")

"""The page of one message: timeline, preview, source, attachments, and what is around it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin import Message
from flask_smtpadmin.core.codes import enhanced_words, reply_words
from flask_smtpadmin.storage.database import utcnow

PIXEL = bytes.fromhex("89504e470d0a1a0a") + b"pixel"
FRAME = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


def send(office: Any, **values: Any) -> int:
    """Queue a message with text, HTML, a picture for it and a file."""
    given = {
        "body": "Plain words.",
        "html": "<p>Rich words <img src='cid:logo'><img src=\"https://far.example/x.png\"></p>",
        "sender": "Ada <app@example.com>",
        **values,
    }
    message = Message("Hello", ["grace@example.com"], **given)
    message.attach("logo.png", "image/png", PIXEL, "inline", headers={"Content-ID": "<logo>"})
    message.attach("bill.html", "text/html", b"<script>1</script>")
    with office.app.app_context():
        number: int = office.mail.send(message).id
    return number


def words(source: str) -> str:
    """Return the text of a page on one line."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", source)))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("5.1.1", "bad destination mailbox address"),
        ("4.2.2", "mailbox full"),
        ("5.07.26", "multiple authentication checks failed"),
        ("2.0.0", "success"),
        ("5.7.999", "security or policy problem"),
        ("5.99.1", "other or undefined status problem"),
        ("9.1.1", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_enhanced_codes_are_put_into_words(code: str | None, meaning: str) -> None:
    """RFC 3463 as a table; what nobody registered is told by its subject."""
    assert enhanced_words(code) == meaning


def test_reply_codes_are_put_into_words() -> None:
    """Known codes have words, unknown ones none."""
    assert reply_words(550) == "mailbox unavailable"
    assert (reply_words(299), reply_words(None)) == ("", "")


def test_each_attempt_is_told_in_plain_words(office: Any) -> None:
    """What happened in a sentence; codes, server, TLS and where the time went are folded away."""
    number = office.add("dead", attempts=1, failures=1)
    office.add_attempt(number)
    text = words(office.page(f"/messages/{number}"))
    for part in (
        "Failed for good",
        "There is no such mailbox.",
        "550 5.1.1 no such user",
        "naming the recipients (RCPT TO)",
        "bad destination mailbox address",
        "mailbox unavailable",
        "1.5 s with the worker, 500 ms with the server",
        "TLSv1.3",
    ):
        assert part in text
    assert "<details" in office.page(f"/messages/{number}")


def test_an_attempt_that_never_ended_has_no_times(office: Any) -> None:
    """Nothing is made up about an attempt whose worker did not come back."""
    number = office.add("queued")
    nothing = dict.fromkeys(("finished_at", "outcome", "cause", "code", "enhanced", "reply", "ms"))
    office.add_attempt(number, phase="handed_over", **nothing)
    text = words(office.page(f"/messages/{number}"))
    assert "Under way" in text
    assert "with the server" not in text


def test_the_tabs_are_links(office: Any) -> None:
    """Each part of a message has an address; one that nobody knows is the timeline."""
    number = send(office)
    for tab, part in {
        "text": "Plain words.",
        "source": "Subject: Hello",
        "attachments": "bill.html",
        "preview": f"/messages/{number}/html",
        "nonsense": "Stored in the queue",
    }.items():
        source = office.page(f"/messages/{number}?tab={tab}")
        assert part in source
        assert f"/messages/{number}?tab=text" in source


def test_the_preview_is_a_sandboxed_frame(office: Any) -> None:
    """The page may frame this site and nothing else; the frame may do nothing."""
    number = send(office)
    response = office.get(f"/messages/{number}?tab=preview")
    assert response.headers["Content-Security-Policy"].endswith("; frame-src 'self'")
    frame = re.search(r"<iframe [^>]*>", response.text)
    assert frame
    assert " sandbox " in frame[0]
    assert "allow-" not in frame[0]
    assert "Rich words" not in response.text
    other = office.get(f"/messages/{number}?tab=text")
    assert "frame-src" not in other.headers["Content-Security-Policy"]


def test_the_html_comes_with_a_policy_of_its_own(office: Any) -> None:
    """Sandboxed, styles and enclosed pictures only; no referrer leaves, nothing is cached."""
    response = office.get(f"/messages/{send(office)}/html")
    assert response.headers["Content-Security-Policy"] == FRAME
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "text/html; charset=utf-8"
    assert "src='data:image/png;base64," in response.text


def test_pictures_from_elsewhere_are_a_choice(office: Any) -> None:
    """They are off and said to be off; asked for, https is allowed for pictures, and only then."""
    number = send(office)
    page = office.page(f"/messages/{number}?tab=preview")
    assert "Pictures from elsewhere are not loaded." in page
    assert f"/messages/{number}?tab=preview&amp;images=1" in page
    loaded = office.page(f"/messages/{number}?tab=preview&images=1")
    assert f'src="/admin/email/messages/{number}/html?images=1"' in loaded
    policy = office.get(f"/messages/{number}/html?images=1").headers["Content-Security-Policy"]
    assert policy == FRAME.replace("img-src data:", "img-src data: https:")
    plain = send(office, html="<p>Nothing from elsewhere.</p>")
    assert "Load them" not in office.page(f"/messages/{plain}?tab=preview")


def test_the_source_is_plain_text_or_a_file(office: Any) -> None:
    """With the From line in front, as the server gets it; as .eml it is a download."""
    number = send(office)
    shown = office.get(f"/messages/{number}/source")
    assert shown.content_type == "text/plain; charset=utf-8"
    assert shown.text.startswith("From: Ada <app@example.com>\r\n")
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    saved = office.get(f"/messages/{number}/source?download=1")
    assert saved.content_type == "message/rfc822"
    assert saved.headers["Content-Disposition"] == f"attachment; filename=message-{number}.eml"
    assert saved.data == shown.data


def test_attachments_are_always_saved(office: Any) -> None:
    """Whatever type they claim: as a file, unsniffed; one that is not there is not found."""
    number = send(office)
    page = office.page(f"/messages/{number}?tab=attachments")
    assert re.findall(r'data-attachment="(\d)"', page) == ["1", "2"]
    response = office.get(f"/messages/{number}/attachments/2")
    assert response.data == b"<script>1</script>"
    assert response.content_type == "application/octet-stream"
    assert response.headers["Content-Disposition"] == "attachment; filename=bill.html"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert office.get(f"/messages/{number}/attachments/9").status_code == 404


@pytest.mark.parametrize("tab", ["preview", "text", "source", "attachments"])
def test_content_needs_its_right(office: Any, tab: str) -> None:
    """Without read_content each tab says so, shows nothing, and its addresses are closed."""
    number = send(office)
    office.rights.discard("read_content")
    source = office.page(f"/messages/{number}?tab={tab}")
    assert "right read_content" in source
    for secret in ("Plain words", "Rich words", "bill.html", "<iframe"):
        assert secret not in source
    for path in ("html", "source", "source?download=1", "attachments/1"):
        assert office.get(f"/messages/{number}/{path}").status_code == 403


@pytest.mark.parametrize("tab", ["preview", "text", "source", "attachments"])
def test_content_that_was_wiped_is_said_to_be(office: Any, tab: str) -> None:
    """The page says that it is no longer kept, and its addresses are not found."""
    number = send(office)
    with office.app.app_context(), office.state.database.write() as connection:
        connection.execute(sa.delete(office.state.models.table("Content")))
    assert "The content is no longer kept" in office.page(f"/messages/{number}?tab={tab}")
    for path in ("html", "source", "attachments/1"):
        assert office.get(f"/messages/{number}/{path}").status_code == 404


@pytest.mark.parametrize("state", ["dead", "sent"])
def test_nothing_is_offered_for_content_that_was_wiped(office: Any, state: str) -> None:
    """No button sends what is gone; a form from before is answered in words."""
    number = office.add(state)
    page = office.page(f"/messages/{number}")
    assert "Send again" in page
    assert ("Retry" in words(page)) is (state == "dead")
    with office.app.app_context(), office.state.database.write() as connection:
        connection.execute(sa.delete(office.state.models.table("Content")))
    page = office.page(f"/messages/{number}")
    assert "Send again" not in page
    assert "Retry" not in words(page)
    answer = words(office.post(f"/messages/{number}/retry", follow_redirects=True).text)
    assert ("What this message said is no longer kept" in answer) is (state == "dead")


def test_addresses_in_headers_are_masked_without_privacy(office: Any) -> None:
    """Who may read content but not see addresses gets the source with masked headers."""
    number = send(office)
    office.rights.discard("privacy")
    for path in ("/source", "/source?download=1", "?tab=source"):
        source = office.page(f"/messages/{number}{path}")
        assert "grace@example.com" not in source
        assert "app@example.com" not in source
        assert "g•••@example.com" in html.unescape(source)


def test_next_and_previous_stay_within_the_filter(office: Any) -> None:
    """They lead to the neighbours that the list shows, and keep its address."""
    first, _other, second, third = (office.add(state) for state in ("dead", "sent", "dead", "dead"))
    office.add("sent")
    assert f'href="/admin/email/messages/{second}?state=dead"' in office.page(
        "/messages?state=dead"
    )
    source = office.page(f"/messages/{second}?state=dead")
    assert re.search(rf'href="/admin/email/messages/{third}\?state=dead" rel="prev"', source)
    assert re.search(rf'href="/admin/email/messages/{first}\?state=dead" rel="next"', source)
    assert 'class="sa-back" href="/admin/email/messages?state=dead"' in source
    last = office.page(f"/messages/{first}?state=dead")
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last


def test_number_message_id_and_error_can_be_copied(office: Any) -> None:
    """Each stands in an element that its copy button names."""
    number = office.add("dead", error="550 no")
    source = office.page(f"/messages/{number}")
    for name in ("message-number", "message-id", "error"):
        assert f'id="{name}"' in source
        assert f'data-copy="{name}"' in source


def test_the_next_try_is_on_the_page(office: Any) -> None:
    """A message that waits for its next try says when that is."""
    number = office.add("retrying", run_at=utcnow() + timedelta(minutes=10))
    assert "Next try" in office.page(f"/messages/{number}")

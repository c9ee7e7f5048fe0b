"""Whatever a message or a server says stays text: payloads in every place that shows some."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa
from support.payloads import PAYLOADS

from flask_smtpadmin.core.mail.shown import file_name, read
from flask_smtpadmin.storage.database import utcnow

#: the one way in which an address that a message names may be pressed
OPENS = re.compile(r'<a href="https?://[^"]+" target="_blank" rel="noopener noreferrer">')
INBOX_TABS = ("html", "text", "links", "attachments", "headers", "source")
TABS = ("", "preview", "text", "source", "attachments")


class Markup(HTMLParser):
    """Notes what a browser would run, load or open that a page of ours never holds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of one element."""
        given = dict(attrs)
        if tag in {"object", "embed", "base", "marquee", "math", "style"}:
            self.found.append(tag)
        if tag == "script" and not given.get("src"):
            self.found.append("inline script")
        if tag == "meta" and "http-equiv" in given:
            self.found.append("meta")
        for name, value in attrs:
            if name.startswith("on") or name in {"srcdoc", "style", "autofocus"}:
                self.found.append(f"{tag} {name}")
            if name in {"href", "src", "action", "formaction", "data"}:
                target = value or ""
                if not target.startswith(("/admin/email/", "#", "?")):
                    self.found.append(f"{tag} {name}={target}")


def foreign(source: str) -> list[str]:
    """Return the markup in a page that is not ours."""
    parser = Markup()
    parser.feed(source)
    return parser.found


def mail(payload: str) -> bytes:
    """Return a message whose every part is hostile, as another program might have stored it."""
    quoted = payload.replace("\\", "\\\\").replace('"', '\\"')
    lines = (
        f"Subject: {payload}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        payload,
        "--b",
        "Content-Type: text/html",
        "",
        f"<p>{payload}</p>",
        "--b",
        'Content-Type: image/png">' + payload.replace("/", "_"),
        f'Content-Disposition: attachment; filename="{quoted}"',
        f"Content-ID: <{payload}>",
        "",
        payload,
        "--b--",
        "",
    )
    return "\r\n".join(lines).encode()


def plant(office: Any, payload: str) -> int:
    """Put the payload wherever a page shows something of a message."""
    number: int = office.add(
        "dead", subject="x", cause="recipient_unknown", error=payload, attempts=1
    )
    now = utcnow()
    models = office.state.models
    with office.app.app_context(), office.state.database.write() as connection:
        for name, values in {
            "Message": {
                "subject": payload,
                "sender": payload,
                "first_recipient": payload,
                "type": payload[:64],
                "key": payload,
            },
            "Content": {"body": mail(payload)},
            "Recipient": {"address": payload, "state": "refused", "reply": payload},
        }.items():
            connection.execute(sa.update(models.table(name)).values(values))
        attempt = {
            "message": number,
            "n": 1,
            "worker_id": payload[:64],
            "server_key": payload[:32],
            "address": payload,
            "started_at": now,
            "phase": payload[:16],
            "outcome": "dead",
            "cause": payload[:48],
            "enhanced": payload[:12],
            "reply": payload,
            "tls": payload[:80],
        }
        connection.execute(sa.insert(models.table("Attempt")).values(attempt))
        row = {"hour": int(now.timestamp()) // 3600, "place": "w", "kind": "refused"}
        table = models.table("Hour")
        connection.execute(sa.insert(table).values({**row, "name": payload[:255], "n": 1}))
    return number


@pytest.mark.parametrize("payload", PAYLOADS[::3])
def test_no_payload_is_markup_in_the_inbox(office: Any, payload: str) -> None:
    """Only web addresses become links, and those in a tab that knows nothing of ours."""
    number = plant(office, payload)
    table = office.state.models.table("Message")
    with office.app.app_context(), office.state.database.write() as connection:
        connection.execute(sa.update(table).values(state="caught", attempts=0))
    for tab in INBOX_TABS:
        source = office.page(f"/inbox/{number}?tab={tab}")
        assert payload not in source
        source = re.sub(
            r'<a href="https?://[^"]+" target="_blank" rel="noopener nore', "<b ", source
        )
        assert foreign(source) == []


@pytest.mark.parametrize("n", range(len(PAYLOADS)))
def test_no_payload_is_markup_on_any_page(office: Any, n: int) -> None:
    """Escaped on every page; only the sandboxed answers hold it as it is, with their policy."""
    payload = PAYLOADS[n]
    number = plant(office, payload)
    pages = [f"/messages/{number}?tab={tab}" for tab in TABS]
    for path in (*pages, "/", "/messages", "/settings"):
        source = office.page(path)
        assert payload not in source
        assert foreign(source) == []
    for path in ("html", "source", "attachments/1"):
        response = office.get(f"/messages/{number}/{path}")
        assert response.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type.startswith("text/html") is (path == "html")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_file_name_is_safe_to_save(payload: str) -> None:
    """No path, no control character, no sign that a system reads otherwise, never empty."""
    name = file_name(f"../../etc/{payload}\r\nX: y\u202egnp.exe")
    assert name
    assert not re.search(r"[\x00-\x1f/\\:*?\"<>|\u202e]", name)
    assert not name.startswith(".")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"Content-Type: text/html; charset=utf-16\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nHello",
        b"Content-Disposition: attachment; filename*=utf-99'x'%ff\r\n\r\nx",
        b"Content-Disposition: attachment; filename*0=a; filename*2=b\r\n\r\nx",
        b"Content-Type: image/png; name=\xff\xfe\r\nContent-ID: <\xff>\r\n\r\nx",
    ],
)
def test_a_broken_message_is_shown_as_far_as_it_can_be(content: bytes) -> None:
    """No message is so odd that reading it raises, and all of its text can be sent."""
    found = read(content)
    for text in (found.text, found.html, *(item.name for item in found.attachments)):
        (text or "").encode()


def test_only_harmless_pictures_are_put_into_the_html() -> None:
    """A type that is no picture, or more than a type, is never written into an attribute."""
    parts = [
        b'Content-Type: image/svg+xml\r\nContent-ID: <a>\r\n\r\n<svg onload="pwned()"/>',
        b'Content-Type: image/png"onerror="pwned()\r\nContent-ID: <b>\r\n\r\nx',
        b"Content-Type: text/html\r\nContent-Disposition: attachment\r\nContent-ID: <c>\r\n\r\nx",
    ]
    html = b"Content-Type: text/html\r\n\r\n<img src=cid:a><img src=cid:b><img src=cid:c>"
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in (html, *parts)) + b"--b--\r\n"
    content = b'Content-Type: multipart/related; boundary="b"\r\n\r\n' + body
    assert read(content).html == "<img src=cid:a><img src=cid:b><img src=cid:c>"

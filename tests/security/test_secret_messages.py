"""A reset link takes the account of whoever it is for: it is nowhere but in the mail."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.apps import Site
from support.queue_server import QueueServer
from support.scripted import Raw, scripted_server
from support.ways import PREFIX, Ways

from flask_smtpadmin import InvalidMessage, Message
from flask_smtpadmin.core.errors import ContentSecret
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.posting import post, resend
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.worker.supervisor import Supervisor

CODE = "kanari7f3a"
LINK = f"https://shop.example/reset/{CODE}?for=ada"
TABS = ("", "preview", "text", "source", "attachments")


def send(ways: Ways, **options: Any) -> int:
    """Queue a mail with the link in every part of it; return its number."""
    message = Message(f"Reset {LINK}", ["grace@example.com"], LINK, html=f"<a href='{LINK}'>Go</a>")
    message.sender = "app@example.com"
    message.attach("code.txt", "text/plain", LINK.encode())
    with ways.app.app_context():
        handling = Handling(secret=True, type="password_reset", **options)
        (queued,) = post(ways.state, [message], handling)
    return queued.id


def shown(ways: Ways, number: int) -> str:
    """Return all that pages, commands and Python tell of a message."""
    paths = [f"/messages/{number}?tab={tab}" for tab in TABS]
    paths += [f"/messages/{number}/{part}" for part in ("html", "source", "attachments/1")]
    paths += ["/", "/messages", "/messages?q=Reset", "/activity", "/audit"]
    paths += ["/messages/export.csv", "/messages/export.json", "/audit/export"]
    texts = [ways.client.get(PREFIX + path).text for path in paths]
    session = re.search(r"/activity/([0-9a-f]{16})", "".join(texts))
    if session:
        texts.append(ways.client.get(f"{PREFIX}/activity/{session[1]}").text)
    runner = ways.app.test_cli_runner()
    commands = (["show", str(number)], ["source", str(number)], ["list", "--json"], ["export"])
    texts += [runner.invoke(args=["smtp", "queue", *command]).output for command in commands]
    with ways.app.app_context():
        texts += [repr(ways.mail.queue.get(number)), repr(ways.state.queue.get(number))]
        texts += map(repr, ways.mail.queue.export())
    return "".join(texts)


def stored(ways: Ways) -> str:
    """Return everything that the database holds."""
    metadata = ways.state.models.metadata
    with ways.app.app_context(), ways.state.database.read() as connection:
        rows = [connection.execute(sa.select(item)).all() for item in metadata.sorted_tables]
    return repr(rows)


@pytest.fixture
def build(make_app: Callable[..., Site], sqlite_url: str) -> Callable[..., Ways]:
    """``build(**config)``: a site on an SQLite file."""

    def build(**config: Any) -> Ways:
        return Ways(make_app(sqlite_url, SMTPADMIN_FROM_EMAIL="app@example.com", **config))

    return build


@pytest.mark.parametrize("reply", ["250 ok", "554 5.7.1 blocked: {}", "451 4.7.1 see {}"])
def test_the_link_is_nowhere(
    build: Callable[..., Ways],
    tmp_path: Path,
    redis_server: QueueServer,
    caplog: pytest.LogCaptureFixture,
    reply: str,
) -> None:
    """Accepted, or refused by a filter that quotes it: not in tables, files, pages, logs, Redis."""
    caplog.set_level(logging.DEBUG)
    said = reply.format(LINK).encode()
    with scripted_server({"dot": Raw(said + b"\r\n")}) as server:
        ways = build(
            SMTPADMIN_HOST="127.0.0.1",
            SMTPADMIN_PORT=server.port,
            SMTPADMIN_TLS_MODE="none",
            SMTPADMIN_REDIS_URL=redis_server.url,
            SMTPADMIN_LOG_DIR=str(tmp_path / "logs"),
        )
        ways.app.instance_path = str(tmp_path / "instance")
        number = send(ways)
        waiting = shown(ways, number) + stored(ways)
        worker = threading.Thread(target=Supervisor(ways.state, Options(burst=True)).run)
        worker.start()
        worker.join(60)
    client = redis_server.client()
    kept = [client.dump(key) or b"" for key in client.scan_iter()]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert CODE not in waiting + shown(ways, number) + stored(ways) + logged
    assert not [data for data in (*files, *kept) if CODE.encode() in data]
    assert [CODE.encode() in one.content for one in server.deliveries] == [True]


def test_the_page_says_why_in_one_sentence(build: Callable[..., Ways]) -> None:
    """Kept, failed and wiped are told apart; the content's own addresses answer 403."""
    ways = build()
    number = send(ways)
    text = ways.client.get(f"{PREFIX}/messages/{number}?tab=text").text
    assert "nobody can read it here. It is wiped as soon as it is sent." in text
    for part in ("html", "source", "source?download=1", "attachments/1"):
        assert ways.client.get(f"{PREFIX}/messages/{number}/{part}").status_code == 403
    table = ways.state.models.table("Message")
    for state, words in (("dead", "can be retried until then"), ("sent", "and was wiped")):
        with ways.app.app_context(), ways.state.database.write() as connection:
            values = {"state": state, "run_at": None, "state_at": utcnow()}
            connection.execute(sa.update(table).values(**values))
            if state == "sent":
                connection.execute(sa.delete(ways.state.models.table("Sealed")))
        assert words in ways.client.get(f"{PREFIX}/messages/{number}?tab=preview").text
    assert "message.read" not in stored(ways)


def test_nobody_sends_it_to_an_address_of_theirs(build: Callable[..., Ways]) -> None:
    """Only its own recipients get it again, sealed anew under a Message-ID of its own."""
    ways = build()
    number = send(ways, expires_in=3600)
    page = ways.client.get(f"{PREFIX}/messages/{number}").text
    assert 'value="other"' not in page
    answer = ways.post(f"/messages/{number}/resend", {"to": "other", "address": "me@evil.example"})
    assert "its own recipients alone" in ways.client.get(answer.headers["Location"]).text
    with ways.app.app_context():
        with pytest.raises(InvalidMessage):
            resend(ways.state, number, "me@evil.example")
        new = resend(ways.state, number)
        first, again = (ways.state.queue.get(one) for one in (number, new.id))
        assert again.message.secret
        assert [one.address for one in again.recipients] == ["grace@example.com"]
        assert again.message.subject == first.message.subject
        assert first.message.expires_at
        assert again.message.expires_at
        assert abs((again.message.expires_at - first.message.expires_at).total_seconds()) < 1
        body = ways.state.queue.sealed(new.id) or b""
        assert CODE.encode() in ways.state.seals.open(new.message_id, body)
        ways.state.queue.cancel(number)
    answer = ways.post(f"/messages/{number}/resend", {"to": "original"})
    assert "so it cannot be sent any more" in ways.client.get(answer.headers["Location"]).text


@pytest.mark.parametrize(("debug", "mode"), [(True, "catch"), (False, "catch"), (True, "live")])
def test_a_developer_sees_the_link_of_caught_mail(
    build: Callable[..., Ways], mode: str, *, debug: bool
) -> None:
    """In debug mode, caught, with the right, and audited; in any other case nobody does."""
    ways = build(SMTPADMIN_MODE=mode)
    ways.app.debug = debug
    number = send(ways)
    opens = debug and mode == "catch"
    assert (CODE in shown(ways, number)) is opens
    assert ("message.read" in stored(ways)) is opens
    ways.mail.access_check(lambda right: right != "read_content")
    assert CODE not in "".join(
        ways.client.get(f"{PREFIX}/messages/{number}?tab={tab}").text for tab in TABS
    )
    if not opens:
        with ways.app.app_context(), pytest.raises(ContentSecret):
            ways.mail.queue.source(number)

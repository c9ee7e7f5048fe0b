"""Is it healthy? And the command line that asks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin.storage.database import utcnow


def run(shop: Shop, *arguments: str, code: int = 0) -> Any:
    """Run ``flask smtp ... --json`` and return the document it prints."""
    result = shop.app.test_cli_runner().invoke(args=["smtp", *arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def beat(shop: Shop, name: str, seconds_ago: float, **values: Any) -> None:
    """Write a worker's heartbeat."""
    now = utcnow()
    row = {
        "id": name,
        "name": name,
        "host": "box",
        "pid": 1,
        "identity": "x",
        "started_at": now,
        "beat_at": now - timedelta(seconds=seconds_ago),
        "version": "1",
        "fingerprints": '{"default": "abc"}',
        **values,
    }
    with shop.state.database.write() as connection:
        connection.execute(sa.insert(shop.state.models.table("Worker")).values(row))


@pytest.fixture
def ready(make_shop: Any) -> Shop:
    """Return a shop with a server."""
    shop: Shop = make_shop(SMTPADMIN_HOST="smtp.example.com")
    return shop


def test_live_workers(ready: Shop) -> None:
    """A worker is live within 45 s of its last beat; one that stopped is not listed."""
    beat(ready, "here", 40)
    beat(ready, "lost", 50)
    beat(ready, "stopped", 1, stopped_at=utcnow())
    workers = ready.state.summary.workers()
    assert [(one.name, one.live) for one in workers] == [("here", True), ("lost", False)]
    assert workers[0].fingerprints == {"default": "abc"}


def test_empty_is_healthy(sqlite_shop: Shop) -> None:
    """Nothing waits: no worker and no server is no fault."""
    assert run(sqlite_shop, "status")["healthy"] is True


def test_no_worker(ready: Shop) -> None:
    """Mail waits and no worker is live: exit 1 and the command to start one."""
    ready.mail.send(letter())
    beat(ready, "lost", 50)
    document = run(ready, "status", code=1)
    assert "smtp-worker" in document["problems"][0]
    assert document["figures"]["queued"] == 1
    beat(ready, "here", 1)
    assert run(ready, "status")["problems"] == []


def test_no_usable_server(sqlite_shop: Shop) -> None:
    """Mail waits and no server can take it: exit 1."""
    sqlite_shop.mail.send(letter())
    beat(sqlite_shop, "here", 1)
    document = run(sqlite_shop, "status", code=1)
    assert "no mail server" in document["problems"][0]
    assert document["servers"]["default"]["configured"] is False


def test_missing_tables(sqlite_shop: Shop) -> None:
    """Without the tables status exits 1 and names the command."""
    sqlite_shop.db.session.remove()
    sqlite_shop.db.drop_all()
    sqlite_shop.state.settings.__dict__["_loaded"] = None
    error = run(sqlite_shop, "status", code=1)["error"]
    assert (error["code"], "flask db upgrade" in error["message"]) == ("schema_missing", True)


def test_queue_commands(ready: Shop) -> None:
    """Every verb of the page has a command with the same words."""
    first, second = (ready.mail.send(letter()).id for _ in range(2))
    page = run(ready, "queue", "list", "--limit", "1")
    assert [one["id"] for one in page["messages"]] == [second]
    rest = run(ready, "queue", "list", "--cursor", page["next"])
    assert ([one["id"] for one in rest["messages"]], rest["next"]) == ([first], None)
    assert run(ready, "queue", "show", str(first))["recipients"][0]["kind"] == "to"
    assert run(ready, "queue", "cancel", str(first)) == {"cancelled": 1}
    assert run(ready, "queue", "cancel", str(first), code=2)["error"]["code"] == "wrong_state"
    assert run(ready, "queue", "retry", "--state", "cancelled") == {"retried": 1}
    assert run(ready, "queue", "retry", code=2)["error"]["code"] == "usage"
    assert run(ready, "queue", "cancel", "--state", "queued") == {"cancelled": 2}
    assert run(ready, "queue", "purge", code=2)["error"]["code"] == "usage"
    assert run(ready, "queue", "purge", "--yes") == {"purged": 2}
    assert run(ready, "queue", "show", str(first), code=2)["error"]["code"] == "not_found"


def test_pause(ready: Shop) -> None:
    """Pause and resume are seen by status, and by the API."""
    assert run(ready, "queue", "pause") == {"server": None, "paused": True}
    assert run(ready, "status")["paused"] is True
    ready.mail.resume()
    assert ready.mail.status()["paused"] is False
    ready.mail.pause("default")
    assert ready.mail.status()["servers"]["default"]["state"] == "paused"
    assert run(ready, "queue", "resume", "default") == {"server": "default", "paused": False}
    assert run(ready, "queue", "pause", "nowhere", code=2)["error"]["code"] == "not_found"


def test_the_mode_is_told(make_shop: Any) -> None:
    """What becomes of new mail and who decides; it is no fault, so the exit is 0."""
    shop = make_shop(SMTPADMIN_MODE="redirect:me@example.org", SMTPADMIN_CATCH_ALLOW="a.example")
    assert run(shop, "status")["mode"] == "redirect"
    text = shop.app.test_cli_runner().invoke(args=["smtp", "status"]).output
    assert (
        "MODE is redirect (SMTPADMIN_MODE): new mail to anybody else goes to me@example.org" in text
    )


def test_release_asks_and_names_the_recipients(make_shop: Any) -> None:
    """By number, by search, all, or a copy to one address; after a no nothing has happened."""
    shop = make_shop(SMTPADMIN_MODE="catch")
    numbers = [str(shop.mail.send(letter(f"p{n}@example.com")).id) for n in range(7)]
    runner = shop.app.test_cli_runner()
    asked = runner.invoke(args=["smtp", "queue", "release", *numbers], input="n\n")
    assert "Send 7 of the messages for real to p0@example.com, p1@" in asked.output
    assert "and 2 more?" in asked.output
    assert shop.state.queue.counts("caught")["caught"] == 7
    asked = runner.invoke(args=["smtp", "queue", "release", "--all"], input="n\n")
    assert "Send 7 caught messages for real to their recipients?" in asked.output
    to = ["--to", "me@example.org", "--yes"]
    assert run(shop, "queue", "release", numbers[0], *to) == {"released": 1}
    assert run(shop, "queue", "release", numbers[0], "--yes") == {"released": 1}
    assert run(shop, "queue", "release", "-q", "to:p1@example.com", "--yes") == {"released": 1}
    assert run(shop, "queue", "release", "--all", "--yes") == {"released": 5}
    for wrong in ([], ["--all"], [numbers[0], "--all", "--yes"], ["--all", *to]):
        assert run(shop, "queue", "release", *wrong, code=2)["error"]["code"] == "usage"


@pytest.mark.parametrize("command", [["status"], ["queue", "list"], ["queue", "wake"]])
def test_text_for_people(ready: Shop, command: list[str]) -> None:
    """Without --json there is text, and no JSON."""
    ready.mail.send(letter())
    beat(ready, "here", 1)
    result = ready.app.test_cli_runner().invoke(args=["smtp", *command])
    assert (result.exit_code, "{" in result.output) == (0, False)


def test_detail_for_people(ready: Shop) -> None:
    """A message's own page as text names its recipients."""
    number = ready.mail.send(letter()).id
    result = ready.app.test_cli_runner().invoke(args=["smtp", "queue", "show", str(number)])
    assert "ada@example.com" in result.output


def test_api_twin(ready: Shop) -> None:
    """``mail.queue`` and its kin return what the commands print."""
    number = ready.mail.send(letter()).id
    assert ready.mail.queue.list() == run(ready, "queue", "list")
    assert ready.mail.queue.get(number) == run(ready, "queue", "show", str(number))
    assert ready.mail.queue.cancel(number)["state"] == "cancelled"
    assert ready.mail.queue.retry(number)["state"] == "queued"
    assert ready.mail.queue.purge(state="queued") == {"purged": 1}
    assert ready.mail.config() == run(ready, "config")
    assert ready.mail.status() == run(ready, "status")

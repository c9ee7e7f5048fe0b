"""What an entry tells: values before and after, no secret ever, and always with its change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin import Message
from flask_smtpadmin.core.audit import Who
from flask_smtpadmin.core.audit_export import as_csv, as_json
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.audit_words import ACTIONS, sentence
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.deeds import Deed
from flask_smtpadmin.core.errors import InvalidSettings, NotFound
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.storage import queue as queue_module
from flask_smtpadmin.storage.notes import as_actor

CANARY = "canary-5e1c-secret"


def add(book: Any, state: str = "dead", to: str = "grace@example.com") -> int:
    """Queue a message and put it into a state."""
    number: int = book.site.mail.send(
        Message("Hello", recipients=[to], body="x", sender="app@example.com")
    ).id
    table = book.state.models.table("Message")
    with book.state.database.write() as connection:
        change = sa.update(table).where(table.c.id == number)
        connection.execute(change.values(state=state, run_at=None))
    return number


def test_a_saved_server_tells_what_differs(book: Any) -> None:
    """From and to for values, changed for secrets, nothing for what stayed; in plain words."""
    save = book.state.settings.save_server
    save("default", {"host": "a.example", "username": "u", "password": CANARY}, actor="Ada")
    save("default", {"host": "b.example", "username": "u", "password": CANARY + "2"}, actor="Ada")
    save("default", {"host": "b.example"}, actor="Ada")
    assert [sentence(entry) for entry in book.entries] == [
        "Ada changed server default: host set to a.example; password changed; username set to u",
        "Ada changed server default: host from a.example to b.example; password changed",
        "Ada changed server default: nothing was different",
    ]
    assert book.entries[1].details == {
        "fields": {"host": {"from": "a.example", "to": "b.example"}, "password": "changed"}
    }


def test_secrets_are_in_no_entry(book: Any) -> None:
    """Passwords, and the proxy's in its URL: neither clear nor sealed, nor when removed."""
    save = book.state.settings.save_server
    first = {"host": "a.example", "username": "u", "password": CANARY}
    save("default", {**first, "proxy_url": f"socks5://p:{CANARY}@proxy.example"})
    save("default", {}, remove=["password", "proxy_url"])
    save("acme", first, create=True)
    book.state.settings.delete_server("acme")
    told = json.dumps([entry.document() for entry in book.entries])
    assert CANARY not in told
    assert "gAAAA" not in told
    assert book.entries[1].details["fields"] == {"password": "removed", "proxy_url": "removed"}
    assert book.entries[3].details["fields"]["password"] == "removed"
    assert book.entries[3].details["fields"]["host"] == {"from": "a.example", "to": None}


def test_each_verb_of_the_settings_leaves_its_entry(book: Any, monkeypatch: Any) -> None:
    """Save, pause, resume, switch, delete, adopt, with the actor that the caller names."""
    settings = book.state.settings
    settings.save_values({"max_queue": "50"}, actor="Ada")
    settings.save_server("acme", {"host": "a.example"}, create=True, actor="Ada")
    for key in (None, "acme"):
        settings.set_paused(key, paused=True, actor="Ada")
        settings.set_paused(key, paused=False, actor="Ada")
    settings.set_enabled("acme", enabled=False, actor="Ada")
    settings.set_enabled("acme", enabled=True, actor="Ada")
    settings.delete_server("acme", actor="Ada")
    monkeypatch.setenv("SMTPADMIN_INSTANCE", "shop")
    settings.adopt(actor="Ada")
    assert book.actions == [
        "settings.save", "server.add", "sending.pause", "sending.resume", "server.pause",
        "server.resume", "server.disable", "server.enable", "server.delete", "mail.adopt",
    ]  # fmt: skip
    assert {entry.actor for entry in book.entries} == {"Ada"}
    assert sentence(book.entries[0]) == "Ada changed the settings: max queue set to 50"


def test_no_change_no_entry_and_no_entry_no_change(book: Any) -> None:
    """What was refused is in no entry; a change whose entry cannot be written is not made."""
    number = add(book)
    with pytest.raises(InvalidSettings):
        book.state.settings.save_server("default", {"port": "none"})
    with pytest.raises(NotFound):
        book.state.queue.cancel(number + 1)
    assert book.actions == []
    book.tamper("ALTER TABLE smtpadmin_audit RENAME TO elsewhere")
    for act in (
        lambda: book.state.queue.retry(number),
        lambda: book.state.queue.delete(number),
        lambda: book.state.queue.retry_all(Filter(state="dead")),
        book.state.queue.purge,
        lambda: book.state.settings.save_server("default", {"host": "a.example"}),
        book.state.pause,
        lambda: book.state.checks.add(book.state.settings.snapshot().default, Wish()),
    ):
        with pytest.raises(Exception, match="smtpadmin"):
            act()
    book.tamper("ALTER TABLE elsewhere RENAME TO smtpadmin_audit")
    assert book.state.queue.get(number).message.state == "dead"
    snapshot = book.state.settings.snapshot()
    assert (snapshot.default.host, snapshot.paused) == ("", False)
    assert book.state.checks.latest(9) == ()
    assert book.actions == []


def test_a_message_is_named_by_its_number(book: Any) -> None:
    """Retry, cancel, settle, delete: one entry each, without subject or address."""
    number = add(book)
    book.state.queue.retry(number)
    book.state.queue.cancel(number)
    book.state.queue.mark_sent(add(book, "uncertain"))
    book.state.queue.delete(number)
    assert book.actions == [
        "message.retry",
        "message.cancel",
        "message.mark_sent",
        "message.delete",
    ]
    assert book.entries[0].object == f"message:{number}"
    assert "example.com" not in json.dumps([entry.document() for entry in book.entries])


def test_a_wide_action_is_one_entry_with_filter_and_count(book: Any) -> None:
    """However many messages it meant; an address in the text that was searched is masked."""
    numbers = [add(book) for _ in range(5)]
    book.state.queue.retry_all(Filter(state="dead", q="grace@example.com"))
    book.state.queue.cancel_all(Filter(state="dead"))
    book.state.queue.together(Deed("cancel"), [*numbers, 999])
    book.state.queue.purge()
    assert book.actions == ["queue.retry", "queue.cancel", "queue.purge"]
    first = book.entries[0].details
    assert first == {"filter": {"state": "dead", "text": "g•••@example.com"}, "count": 5}
    assert book.entries[1].details["count"] == 5
    assert sentence(book.entries[2]) == "The app purged 5 messages: state ended"


def test_a_long_action_says_when_it_begins_and_ends(
    book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several transactions, the first tells of it, too: a crash leaves no change untold."""
    monkeypatch.setattr(queue_module, "CHUNK", 2)
    for _ in range(5):
        add(book)
    assert book.state.queue.delete_all(Filter()) == 5
    begun, ended = book.entries
    assert (begun.details.get("begun"), "count" in begun.details) == (True, False)
    assert ended.details["count"] == 5


def test_a_test_tells_whom_it_went_to_without_the_address(book: Any) -> None:
    """The recipient is masked, with a pseudonym that finds the same address again."""
    server = book.state.settings.snapshot().default
    book.state.checks.add(server, Wish(to="grace@example.com"), actor="Ada", batch="b")
    book.state.checks.add(server, Wish(to="Grace@Example.com"), saved=False)
    book.state.checks.add(server, Wish(), kind="health")
    book.state.checks.cancel("b")
    book.state.checks.cancel("b")
    assert book.actions == ["check.start", "check.start", "check.cancel"]
    first, second = (entry.details["to"] for entry in book.entries[:2])
    assert first["masked"] == "g•••@example.com"
    assert first["hash"] == second["hash"] != ""
    assert "grace@" not in json.dumps([entry.document() for entry in book.entries]).lower()


def test_the_app_the_command_line_and_a_worker_are_told_apart(book: Any) -> None:
    """Who acts comes from where the act comes in."""
    book.site.mail.pause()
    result = book.run("smtp queue resume")
    assert result.exit_code == 0
    with as_actor(Who(origin="worker")):
        book.state.pause()
    origins = [(entry.origin, bool(entry.actor)) for entry in book.entries]
    assert origins == [("api", False), ("cli", True), ("worker", False)]
    assert sentence(book.entries[0]) == "The app paused all sending"


def test_a_misspelt_action_is_refused(book: Any) -> None:
    """The table of actions is the only place that has names."""
    with pytest.raises(KeyError):
        book.state.audit.record("server.saev", "server:default")
    assert book.actions == []


@pytest.mark.parametrize("actor", ["a\0b", "x" * 400, "\ud800", "line\nbreak", "Zoë 😀"])
def test_odd_names_are_stored_and_still_prove(
    make_book: Callable[..., Any], database_url: str, actor: str
) -> None:
    """What a database would refuse or change does not come that far."""
    book = make_book(database_url)
    with as_actor(Who(actor, "page", actor)):
        book.state.audit.record("message.read", f"message:{actor}", {"text": actor})
    assert book.state.trail.verify().ok


def test_cells_are_no_formulas(book: Any) -> None:
    """A name that a spreadsheet would compute stands behind an apostrophe."""
    for name in ("=1+1", "+1", "-1", "@SUM(A1)"):
        book.state.settings.set_paused(None, paused=True, actor=name)
    text = "".join(as_csv(book.entries, str))
    for name in ("=1+1", "+1", "-1", "@SUM(A1)"):
        assert f",'{name}," in text
        assert f",{name}," not in text


def test_an_export_is_valid_with_and_without_entries(book: Any) -> None:
    """JSON can be read in any case, and each text in it was masked."""
    assert json.loads("".join(as_json([], str))) == {"entries": []}
    book.state.settings.save_values({"app_name": 'é"@x.example, =1'}, actor="ada@example.com")
    found = json.loads("".join(as_json(book.entries, str.upper)))
    assert found["entries"][0]["actor"] == "ADA@EXAMPLE.COM"


def test_each_action_has_words(book: Any) -> None:
    """Every action of the table makes a sentence that names the person and the object."""
    for action in ACTIONS:
        book.state.audit.record(action, "server:default", {"count": 2})
    for entry in book.state.trail.of(Sought()):
        told = sentence(entry)
        assert "{" not in told
        assert told.startswith("The app ")

"""``flask smtp audit``, and that each command that changes something leaves an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from example_app.demo.names import name_server
from flask_smtpadmin import Message, Texts
from flask_smtpadmin.cli.smtp import smtp

#: Commands that change nothing and show no more than a page does.
CHANGES_NOTHING = {
    "activity", "audit", "audit verify", "config", "explain", "presets", "status",
    "types", "types show",
    "queue failures", "queue history", "queue list", "queue show", "queue wake",
}  # fmt: skip
#: command -> its arguments and the entry it leaves
CHANGES = {
    "adopt": ("", "mail.adopt"),
    "check": ("", "check.start"),
    "test": ("ada@example.com", "check.start"),
    "dns": ("example.org", "domain.check"),
    "find": ("ada@example.org", "server.find"),
    "queue retry": ("1", "message.retry"),
    "queue cancel": ("1", "message.cancel"),
    "queue mark-sent": ("1", "message.mark_sent"),
    "queue delete": ("1 --yes", "message.delete"),
    "queue send-via": ("default 1", "message.send_via"),
    "queue release": ("1 --yes", "message.release"),
    "queue resend": ("1", "message.resend"),
    "queue source": ("1", "message.read"),
    "queue replay": ("unknown_host", "queue.retry"),
    "queue export": ("", "queue.download"),
    "queue purge": ("--state queued --yes", "queue.purge"),
    "queue pause": ("", "sending.pause"),
    "queue resume": ("", "sending.resume"),
    "types enable": ("welcome", "type.enable"),
    "types disable": ("welcome", "type.disable"),
    "types reset": ("welcome", "type.reset"),
}
#: What the message is that these are for.
STATES = {"queue mark-sent": "uncertain", "queue release": "caught", "queue replay": "dead"}


def commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    """Return the name of each command below a group."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield f"{prefix}{name}"
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_each_command_is_in_the_list() -> None:
    """A new command says here which entry it leaves, or that it changes nothing."""
    assert set(commands(smtp)) == CHANGES.keys() | CHANGES_NOTHING


@pytest.mark.parametrize("command", CHANGES)
def test_each_command_leaves_its_entry(
    book: Any, command: str, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name of the system's user, and never an address in clear."""
    monkeypatch.setenv("SMTPADMIN_INSTANCE", "shop")
    arguments, action = CHANGES[command]
    server = {"host": "127.0.0.1", "port": str(free_port()), "tls_mode": "none"}
    book.state.settings.save_server("default", server)
    book.site.mail.send(
        Message("Hi", recipients=["ada@example.com"], body="x", sender="a@b.example")
    )
    book.site.mail.email_type("welcome", subject="Hi", text="Hi")
    if command == "types reset":
        book.state.templates.save("welcome", "", Texts("Hello", None, "Hello"))
    if command in STATES:
        changed = (
            "UPDATE smtpadmin_message SET state = :state, run_at = NULL, cause = 'unknown_host'"
        )
        book.tamper(changed, state=STATES[command])
    before = len(book.entries)
    with name_server({}) as names:
        book.state.resolver = names.resolver(1.0)
        book.run(f"smtp {command} {arguments}")
    (entry,) = book.entries[before:]
    assert (entry.action, entry.origin) == (action, "cli")
    assert entry.actor
    assert "ada@" not in entry.text


def test_the_trail_is_printed_newest_first(book: Any) -> None:
    """In words, with the filters of the page; as one document with --json."""
    assert "No entry matches" in book.run("smtp audit").output
    book.run("smtp queue pause")
    book.run("smtp queue resume")
    lines = book.run("smtp audit").output.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "1"]
    assert "paused all sending" in lines[1]
    found = book.document("smtp audit --action sending.pause --limit 1")["entries"]
    assert [entry["action"] for entry in found] == ["sending.pause"]
    assert book.document("smtp audit --since 2030-01-01")["entries"] == []
    assert book.document("smtp audit --limit 0")["entries"][1]["number"] == 1
    wrong = book.run("smtp audit --until never --json")
    assert wrong.exit_code == 2
    assert '"error"' in wrong.output


def test_verify_says_how_many_and_since_when(book: Any) -> None:
    """Exit 0 with the hash of the last entry, which a later run may be asked about."""
    assert "no entry yet" in book.run("smtp audit verify").output
    book.fill(3)
    result = book.run("smtp audit verify")
    assert result.exit_code == 0
    assert "3 entries since 2" in result.output
    head = book.document("smtp audit verify")["head"]
    assert head in result.output
    book.fill(1)
    assert book.run(f"smtp audit verify --head {head}").exit_code == 0
    assert book.run(f"smtp audit verify --head {'0' * 63}1").exit_code == 1


def test_verify_names_the_first_broken_entry(book: Any) -> None:
    """Exit 1; the document names number and reason, the text how far the trail holds."""
    book.fill(5)
    book.tamper("UPDATE smtpadmin_audit SET actor = 'eve' WHERE number IN (3, 5)")
    result = book.run("smtp audit verify")
    assert result.exit_code == 1
    assert "Entry 3 was changed" in result.output
    assert "The 2 entries before it" in result.output
    found = book.document("smtp audit verify")
    assert (found["ok"], found["broken"]["number"]) == (False, 3)

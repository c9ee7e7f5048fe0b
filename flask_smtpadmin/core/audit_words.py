"""What the audit trail tells: the table of actions, and each entry in plain words.

``{what}`` stands for the object, ``{count}`` for a number of messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flask_smtpadmin.core.audit import CHANGED, REMOVED, Entry
from flask_smtpadmin.core.audit_chain import BROKEN, KEY_CHANGED

ACTIONS: Final[dict[str, str]] = {
    "server.add": "added {what}",
    "server.save": "changed {what}",
    "server.delete": "deleted what was saved of {what}",
    "server.move": "changed when {what} is tried",
    "server.pause": "paused {what}",
    "server.resume": "let {what} be used again",
    "server.enable": "switched {what} on",
    "server.disable": "switched {what} off",
    "server.find": "looked for the mail server of {what}",
    "settings.save": "changed the settings",
    "sending.pause": "paused all sending",
    "sending.resume": "let sending go on",
    "mail.adopt": "took over the mail in this database for {what}",
    "message.retry": "put {what} back into the queue",
    "message.cancel": "cancelled {what}",
    "message.mark_sent": "settled {what} as sent",
    "message.delete": "deleted {what}",
    "message.read": "read what {what} says",
    "queue.retry": "put {count} back into the queue",
    "queue.cancel": "cancelled {count}",
    "queue.delete": "deleted {count}",
    "queue.purge": "purged {count}",
    "queue.send_via": "sent {count} through another server",
    "queue.download": "downloaded a list of messages",
    "job.cancel": "stopped {what}",
    "job.continue": "went on with {what}",
    "message.send_via": "sent {what} through another server",
    "message.resend": "sent {what} again as a new one",
    "check.start": "tested {what}",
    "check.cancel": "ended {what} early",
    "check.download": "downloaded the report of {what}",
    "domain.check": "checked the DNS of {what}",
    "domain.forget": "removed the result on {what}",
    "activity.download": "downloaded the activity log of {what}",
    "audit.download": "downloaded the audit trail",
    "audit.prune": "removed old entries of the audit trail",
    BROKEN: "found that the end of the audit trail had been tampered with",
    KEY_CHANGED: "signed the audit trail with this key for the first time",
}
#: What stands before the name of an object; other kinds are named by their own word.
_KINDS: Final = {"mail": "", "day": "", "address": "addresses at "}
_ORIGINS: Final = {
    "page": "on a page",
    "cli": "on the command line",
    "api": "in the app's code",
    "worker": "in a worker",
}
_NOBODY: Final = {"worker": "A worker", "cli": "Somebody", "page": "Somebody", "api": "The app"}
_HIDDEN: Final = frozenset({"fields", "count", "begun", "test", "job", "chosen"})


def person(entry: Entry) -> str:
    """Return who acted, whoever it was."""
    return entry.actor or _NOBODY.get(entry.origin, "Somebody")


def way(entry: Entry) -> str:
    """Return how the act came in: ``on a page``."""
    return _ORIGINS.get(entry.origin, entry.origin)


def deed(entry: Entry) -> str:
    """Return what was done, without who and without details."""
    count = entry.details.get("count")
    text = ACTIONS.get(entry.action, f"{entry.action} {{what}}")
    text = text.replace("{count}", _messages(count))
    return text.replace("{what}", _what(entry.object)).strip()


def particulars(entry: Entry) -> tuple[str, ...]:
    """Return the details, one phrase each: ``host from a.example to b.example``."""
    return tuple(_phrases(entry))


def sentence(entry: Entry) -> str:
    """Return the whole entry in one line: ``Ada changed server default: port set to 25``."""
    told = "; ".join(particulars(entry))
    return f"{person(entry)} {deed(entry)}{f': {told}' if told else ''}"


def _phrases(entry: Entry) -> Iterator[str]:
    details = entry.details
    fields = details.get("fields")
    if isinstance(fields, dict):
        for name, change in fields.items():
            yield f"{_spaced(name)} {_change(change)}"
        if not fields and entry.action.endswith(".save"):
            yield "nothing was different"
    if details.get("begun"):
        yield "begun; another entry tells how many it were"
    for name, value in details.items():
        if name not in _HIDDEN and value not in ("", None):
            yield f"{_spaced(name)} {_value(value)}".removeprefix("what ")


def _change(change: Any) -> str:
    if change in (CHANGED, REMOVED):
        return str(change)
    if not isinstance(change, dict):
        return _value(change)
    before, after = change.get("from"), change.get("to")
    if after is None:
        return f"cleared (was {_value(before)})"
    return f"set to {_value(after)}" if before is None else f"from {_value(before)} to {after}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        if "masked" in value:
            return str(value["masked"])
        return ", ".join(f"{_spaced(name)} {_value(item)}" for name, item in value.items()) or "all"
    return "empty" if value == "" else str(value)


def _what(object_: str) -> str:
    kind, colon, name = object_.partition(":")
    if not colon:
        return _spaced(kind)
    return f"{_KINDS.get(kind, f'{_spaced(kind)} ')}{name}"


def _messages(count: Any) -> str:
    if not isinstance(count, int):
        return "messages"
    return "1 message" if count == 1 else f"{count:,} messages"


def _spaced(name: str) -> str:
    return str(name).replace("_", " ").lower()

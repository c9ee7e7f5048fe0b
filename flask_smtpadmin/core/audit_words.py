"""What the audit trail tells: the table of actions, and each entry in plain words.

``%(what)s`` stands for the object, ``%(count)s`` for a number of messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flask_smtpadmin.core.audit import CHANGED, REMOVED, Entry
from flask_smtpadmin.core.audit_chain import BROKEN, KEY_CHANGED
from flask_smtpadmin.core.words import Said, mark, said, said_n

ACTIONS: Final[dict[str, str]] = {
    "server.add": mark("added %(what)s"),
    "server.save": mark("changed %(what)s"),
    "server.delete": mark("deleted what was saved of %(what)s"),
    "server.move": mark("changed when %(what)s is tried"),
    "server.pause": mark("paused %(what)s"),
    "server.resume": mark("let %(what)s be used again"),
    "server.enable": mark("switched %(what)s on"),
    "server.disable": mark("switched %(what)s off"),
    "server.find": mark("looked for the mail server of %(what)s"),
    "settings.save": mark("changed the settings"),
    "sending.pause": mark("paused all sending"),
    "sending.resume": mark("let sending go on"),
    "mail.adopt": mark("took over the mail in this database for %(what)s"),
    "message.retry": mark("put %(what)s back into the queue"),
    "message.release": mark("released %(what)s, which had been caught"),
    "message.cancel": mark("cancelled %(what)s"),
    "message.mark_sent": mark("settled %(what)s as sent"),
    "message.delete": mark("deleted %(what)s"),
    "message.read": mark("read what %(what)s says"),
    "queue.retry": mark("put %(count)s back into the queue"),
    "queue.release": mark("released %(count)s that had been caught"),
    "queue.cancel": mark("cancelled %(count)s"),
    "queue.delete": mark("deleted %(count)s"),
    "queue.purge": mark("purged %(count)s"),
    "queue.send_via": mark("sent %(count)s through another server"),
    "queue.let_go": mark("let %(count)s go through any server"),
    "queue.download": mark("downloaded a list of messages"),
    "job.cancel": mark("stopped %(what)s"),
    "job.continue": mark("went on with %(what)s"),
    "message.send_via": mark("sent %(what)s through another server"),
    "message.resend": mark("sent %(what)s again as a new one"),
    "check.start": mark("tested %(what)s"),
    "check.cancel": mark("ended %(what)s early"),
    "check.download": mark("downloaded the report of %(what)s"),
    "domain.check": mark("checked the DNS of %(what)s"),
    "domain.forget": mark("removed the result on %(what)s"),
    "type.save": mark("changed the words of %(what)s"),
    "type.reset": mark("went back to the app's own words of %(what)s"),
    "type.restore": mark("brought back earlier words of %(what)s"),
    "type.enable": mark("switched %(what)s on"),
    "type.disable": mark("switched %(what)s off"),
    "type.test": mark("sent a sample of %(what)s"),
    "activity.download": mark("downloaded the activity log of %(what)s"),
    "audit.download": mark("downloaded the audit trail"),
    "audit.prune": mark("removed old entries of the audit trail"),
    BROKEN: mark("found that the end of the audit trail had been tampered with"),
    KEY_CHANGED: mark("signed the audit trail with this key for the first time"),
}
#: What an object is called, by its kind; other kinds are named by their own word.
_KINDS: Final = {
    "mail": "%(name)s",
    "day": "%(name)s",
    "address": mark("addresses at %(name)s"),
    "server": mark("server %(name)s"),
    "message": mark("message %(name)s"),
    "job": mark("job %(name)s"),
    "test": mark("test %(name)s"),
    "domain": mark("domain %(name)s"),
    "type": mark("e-mail type %(name)s"),
    "frame": mark("the %(name)s of all e-mails"),
}
_ORIGINS: Final = {
    "page": mark("on a page"),
    "cli": mark("on the command line"),
    "api": mark("in the app's code"),
    "worker": mark("in a worker"),
}
_NOBODY: Final = {
    "worker": mark("A worker"),
    "cli": mark("Somebody"),
    "page": mark("Somebody"),
    "api": mark("The app"),
}
_HIDDEN: Final = frozenset({"fields", "count", "begun", "test", "job", "chosen"})


def person(entry: Entry) -> str:
    """Return who acted, whoever it was."""
    return entry.actor or _NOBODY.get(entry.origin, "Somebody")


def way(entry: Entry) -> str:
    """Return how the act came in: ``on a page``."""
    return _ORIGINS.get(entry.origin, entry.origin)


def deed(entry: Entry) -> Said:
    """Return what was done, without who and without details."""
    text = ACTIONS.get(entry.action, "%(action)s %(what)s")
    values = {
        "action": entry.action,
        "count": _messages(entry.details.get("count")),
        "what": _what(entry.object),
    }
    return said(text, **{name: it for name, it in values.items() if f"%({name})s" in text})


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
            yield _change(_spaced(name), change)
        if not fields and entry.action.endswith(".save"):
            yield mark("nothing was different")
    if details.get("begun"):
        yield mark("begun; another entry tells how many it were")
    for name, value in details.items():
        if name not in _HIDDEN and value not in ("", None):
            yield f"{_spaced(name)} {_value(value)}".removeprefix("what ")


def _change(field: str, change: Any) -> Said:
    """Return a phrase on what became of a field."""
    if change == CHANGED:
        return said("%(field)s changed", field=field)
    if change == REMOVED:
        return said("%(field)s removed", field=field)
    if not isinstance(change, dict):
        return said("%(field)s %(value)s", field=field, value=_value(change))
    before, after = change.get("from"), change.get("to")
    if after is None:
        return said("%(field)s cleared (was %(value)s)", field=field, value=_value(before))
    if before is None:
        return said("%(field)s set to %(value)s", field=field, value=_value(after))
    return said(
        "%(field)s from %(before)s to %(after)s", field=field, before=_value(before), after=after
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return said("yes") if value else said("no")
    if isinstance(value, dict):
        if "masked" in value:
            return str(value["masked"])
        return ", ".join(f"{_spaced(name)} {_value(item)}" for name, item in value.items()) or "all"
    return said("empty") if value == "" else str(value)


def _what(object_: str) -> Said:
    kind, colon, name = object_.partition(":")
    if not colon:
        return said(_spaced(kind))
    if kind in _KINDS:
        return said(_KINDS[kind], name=name)
    return said("%(kind)s %(name)s", kind=_spaced(kind), name=name)


def _messages(count: Any) -> Said:
    if not isinstance(count, int):
        return said("messages")
    return said_n("%(count)s message", "%(count)s messages", count)


def _spaced(name: str) -> str:
    return str(name).replace("_", " ").lower()

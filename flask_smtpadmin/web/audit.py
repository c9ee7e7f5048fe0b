"""The audit trail: who did what, found by person, action, object and day; and as a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import Response, request, stream_with_context, url_for

from flask_smtpadmin.core.audit import Entry
from flask_smtpadmin.core.audit_export import as_csv, as_json
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.audit_words import ACTIONS, deed, particulars, person, way
from flask_smtpadmin.core.dialogues import read_day
from flask_smtpadmin.core.masks import mask
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access
from flask_smtpadmin.web.language import gettext, spoken
from flask_smtpadmin.web.render import bare, page

_HERE: Final = "Audit"
_LONGEST: Final = 255
#: The first words of actions, as people look for them.
_GROUPS: Final = {
    "server": mark("Servers"),
    "settings": mark("Settings"),
    "sending": mark("Pause and resume"),
    "message": mark("Single messages"),
    "queue": mark("Many messages"),
    "job": mark("Jobs on many messages"),
    "type": mark("Types"),
    "check": mark("Tests"),
    "domain": mark("Checks of domains"),
    "activity": mark("Activity log"),
    "audit": mark("This trail"),
    "mail": mark("Taking over a database"),
}
_FORMATS: Final = {"csv": (as_csv, "text/csv"), "json": (as_json, "application/json")}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the page shows it; ``href``: the page of what it is about, or ""."""

    entry: Entry
    who: str
    what: str
    particulars: tuple[str, ...]
    way: str
    href: str


def audit() -> Response:
    """Show the entries that the address asks for, newest first."""
    try:
        sought = asked_for()
    except ValueError as error:
        return _no_day(error)
    state = current_state()
    found = state.trail.page(sought, request.args.get("cursor"))
    groups = {name: gettext(word) for name, word in _GROUPS.items()}
    if sought.action and sought.action not in groups:
        text = ACTIONS.get(sought.action, sought.action)
        groups[sought.action] = gettext(text, what="...", count="...")
    return page(
        "audit",
        here=_HERE,
        sought=sought,
        filtered=bool(sought.document()),
        found=found,
        lines=[_line(entry) for entry in found.entries],
        groups=groups,
        days=state.settings.snapshot(max_age=1.0)["RETENTION_AUDIT"],
        here_with=lambda **changes: _address("audit", sought, **changes),
        export=lambda kind: _address("audit_export", sought, format=kind),
    )


def audit_export() -> Response:
    """Send all entries that the address asks for as a file, while they are read."""
    try:
        sought = asked_for()
    except ValueError as error:
        return _no_day(error)
    kind = "json" if request.args.get("format") == "json" else "csv"
    state = current_state()
    state.audit.record("audit.download", "audit", {"format": kind, **_masked(sought.document())})
    write, mimetype = _FORMATS[kind]
    hide: Callable[[str], str] = str if access.may("privacy") else mask
    lines = write(state.trail.of(sought), hide)
    response = Response(stream_with_context(lines), mimetype=mimetype)
    response.headers["Content-Disposition"] = f"attachment; filename=audit.{kind}"
    return response


def asked_for() -> Sought:
    """Read the filter from the address; raises ValueError for a day that is none."""
    return Sought(
        actor=_text("actor"),
        action=_text("action"),
        object=_text("object"),
        since=_day("since"),
        until=_day("until"),
    )


def _line(entry: Entry) -> Line:
    return Line(
        entry=entry,
        who=gettext(person(entry)),
        what=gettext(deed(entry)),
        particulars=tuple(map(gettext, particulars(entry))),
        way=gettext(way(entry)),
        href=_page_of(entry.object),
    )


def _page_of(object_: str) -> str:
    kind, _, name = object_.partition(":")
    if kind == "server" and name in current_state().settings.snapshot(max_age=1.0).servers:
        return url_for(".server", key=name)
    if kind == "message" and name.isdecimal() and int(name) <= LARGEST_ID:
        return url_for(".message", number=int(name))
    if kind == "type" and current_state().hooks.types.find(name) is not None:
        return url_for(".type_page", name=name)
    if kind == "frame":
        return url_for(".type_page", name=f"@{name}")
    return ""


def _masked(document: dict[str, Any]) -> dict[str, str]:
    return {name: mask(str(value)) for name, value in document.items()}


def _text(name: str) -> str:
    return request.args.get(name, "").strip()[:_LONGEST]


def _day(name: str) -> date | None:
    text = _text(name)
    return read_day(text) if text else None


def _no_day(error: ValueError) -> Response:
    title = gettext("There is no such day")
    return bare("errors/error", status=400, icon="calendar", title=title, text=spoken(error))


def _address(endpoint: str, sought: Sought, **changes: Any) -> str:
    query = {**sought.document(), **changes}
    return url_for(f".{endpoint}", **{name: value for name, value in query.items() if value})

"""The activity log: the sessions of a day, one session's dialogue, a day as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from flask import Response, request, stream_with_context, url_for

from flask_smtpadmin.core.dialogues import Wanted, mode_of, read_day
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web.language import gettext, spoken
from flask_smtpadmin.web.render import bare, page

#: Seconds by which the clocks of a worker and of the database may differ.
_SKEW: Final = timedelta(seconds=2)
_HERE: Final = "Activity"
_MODES: Final = {
    "all": "",
    "failures": mark("Only the beginning of sessions and what failed is recorded (ACTIVITY_LOG)."),
    "off": mark(
        "Nothing is recorded at the moment (ACTIVITY_LOG is off, or RETENTION_ACTIVITY 0)."
    ),
}


def activity() -> Response:
    """Show the sessions of one day, newest first."""
    try:
        wanted = asked_for()
    except ValueError as error:
        return _no_day(error)
    state = current_state()
    snapshot = state.settings.snapshot(max_age=1.0)
    earlier, later = state.dialogues.beside(wanted.day)
    return page(
        "activity",
        here=_HERE,
        wanted=wanted,
        found=state.dialogues.page(wanted, cursor=request.args.get("cursor")),
        earlier=earlier,
        later=later,
        today=_today(),
        servers=tuple(snapshot.servers),
        mode_note=gettext(_MODES[mode_of(snapshot)]),
        days=snapshot["RETENTION_ACTIVITY"],
        here_with=lambda **changes: _address("activity", wanted, **changes),
        download=_address("activity_download", wanted),
    )


def activity_session(session: str) -> Response:
    """Show what was said in one session, some parts of it at a time."""
    given = request.args
    failures = given.get("failures") == "1"
    at = _moment(given.get("at", ""))
    found = current_state().dialogues.parts(
        session,
        at=at - _SKEW if at else None,
        after=_number("after"),
        before=_number("before"),
        failures=failures,
    )
    return page(
        "activity_session",
        here=_HERE,
        session=session,
        found=found,
        first=found.parts[0],
        failures=failures,
    )


def activity_download() -> Response:
    """Send the dialogues of one day as a text file, while they are read."""
    try:
        wanted = asked_for()
    except ValueError as error:
        return _no_day(error)
    day = wanted.day.isoformat()
    told = {"server": wanted.server, "only_failures": wanted.failures}
    current_state().audit.record("activity.download", f"day:{day}", told)
    name = f"activity-{day}.log"
    response = Response(stream_with_context(_printed(wanted)), mimetype="text/plain")
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def asked_for() -> Wanted:
    """Read from the address which sessions are meant; raises ValueError for a day that is none."""
    given = request.args
    day = given.get("day", "").strip()
    return Wanted(
        day=read_day(day) if day else _today(),
        server=given.get("server") or None,
        failures=given.get("failures") == "1",
    )


def _printed(wanted: Wanted) -> Iterator[str]:
    nothing = True
    for one in current_state().dialogues.of_day(wanted):
        nothing = False
        yield f"{one.printed()}\n"
    if nothing:
        yield f"No dialogue with a mail server is recorded for {wanted.day.isoformat()} (UTC).\n"


def _no_day(error: ValueError) -> Response:
    title = gettext("There is no such day")
    return bare("errors/error", status=400, icon="calendar", title=title, text=spoken(error))


def _address(endpoint: str, wanted: Wanted, **changes: Any) -> str:
    query: dict[str, Any] = {
        "day": wanted.day.isoformat(),
        "server": wanted.server,
        "failures": "1" if wanted.failures else None,
        **changes,
    }
    return url_for(f".{endpoint}", **{name: value for name, value in query.items() if value})


def _number(name: str) -> int | None:
    number = request.args.get(name, type=int)
    return number if number is not None and 0 <= number <= LARGEST_ID else None


def _moment(text: str) -> datetime | None:
    """Return the time that a link names, naive UTC; one that somebody made up counts as none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _today() -> date:
    return datetime.now(UTC).date()

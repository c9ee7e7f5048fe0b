"""The list of messages, as an address says which are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from flask import Response, request, url_for

from flask_smtpadmin.core.errors import InvalidSearch
from flask_smtpadmin.core.rows import PER_PAGE, RANGES, Filter, Page, Range
from flask_smtpadmin.core.states import FAILED, STATES, WAITING, State
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import formats, live
from flask_smtpadmin.web.language import gettext, spoken
from flask_smtpadmin.web.render import page
from flask_smtpadmin.web.wording import MESSAGE

_TABS: Final = ("", "queued", "retrying", "sent", "failed", "dead")
#: What the address of a list may hold beside its cursor.
_ADDRESS: Final = frozenset({"state", "q", "type", "server", "range", "per_page", "cause"})
#: Words that stand for several states.
_GROUPS: Final[dict[str, tuple[str, tuple[State, ...]]]] = {
    "failed": (mark("Failed"), FAILED),
    "waiting": (mark("Waiting"), WAITING),
}
#: Messages that are looked at to count for the offer to select them all.
_COUNTED: Final = 500
_RANGE_WORDS: Final[dict[Range, str]] = {
    "today": mark("Today"),
    "7d": mark("Last 7 days"),
    "30d": mark("Last 30 days"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One state to look at, with how many messages are in it."""

    state: str
    word: str
    count: int
    current: bool


def messages() -> Response:
    """Show one page of the messages that match what the address says."""
    state = current_state()
    wanted = asked_for()
    per_page = _per_page()
    problem, found = "", Page(())
    try:
        found = state.queue.list(wanted, cursor=request.args.get("cursor"), per_page=per_page)
    except InvalidSearch as error:
        problem = spoken(error)
    counts = state.queue.counts()
    return page(
        "messages",
        status=400 if problem else 200,
        here="Dead letter" if wanted.state == "dead" else "Messages",
        counts=counts,
        found=found,
        left=live.left(found.messages),
        problem=problem,
        wanted=wanted,
        terms=() if problem else wanted.terms,
        filtered=bool(wanted.q or wanted.type or wanted.server or wanted.range or wanted.cause),
        tabs=_tabs(wanted, counts),
        matching=_matching(wanted, found, counts),
        servers=tuple(state.settings.snapshot(max_age=1.0).servers),
        ranges={name: gettext(word) for name, word in _RANGE_WORDS.items()},
        per_page=per_page,
        sizes=PER_PAGE,
        here_with=_here_with,
        kept=kept_filter(),
        bulk_url=listed("messages_bulk", kept_filter()),
        export_with=lambda form: listed(f"messages_{form}", kept_filter()),
        jobs=state.jobs.running(),
    )


def _matching(wanted: Filter, found: Page, counts: dict[State, int]) -> str:
    """Say how many match where a page does not hold them all; "": it does."""
    if not (found.next or found.previous):
        return ""
    if wanted == Filter(state=wanted.state):
        states = wanted.states or STATES
        return formats.at_most(sum(counts[state] for state in states))
    tally = current_state().queue.tally(wanted, most=_COUNTED, patience=0)
    return formats.number(tally.total) if tally.exact else ""


def asked_for() -> Filter:
    """Read the filter from the address; what is unknown is left out."""
    state = request.args.get("state") or None
    span = request.args.get("range")
    known = state in _GROUPS or state in STATES
    return Filter(
        state=cast("State", state) if known else None,
        q=request.args.get("q", "").strip()[:255],
        type=request.args.get("type") or None,
        server=request.args.get("server") or None,
        cause=request.args.get("cause") or None,
        range=next((name for name in RANGES if name == span), None),
    )


def understood(wanted: Filter) -> bool:
    """Say whether ``wanted`` holds all that the address says: else it means more than was asked."""
    given = request.args
    return (wanted.state, wanted.range) == (given.get("state") or None, given.get("range") or None)


def kept_filter() -> dict[str, str]:
    """Return what of the address says which messages are meant, without the cursor."""
    given = request.args.items()
    return {name: value for name, value in given if value and name in _ADDRESS}


def _tabs(wanted: Filter, counts: dict[State, int]) -> tuple[Tab, ...]:
    """Return the usual tabs, and those of rarer states that hold something."""
    totals: dict[str, int] = {"": sum(counts.values())}
    for name, (_word, states) in _GROUPS.items():
        totals[name] = sum(counts[state] for state in states)
    totals.update((str(name), count) for name, count in counts.items())
    rare = [name for name in STATES if name not in _TABS and counts[name]]
    present = (wanted.state or "",)
    return tuple(
        Tab(name, _word_of(name), totals[name], name in present)
        for name in dict.fromkeys((*_TABS, *rare, *present))
    )


def _word_of(tab: str) -> str:
    if tab in _GROUPS:
        return gettext(_GROUPS[tab][0])
    return gettext(MESSAGE[cast("State", tab)].word) if tab else gettext("All")


def _per_page() -> int:
    size = request.args.get("per_page", type=int)
    return size if size in PER_PAGE else PER_PAGE[0]


def _here_with(**changes: Any) -> str:
    """Return this list's address with some parts of the filter changed."""
    return listed("messages", {**kept_filter(), **changes})


def listed(endpoint: str, query: Mapping[str, Any]) -> str:
    """Return the address of one of our pages; what is empty is left out of it."""
    return url_for(f".{endpoint}", **{name: value for name, value in query.items() if value})

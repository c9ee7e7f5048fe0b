"""The inbox: what was caught instead of being sent, for whoever tests the app that wrote it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from flask import Response, request

from flask_smtpadmin import posting
from flask_smtpadmin.core.catching import mode_of
from flask_smtpadmin.core.errors import (
    InvalidMessage,
    InvalidSearch,
    QueueFull,
    QueueUnavailable,
    WrongState,
)
from flask_smtpadmin.core.mail import shown
from flask_smtpadmin.core.rows import Filter, MessageRow, Page
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, live, preview, verbs
from flask_smtpadmin.web.headers import may_frame
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.messages import asked_for, kept_filter, listed
from flask_smtpadmin.web.preview import What
from flask_smtpadmin.web.render import done, page

_PER_PAGE: Final = 50
#: The tabs by the word in the address, and what is read for each; the first is not named there.
_TABS: Final[dict[str, tuple[str, What]]] = {
    "html": ("HTML", "html"),
    "text": (mark("Text"), "text"),
    "links": (mark("Links"), "links"),
    "attachments": (mark("Attachments"), "attachment"),
    "headers": (mark("Headers"), "source"),
    "source": (mark("Source"), "source"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to look at the message."""

    name: str
    word: str
    href: str
    current: bool


def inbox() -> Response:
    """List what was caught, newest first."""
    return _show(None)


def inbox_message(number: int) -> Response:
    """Show one message beside the list."""
    return _show(number)


def inbox_release(number: int) -> Response:
    """Let a caught message go out, or send a copy of it to one other address."""
    state, to = current_state(), verbs.to_whom()
    if to is None:
        text = _("Nothing was sent: type the address to send it to.")
        return done(text, "inbox_message", tone="warn", number=number)
    try:
        if to:
            new = posting.release_to(state, number, to)
            text = _("This copy of message %(number)s is on its way.", number=number)
            return done(text, "message", number=new.id)
        state.queue.release(number)
    except InvalidMessage as error:
        why = _("Nothing was sent: %(why)s.", why=_(error.reason))
    except (QueueFull, QueueUnavailable, WrongState) as error:
        why = _("Nothing was sent: %(why)s", why=spoken(error))
    else:
        text = _("Message %(number)s is released and goes to its recipients.", number=number)
        return done(text, "message", number=number)
    return done(why, "inbox_message", tone="warn", number=number)


def _show(number: int | None) -> Response:
    state, wanted = current_state(), replace(asked_for(), state="caught")
    problem, found = "", Page(())
    try:
        found = state.queue.list(wanted, request.args.get("cursor"), _PER_PAGE)
    except InvalidSearch as error:
        problem = spoken(error)
    counts = state.queue.counts("dead", "caught")
    opened = {"row": None} if number is None else _opened(number, wanted, searched=not problem)
    response = page(
        "inbox",
        status=400 if problem else 200,
        here="Inbox",
        counts=counts,
        found=found,
        problem=problem,
        wanted=wanted,
        caught=counts["caught"],
        mode=mode_of(state.settings.snapshot(max_age=1.0)),
        here_with=lambda **changes: listed("inbox", {**_kept(), **changes}),
        row_url=lambda row: _address(row.id, request.args.get("tab", "")),
        bulk_url=listed("messages_bulk", wanted.document()),
        everything_url=listed("messages_bulk", {"state": "caught"}),
        **opened,
    )
    return may_frame(response) if opened.get("tab") == "html" else response


def _opened(number: int, wanted: Filter, *, searched: bool) -> dict[str, Any]:
    """Return what the page shows of one message; its content only to whoever may read it."""
    state = current_state()
    detail = state.queue.get(number)
    row, actor = detail.message, access.current_actor()
    tab, content = _content(row)
    newer, older = state.queue.neighbours(number, wanted) if searched else (None, None)
    return {
        "row": row,
        "detail": detail,
        "me": actor.email if actor else "",
        "tab": tab,
        "tabs": tuple(
            Tab(name, _(word), _address(number, name), name == tab)
            for name, (word, _what) in _TABS.items()
        ),
        "newer": newer and _address(newer, tab),
        "older": older and _address(older, tab),
        "list_url": listed("inbox", _kept()),
        **content,
    }


def _content(row: MessageRow) -> tuple[str, dict[str, Any]]:
    """Read what the tab shows; nothing without the right, nor again for a page that is open."""
    asked = request.args.get("tab", "")
    tab = asked if asked in _TABS else "html"
    readable, hidden = access.may("read_content"), posting.hides(current_state(), row)
    if hidden or live.asked() or not readable:
        return tab, {"content": None, "readable": readable, "hidden": hidden}
    if not asked and not preview.has_html(row.id):
        tab = "text"
    values = preview.values(row.id, _TABS[tab][1], _address(row.id, tab, images="1"))
    if tab == "headers" and values["content"] is not None:
        head, _body = shown.split(values["content"].encode())
        values["content"] = shown.headers(head.decode())
    return tab, {"hidden": False, **values}


def _kept() -> dict[str, str]:
    """Return what of the address says which page of which list is shown."""
    kept = {name: value for name, value in kept_filter().items() if name != "state"}
    return {**kept, "cursor": request.args.get("cursor", "")}


def _address(number: int, tab: str, **more: str) -> str:
    """Return a message's address that keeps the list beside it."""
    return listed("inbox_message", {**_kept(), "number": number, "tab": tab, **more})

"""The page of one message: what happened to it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, get_args

from flask import Response, request

from flask_smtpadmin.core.advice import Advice
from flask_smtpadmin.core.rows import MessageRow
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.posting import hides
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, live, preview
from flask_smtpadmin.web.headers import may_frame
from flask_smtpadmin.web.language import gettext
from flask_smtpadmin.web.messages import asked_for, kept_filter, listed
from flask_smtpadmin.web.preview import What
from flask_smtpadmin.web.render import page
from flask_smtpadmin.web.timeline import timeline
from flask_smtpadmin.web.wording import advice_on

#: States in which a failure of earlier is of no interest any more.
_SETTLED: Final = frozenset({"sent", "cancelled", "caught"})
#: The tabs by the word in the address; each but the first shows content of one kind.
_TABS: Final[dict[str, tuple[str, What | None]]] = {
    "": (mark("Timeline"), None),
    "preview": (mark("Preview"), "html"),
    "text": (mark("Text"), "text"),
    "source": (mark("Source and headers"), "source"),
    "links": (mark("Links"), "links"),
    "attachments": (mark("Attachments"), "attachment"),
}
assert {what for _, what in _TABS.values()} == {None, *get_args(What)}  # noqa: S101 - one tab for each


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to look at the message."""

    name: str
    word: str
    href: str
    current: bool


def message(number: int) -> Response:
    """Show one message: where it stands, each attempt, each recipient, what it says."""
    state = current_state()
    detail = state.queue.get(number)
    actor = access.current_actor()
    name = request.args.get("tab", "")
    name = name if name in _TABS else ""
    kept = kept_filter()
    newer, older = state.queue.neighbours(number, asked_for())
    response = page(
        "message",
        here="Messages",
        detail=detail,
        row=detail.message,
        hidden=hides(state, detail.message),
        steps=timeline(detail),
        known=_explained(detail.message),
        servers=tuple(state.settings.snapshot(max_age=1.0).servers.values()),
        me=actor.email if actor else "",
        tab=name,
        tabs=tuple(
            Tab(key, gettext(word), _address(number, kept, key), key == name)
            for key, (word, _) in _TABS.items()
        ),
        list_url=listed("messages", kept),
        newer=newer and _address(newer, kept, name),
        older=older and _address(older, kept, name),
        **_content(detail.message, name, kept),
    )
    return may_frame(response) if name == "preview" else response


def _explained(row: MessageRow) -> Advice | None:
    """Return what to do about a message that stands where it stands because of a failure."""
    if row.state in _SETTLED:
        return None
    server = current_state().settings.snapshot().servers.get(row.last_server or row.server or "")
    return advice_on(row.cause, server.preset if server else None)


def _content(row: MessageRow, tab: str, kept: dict[str, str]) -> dict[str, Any]:
    """Read what the tab shows; nothing without the right, nor again for a page that is open."""
    what = _TABS[tab][1]
    unseen = live.asked() or hides(current_state(), row)
    if what is None or unseen or not access.may("read_content"):
        return {"content": None, "readable": access.may("read_content")}
    return preview.values(row.id, what, f"{_address(row.id, kept, tab, images='1')}#timeline")


def _address(number: int, kept: dict[str, str], tab: str, **more: str) -> str:
    """Return a message's address that keeps the list it was come from."""
    return listed("message", {**kept, "number": number, "tab": tab, **more})

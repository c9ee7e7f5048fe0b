"""What the buttons do with messages and with sending as a whole: a change, then a redirect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import Response, request

from flask_smtpadmin.core.errors import ConfigurationError, NotFound, WrongState
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, wording
from flask_smtpadmin.web.formats import number as counted
from flask_smtpadmin.web.messages import asked_for, kept_filter, understood
from flask_smtpadmin.web.render import done

#: Ids that one bulk form may bring: a page holds a hundred rows.
_MOST: Final = 100
_LONGEST_ID: Final = 19


@dataclass(frozen=True, slots=True)
class _Bulk:
    """A bulk action: what it does to one message, and its word for the result line."""

    act: Callable[[int], object]
    past: str


def message_retry(number: int) -> Response:
    """Start a message over, or send one that waits now."""
    return _one("retry", number)


def message_cancel(number: int) -> Response:
    """Stop a message that waits."""
    return _one("cancel", number)


def message_mark_sent(number: int) -> Response:
    """Settle an uncertain message as sent."""
    return _one("mark-sent", number)


def message_delete(number: int) -> Response:
    """Remove a message with its attempts."""
    current_state().queue.delete(number)
    return done("Message deleted.", "messages")


def messages_bulk() -> Response:
    """Retry or cancel the ticked messages, or with ``all=1`` everything the filter means."""
    action = request.form.get("action", "")
    if action not in {"retry", "cancel"}:
        return done("Nothing was changed: no action was chosen.", "messages", tone="warn")
    if request.form.get("all") == "1":
        return _all(action)
    ticked = request.form.getlist("ids")[:_MOST]
    numbers = [int(text) for text in ticked if text.isdecimal() and len(text) <= _LONGEST_ID]
    if not numbers:
        return _back("Nothing was changed: no message was ticked.", 0)
    changed = sum(_changed(action, number) for number in numbers)
    return _back(_result(action, changed, len(numbers) - changed), changed)


def pause_all() -> Response:
    """Stop all sending; messages are kept."""
    current_state().settings.set_paused(None, paused=True, actor=access.actor_name())
    return done("Sending is paused. Messages are kept in the queue.", "overview", tone="warn")


def resume_all() -> Response:
    """Let sending go on."""
    state = current_state()
    state.settings.set_paused(None, paused=False, actor=access.actor_name())
    state.doorbell.ring()
    return done("Sending goes on.", "overview")


def adopt() -> Response:
    """Let this installation send the mail of a database that was copied from another one."""
    state = current_state()
    try:
        name = state.settings.adopt(actor=access.actor_name())
    except ConfigurationError as error:
        return done(str(error), "overview", tone="warn")
    state.doorbell.ring()
    return done(f"The mail in this database belongs to {name} now.", "overview")


def _one(action: str, number: int) -> Response:
    try:
        after = _actions()[action].act(number)
    except WrongState as error:
        words = f"Nothing was changed: {error}"
        return done(words, "message", tone="warn", number=number)
    look = wording.MESSAGE.get(after)  # type: ignore[call-overload]  # every verb returns a State
    return done(f"Message {number} is now: {look.word}.", "message", number=number)


def _actions() -> dict[str, _Bulk]:
    queue = current_state().queue
    return {
        "retry": _Bulk(queue.retry, "queued again"),
        "cancel": _Bulk(queue.cancel, "cancelled"),
        "mark-sent": _Bulk(queue.mark_sent, "marked as sent"),
    }


def _changed(action: str, number: int) -> bool:
    try:
        _actions()[action].act(number)
    except (WrongState, NotFound):
        return False
    return True


def _all(action: str) -> Response:
    queue, wanted = current_state().queue, asked_for()
    if not understood(wanted):
        return _back("Nothing was changed: there is no such filter.", 0)
    changed = (queue.retry_all if action == "retry" else queue.cancel_all)(wanted)
    return _back(_result(action, changed, 0), changed)


def _result(action: str, changed: int, skipped: int) -> str:
    words = f"{counted(changed)} {_actions()[action].past}"
    return (
        f"{words}, {counted(skipped)} skipped (their state does not allow it)."
        if skipped
        else f"{words}."
    )


def _back(text: str, changed: int) -> Response:
    """Return to the list as it was filtered (the form's own address names the filter)."""
    if request.form.get("page") == "settings":
        return done(text, "settings", tone="ok" if changed else "warn")
    return done(text, "messages", tone="ok" if changed else "warn", **kept_filter())

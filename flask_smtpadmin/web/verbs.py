"""What the buttons do with messages and with sending as a whole: a change, then a redirect."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request

from flask_smtpadmin import posting
from flask_smtpadmin.core.errors import (
    ConfigurationError,
    InvalidMessage,
    QueueFull,
    QueueUnavailable,
    SecretError,
    WrongState,
)
from flask_smtpadmin.core.states import State
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, wording
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.render import done


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
    back = "inbox" if request.form.get("page") == "inbox" else "messages"
    return done(_("Message deleted."), back)


def message_send_via(number: int) -> Response:
    """Send a message through another server, now."""
    state, key = current_state(), request.form.get("server", "")
    server = state.settings.snapshot().servers.get(key)
    if server is None:
        text = _("Nothing was changed: choose the server to send it through.")
        return done(text, "message", tone="warn", number=number)
    try:
        state.queue.send_via(number, key)
    except WrongState as error:
        return done(
            _("Nothing was changed: %(why)s", why=spoken(error)),
            "message",
            tone="warn",
            number=number,
        )
    text = _(
        "Message %(number)s is due now and goes through %(server)s.",
        number=number,
        server=server.name or key,
    )
    return done(text, "message", number=number)


def message_resend(number: int) -> Response:
    """Send a message again as a new one: as it was, to the person at the page, or to another."""
    to = to_whom()
    if to is None:
        text = _("Nothing was sent: type the address to send it to.")
        return done(text, "message", tone="warn", number=number)
    try:
        new = posting.resend(current_state(), number, to)
    except InvalidMessage as error:
        text = _("Nothing was sent: %(why)s.", why=_(error.reason))
        return done(text, "message", tone="warn", number=number)
    except (QueueFull, QueueUnavailable, SecretError, WrongState) as error:
        return done(
            _("Nothing was sent: %(why)s", why=spoken(error)), "message", tone="warn", number=number
        )
    return done(
        _("This is message %(number)s, sent again as a new one.", number=number),
        "message",
        number=new.id,
    )


def to_whom() -> str | None:
    """Return the address that a form asks for, "" for the message's own; None: none was typed."""
    chosen, to = request.form.get("to", "original"), request.form.get("address", "").strip()
    actor = access.current_actor()
    if chosen == "original":
        return ""
    if chosen == "me":
        to = actor.email if actor else ""
    return to or None


def pause_all() -> Response:
    """Stop all sending; messages are kept."""
    current_state().settings.set_paused(None, paused=True, actor=access.actor_name())
    return done(_("Sending is paused. Messages are kept in the queue."), "overview", tone="warn")


def resume_all() -> Response:
    """Let sending go on."""
    state = current_state()
    state.settings.set_paused(None, paused=False, actor=access.actor_name())
    state.doorbell.ring()
    return done(_("Sending goes on."), "overview")


def adopt() -> Response:
    """Let this installation send the mail of a database that was copied from another one."""
    state = current_state()
    try:
        name = state.settings.adopt(actor=access.actor_name())
    except ConfigurationError as error:
        return done(spoken(error), "overview", tone="warn")
    state.doorbell.ring()
    return done(_("The mail in this database belongs to %(name)s now.", name=name), "overview")


def _one(action: str, number: int) -> Response:
    queue = current_state().queue
    acts: dict[str, Callable[[int], State]] = {
        "retry": queue.retry,
        "cancel": queue.cancel,
        "mark-sent": queue.mark_sent,
    }
    try:
        after = acts[action](number)
    except WrongState as error:
        words = _("Nothing was changed: %(why)s", why=spoken(error))
        return done(words, "message", tone="warn", number=number)
    word = _(wording.MESSAGE[after].word)
    text = _("Message %(number)s is now: %(state)s.", number=number, state=word)
    return done(text, "message", number=number)

"""A backend for Flask-Mailman that queues: one line of configuration.

::

    app.config["MAIL_BACKEND"] = "flask_smtpadmin.adapters.flask_mailman.EmailBackend"
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from email.message import Message as StandardMessage
from typing import Any, Final

from flask import current_app

from flask_smtpadmin.adapters.app_state import state_of
from flask_smtpadmin.core.errors import InvalidMessage, SMTPAdminError
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.states import Priority
from flask_smtpadmin.posting import post_recorded
from flask_smtpadmin.state import State

try:
    from flask_mailman.backends.base import BaseEmailBackend
except ImportError as error:
    raise ImportError(
        "flask_smtpadmin.adapters.flask_mailman is a backend of Flask-Mailman and needs it: "
        "pip install Flask-Mailman"
    ) from error

log = logging.getLogger(__name__)

_ADAPTER: Final = "flask_smtpadmin.adapters.flask_mailman.EmailBackend"
#: Headers that must say what the message's own lists say: who gets it is read from them.
_WHO: Final = ("To", "Cc", "Bcc")


class EmailBackend(BaseEmailBackend):
    """Queues Flask-Mailman's messages in the current app's SMTPAdmin.

    There is no connection to open, so host, user name and the like mean nothing here. While
    ``TESTING`` the messages are also in ``mail.outbox``, as with the backend ``locmem``.
    """

    def __init__(self, mailman: Any = None, *, fail_silently: bool = False, **options: Any) -> None:
        super().__init__(mailman=mailman, fail_silently=fail_silently, **options)
        if current_app.testing and not hasattr(self.mailman, "outbox"):
            self.mailman.outbox = []

    def send_messages(self, email_messages: Iterable[Any] | None) -> int:
        """Queue all of ``email_messages`` or none, in one transaction, and return how many.

        They join ``db.session`` when that is in use, as ``SMTPAdmin.send`` does. Those without a
        recipient are left out. Several at once have the priority ``bulk``. A message without
        ``from_email`` and ``MAIL_DEFAULT_SENDER`` gets the sender that is set for the server.

        Raises:
            BadHeaderError: a line break in a header.
            SMTPAdminError: they cannot be queued; with ``fail_silently`` it is logged, and 0
                returned.
        """
        state = state_of(current_app._get_current_object(), _ADAPTER)  # type: ignore[attr-defined]  # noqa: SLF001 - Flask documents it
        messages = [message for message in email_messages or () if message.recipients()]
        try:
            return self._queue(state, messages)
        except SMTPAdminError:
            if not self.fail_silently:
                raise
            log.warning("Mail could not be queued, and nobody was to be told", exc_info=True)
            return 0

    def _queue(self, state: State, messages: list[Any]) -> int:
        rendered = [_rendered(message) for message in messages]
        envelopes = [_envelope(message) for message in messages]
        priority: Priority = "bulk" if len(messages) > 1 else "normal"
        handling = Handling(priority=priority, envelopes=envelopes)
        queued = post_recorded(state, rendered, handling, written=messages)
        if state.app.testing:
            self.mailman.outbox.extend(messages)
        return len(queued)


def _envelope(message: Any) -> str | None:
    """Return ``from_email`` where a From in the headers makes it the envelope's sender only."""
    shown = any(name.lower() == "from" for name in message.extra_headers)
    return message.from_email or None if shown else None


def _rendered(message: Any) -> StandardMessage:
    """Return the message as Flask-Mailman renders it, with everybody who gets it in its headers."""
    given = {name.lower(): str(value) for name, value in message.extra_headers.items()}
    rendered: StandardMessage = message.message()
    for name in _WHO:
        named = ", ".join(str(one) for one in getattr(message, name.lower()) if one)
        _check_who(name, named, given.get(name.lower(), named))
        _replace(rendered, name, named)
    if "reply-to" in given:  # beside reply_to it would stand there twice
        _replace(rendered, "Reply-To", given["reply-to"])
    if "message-id" not in given:  # its domain is then the sender's and not this host's
        del rendered["Message-ID"]
    if "from" not in given and not message.from_email:
        del rendered["From"]
    return rendered


def _check_who(name: str, named: str, shown: str) -> None:
    """Refuse a header that shows others than get the message: it would be sent to those."""
    if shown != named:
        raise InvalidMessage(
            f"the header {name} names others than {name.lower()}=: give those who must not be "
            "shown as bcc=",
            field=name.lower(),
        )


def _replace(rendered: StandardMessage, name: str, value: str) -> None:
    del rendered[name]
    if value:
        rendered[name] = value

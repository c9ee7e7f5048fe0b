"""Flask-Mail's ``Mail`` over the queue: change the import and nothing else.

::

    from flask_smtpadmin.adapters.flask_mail import Mail  # was: from flask_mail import Mail

``Message``, ``Attachment``, ``BadHeaderError`` and ``email_dispatched`` are Flask-Mail's own.
"""

from __future__ import annotations

import time
import unicodedata
from copy import copy
from typing import Any, Final, Self

from flask import Flask, current_app

from flask_smtpadmin.adapters.app_state import state_of
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.mail.headers import unfold
from flask_smtpadmin.posting import post_recorded
from flask_smtpadmin.state import State

try:
    import flask_mail
    from flask_mail import Attachment, BadHeaderError, Message, email_dispatched
except ImportError as error:
    raise ImportError(
        "flask_smtpadmin.adapters.flask_mail stands in for Flask-Mail and needs it: "
        "pip install Flask-Mail"
    ) from error

__all__ = ["Attachment", "BadHeaderError", "Connection", "Mail", "Message", "email_dispatched"]

_ADAPTER: Final = "flask_smtpadmin.adapters.flask_mail.Mail"


class Connection(flask_mail.Connection):
    """What ``with mail.connect() as connection:`` gives; there is no connection behind it.

    Each ``send`` is queued by itself and is durable when it returns, as ``SMTPAdmin.send`` has it:
    what was sent before an error in the block goes out. ``MAIL_MAX_EMAILS`` means nothing here;
    the worker keeps the connections.
    """

    def __init__(self, mail: flask_mail._Mail, state: State) -> None:
        super().__init__(mail)  # type: ignore[arg-type]  # theirs says Mail, and gets this
        self._state = state

    def __enter__(self) -> Self:
        self.num_emails = 0
        return self

    def send(self, message: Message, envelope_from: str | tuple[str, str] | None = None) -> None:
        """Queue one message; with ``MAIL_SUPPRESS_SEND`` it is listed and signalled only.

        It joins ``db.session`` when that is in use, as ``SMTPAdmin.send`` does. The signal is
        sent when the message is queued.

        Args:
            message: a ``flask_mail.Message``.
            envelope_from: the address that bounces go to, for MAIL FROM; without one the
                server's ``ENVELOPE_FROM``, else that of the sender.

        Raises:
            AssertionError: no recipients, or no sender and no ``MAIL_DEFAULT_SENDER``.
            BadHeaderError: a line break in subject, sender, recipients or Reply-To.
            InvalidMessage: something of it cannot be sent; ``.field`` names it.
            QueueFull, QueueUnavailable, SchemaMissing: as of ``SMTPAdmin.send``.
        """
        _check(message)
        if message.date is None:
            message.date = time.time()
        with self._state.pushed():
            self._queue(message, envelope_from)
            email_dispatched.send(self._state.app, message=message)
        self.num_emails += 1

    def _queue(self, message: Message, envelope_from: Any) -> None:
        if self.mail.suppress:
            self._state.hooks.record([message])
            return
        prepared = _prepared(message, ascii_names=self.mail.ascii_attachments)
        handling = Handling(envelopes=[envelope_from or None])
        post_recorded(self._state, [prepared], handling, written=[message])


class _Queueing:
    """What :class:`Mail` and its state in ``app.extensions["mail"]`` have in common."""

    def connect(self) -> Connection:
        """Return a :class:`Connection`, which opens nothing.

        Raises:
            RuntimeError: the app was not given to ``Mail``.
            ConfigurationError: the app has no SMTPAdmin.
        """
        app = getattr(self, "app", None) or current_app
        if "mail" not in app.extensions:
            raise RuntimeError("The current application was not configured with Flask-Mail")
        return Connection(app.extensions["mail"], state_of(app, _ADAPTER))


class _State(_Queueing, flask_mail._Mail):  # noqa: SLF001 - other extensions send through it
    """Flask-Mail's settings of one app."""


class Mail(_Queueing, flask_mail.Mail):
    """Flask-Mail's ``Mail`` whose messages go through the app's SMTPAdmin.

    ``send``, ``send_message`` and ``connect`` queue, and so does ``app.extensions["mail"]``, which
    other extensions use. ``MAIL_DEFAULT_SENDER``, ``MAIL_SUPPRESS_SEND`` (on while ``TESTING``)
    and ``MAIL_ASCII_ATTACHMENTS`` mean what they meant; where the mail server is, SMTPAdmin's
    settings say.

    Args:
        app: the app; or call ``init_app`` later. Its SMTPAdmin may be added before or after.
    """

    def init_mail(self, *args: Any, **kwargs: Any) -> _State:
        """Return the settings of one app, read from its ``MAIL_*`` keys."""
        return _State(**vars(super().init_mail(*args, **kwargs)))

    def init_app(self, app: Flask) -> _State:
        """Register with ``app``."""
        state = super().init_app(app)
        assert isinstance(state, _State)  # noqa: S101 - init_mail made it
        return state


def _check(message: Message) -> None:
    """Refuse what Flask-Mail refuses, with the errors that its users catch."""
    if not message.send_to:
        raise AssertionError("No recipients have been added")
    if not message.sender:
        raise AssertionError(
            "The message does not specify a sender and a default sender has not been configured"
        )
    if message.has_bad_headers():
        raise BadHeaderError


def _prepared(message: Message, *, ascii_names: bool) -> Message:
    """Return a copy that says the same in the way that SMTPAdmin takes it."""
    prepared = copy(message)
    prepared.subject = unfold(str(message.subject or ""))
    headers = dict(message.extra_headers or {})
    for name in [name for name in headers if name.lower() == "reply-to"]:
        value = headers.pop(name)
        prepared.reply_to = message.reply_to or value
    prepared.extra_headers = headers
    if ascii_names:
        prepared.attachments = [_with_ascii_name(one) for one in message.attachments]
    return prepared


def _with_ascii_name(attachment: Attachment) -> Attachment:
    """Return a copy whose file name has lost its accents, and what else is not ASCII."""
    renamed = copy(attachment)
    if attachment.filename is not None:
        plain = unicodedata.normalize("NFKD", attachment.filename).encode("ascii", "ignore")
        renamed.filename = " ".join(plain.decode("ascii").split())
    return renamed

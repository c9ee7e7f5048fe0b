"""Flask-Security's mails through the queue: one argument.

::

    from flask_smtpadmin.adapters.flask_security import MailUtil

    security = Security(app, datastore, mail_util_cls=MailUtil)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from flask_smtpadmin.adapters.app_state import state_of
from flask_smtpadmin.adapters.security_kinds import SecurityMail, mail_of, mails, opens
from flask_smtpadmin.core.email_type import EmailType
from flask_smtpadmin.core.handling import Handling, handled_as
from flask_smtpadmin.core.mail.address import Mailbox
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.posting import post_recorded
from flask_smtpadmin.typed import Wanted, written

try:
    import flask_security
except ImportError as error:
    raise ImportError(
        "flask_smtpadmin.adapters.flask_security sends the mail of Flask-Security and needs it: "
        "pip install Flask-Security"
    ) from error

__all__ = ["MailUtil"]

_ADAPTER: Final = "flask_smtpadmin.adapters.flask_security.MailUtil"
#: What Flask-Security names where the app says nothing about senders.
_NOBODY: Final = "no-reply@localhost"


class MailUtil(flask_security.MailUtil):
    """Flask-Security's ``MailUtil`` whose mail goes through the app's SMTPAdmin.

    Each of its mails is an e-mail type, ``security.`` and the name of its template, like
    ``security.reset_instructions``. Those with a link or code are secret, critical and urgent, and
    are not sent any more when the link or code is no longer good. Where the app registers a type
    of that name itself, before or after, the mail has its words, else Flask-Security's.

    Args:
        app: the app, which has its SMTPAdmin already.

    Raises:
        ConfigurationError: it has none.
    """

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        types = state_of(app, _ADAPTER).hooks.types
        for mail in mails(app.config):
            types.offer(mail.kind(app.config))

    def send_mail(  # noqa: PLR0913, PLR0917 - Flask-Security calls it so
        self,
        template: str,
        subject: str,
        recipient: Mailbox,
        sender: Any,
        body: str | None,
        html: str | None,
        **kwargs: Any,
    ) -> None:
        """Queue a mail; it joins ``db.session`` when that is in use, as ``SMTPAdmin.send`` does.

        ``SECURITY_EMAIL_SENDER`` and ``MAIL_DEFAULT_SENDER`` count, and without them the sender
        that is set for the server.

        Raises:
            InvalidMessage: an address, or a value for the app's own words, cannot be used.
            QueueFull, QueueUnavailable, SchemaMissing: as of ``SMTPAdmin.send``. Where it sends a
                code, Flask-Security catches these and says that it could not.
        """
        state = state_of(current_app._get_current_object(), _ADAPTER)  # type: ignore[attr-defined]  # noqa: SLF001 - Flask documents it
        mail = mail_of(template, state.config)
        kind = state.hooks.types.find(mail.type)
        if kind is None or kind.gives_way:
            message = Message(str(subject), [recipient], body=body, html=html)
        else:
            wanted = Wanted(kind.name, [recipient], _values(kind, kwargs), locale=_locale())
            message = cast("Message", next(iter(written(state, kind, wanted))))
        if message.sender is None:
            message.sender = _sender(sender)
        post_recorded(state, [message], _handling(mail, kind, kwargs))


def _handling(mail: SecurityMail, kind: EmailType | None, context: Mapping[str, Any]) -> Handling:
    """Return what the type says, and more care where the mail turns out to open an account."""
    given = mail.kind(current_app.config)  # of this app: several may share the types
    kind = given if kind is None or kind.gives_way else kind
    secret = given.secret or opens(context)
    handling = handled_as(
        kind,
        Handling(type=mail.type, expires_in=kind.expires_in or given.expires_in),
        priority="urgent" if secret else None,
    )
    return replace(
        handling,
        secret=handling.secret or secret,
        critical=handling.critical or secret,
    )


def _values(kind: EmailType, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the app's own words may show: plain values, or all where a function picks."""
    if kind.prepare is not None:
        return dict(context)
    user = context.get("user")
    values = {"user_email": getattr(user, "email", None), "username": getattr(user, "username", "")}
    plain = {name: value for name, value in context.items() if _is_plain(value)}
    return {name: value for name, value in {**values, **plain}.items() if name in kind.variables}


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _locale() -> str | None:
    """Return the language that Flask-Babel chose, the one Flask-Security would have used."""
    if "babel" not in current_app.extensions:
        return None
    from flask_babel import get_locale

    return str(get_locale() or "") or None


def _sender(given: Any) -> Mailbox | None:
    """Return the sender that the app asks for; None: the server's."""
    unset = isinstance(current_app.config.get("SECURITY_EMAIL_SENDER"), LocalProxy)
    if not given or (unset and given == _NOBODY):
        return None
    if isinstance(given, tuple):
        return str(given[0]), str(given[1])
    return str(given)

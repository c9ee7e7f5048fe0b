"""Kinds of mail: an app registers them and sends mail of a kind. Part of :class:`SMTPAdmin`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, Unpack

from flask_smtpadmin.content.composing import check
from flask_smtpadmin.content.standard import NAMES, standard_type
from flask_smtpadmin.core.email_type import EmailType, Options, Source, read_texts
from flask_smtpadmin.core.handling import Handling, OnUncertain
from flask_smtpadmin.core.queued import QueuedMessage
from flask_smtpadmin.core.states import Priority
from flask_smtpadmin.posting import AnySession
from flask_smtpadmin.state import Hooks, current_state
from flask_smtpadmin.typed import Recipients, Wanted, post_type

_F = TypeVar("_F", bound=Callable[..., Any])


class TypesAPI:
    """What an app calls to register kinds of mail and to send them."""

    def __init__(self) -> None:
        self._hooks = Hooks()

    def email_type(
        self,
        name: str,
        *,
        subject: str,
        html: Source | None = None,
        text: Source | None = None,
        **options: Unpack[Options],
    ) -> Callable[[_F], _F]:
        """Register a kind of mail, for :meth:`send_type` and the pages.

        ``subject``, ``html`` and ``text`` are templates, or the files they are in; ``options`` the
        attributes of :class:`EmailType`. The returned decorator takes a function that turns what
        the app hands over into plain values for the templates::

            @mail.email_type("welcome", subject="Welcome, {{ name }}", html="<p>...",
                             trigger="user registration", sample={"name": "Ada"})
            def welcome(user):
                return {"name": user.name}

            mail.send_type("welcome", user.email, {"user": user})

        Without such a function ``mail.email_type(...)`` alone is enough, and ``send_type`` takes
        the values themselves.

        Raises:
            ConfigurationError: something cannot be used, or the name is taken.
        """
        kind = EmailType(name=name, texts=read_texts(name, subject, html, text), **options)
        check(kind)
        types = self._hooks.types
        types.add(kind)

        def decorate(function: _F) -> _F:
            types.change(name, prepare=function)
            return function

        return decorate

    def use_standard_types(self, *names: str, **options: Unpack[Options]) -> None:
        """Register mails that come with this package: those of ``names``, else all eight.

        They are ``welcome``, ``workspace-invitation``, ``password-reset``, ``magic-link``,
        ``notification-digest``, ``account-locked``, ``data-export-ready`` and ``test``. What
        ``send_type`` is to be given for each is what the function of that name takes in
        :mod:`flask_smtpadmin.content.standard`::

            mail.use_standard_types()
            mail.send_type("password-reset", user.email, {"name": user.name, "link": url})

        ``options`` are attributes of :class:`EmailType`, and count for all that are named.

        Raises:
            NotFound: there is no standard mail of that name.
            ConfigurationError: an option cannot be used, or a name is taken.
        """
        for name in names or NAMES:
            self._hooks.types.add(replace(standard_type(name), **options))

    def send_type(  # noqa: PLR0913 - the public verb, keywords only
        self,
        name: str,
        recipients: Recipients,
        context: Mapping[str, Any] | None = None,
        *,
        locale: str | None = None,
        keys: Sequence[str | None] | None = None,
        priority: Priority | None = None,
        send_at: datetime | None = None,
        expires_in: float | timedelta | None = None,
        server: str | None = None,
        on_uncertain: OnUncertain | None = None,
        session: AnySession | None = None,
    ) -> list[QueuedMessage]:
        """Queue a mail of a registered type to each of ``recipients``, all or none.

        Everybody gets a message of their own: no recipient sees another one.

        Args:
            name: of the type.
            recipients: one address (``"a@b"``, ``("Name", "a@b")``), a list of them, or a mapping
                of an address to what ``context`` holds for this one alone.
            context: what the templates show; or what the type's own function makes that of.
            locale: the recipient's language (``"de"``, ``"pt-BR"``), where the type has it.
            keys: as for :meth:`send_many`, and so are the rest.
            priority: the type's; else ``normal`` to one and ``bulk`` to several.
            send_at: aware.
            expires_in: seconds or timedelta; the type's unless given.
            server: a server's key.
            on_uncertain: ``retry`` or ``hold``.
            session: the session to join.

        Raises:
            NotFound: no such type was registered.
            InvalidMessage: an address or a value cannot be used; ``.field`` names it.
            QueueFull: there is not room for all; nothing was stored.
        """
        handling = Handling(
            type=name,
            send_at=send_at,
            expires_in=expires_in,
            server=server,
            on_uncertain=on_uncertain,
            keys=keys,
        )
        wanted = Wanted(name, recipients, context or {}, locale)
        return post_type(current_state(), wanted, handling, priority=priority, session=session)

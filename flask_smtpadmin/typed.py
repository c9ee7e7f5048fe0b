"""Mail of a registered type: from recipients and values to messages in the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from flask_smtpadmin.building import Later, Sendables
from flask_smtpadmin.content.composing import message_of
from flask_smtpadmin.core.collecting import seldom_collected
from flask_smtpadmin.core.email_type import EmailType
from flask_smtpadmin.core.errors import InvalidMessage, TemplateError
from flask_smtpadmin.core.handling import Handling, handled_as
from flask_smtpadmin.core.mail.address import Mailbox
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.queued import QueuedMessage
from flask_smtpadmin.core.states import Priority
from flask_smtpadmin.posting import AnySession, post_recorded
from flask_smtpadmin.state import SETTINGS_AGE, State
from flask_smtpadmin.words_in_force import Writer

Values: TypeAlias = Mapping[str, Any]
Recipients: TypeAlias = Mailbox | Iterable[Mailbox] | Mapping[Mailbox, Values]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``send_type`` was asked for."""

    name: str
    recipients: Recipients
    context: Values
    locale: str | None = None

    @property
    def people(self) -> list[tuple[Any, Values | None]]:
        """Every mailbox with the values that are its own, None: it has none.

        Raises:
            InvalidMessage: this is no list of mailboxes.
        """
        people = self.recipients
        if isinstance(people, str) or (isinstance(people, tuple) and _is_mailbox(people)):
            return [(people, None)]
        if isinstance(people, Mapping):
            return list(people.items())
        if isinstance(people, Iterable):
            return [(one, None) for one in people]
        raise InvalidMessage(
            "takes an address, a list of them, or a mapping of addresses to values",
            field="recipients",
        )


def post_type(
    state: State,
    wanted: Wanted,
    handling: Handling,
    *,
    priority: Priority | None = None,
    session: AnySession | None = None,
) -> list[QueuedMessage]:
    """Write a mail of a type to each recipient and queue them all, or none."""
    kind = state.hooks.types.get(wanted.name)
    with seldom_collected():
        messages = written(state, kind, wanted)
        usual: Priority = "normal" if len(messages) == 1 else "bulk"
        handling = handled_as(kind, handling, priority=priority, usual=usual)
        return post_recorded(state, messages, handling, session=session)


def written(state: State, kind: EmailType, wanted: Wanted) -> Sendables:
    """Return a message for each recipient, written as it is asked for.

    Raises:
        InvalidMessage: now or then: a recipient or a value cannot be used; ``.field`` and
            ``.index`` say which.
    """
    writer = Writer(state, kind, kind.language(wanted.locale))
    people = wanted.people
    return Later(len(people), _written(writer, kind, wanted.context, people, _common(state)))


def _written(
    writer: Writer,
    kind: EmailType,
    context: Values,
    people: Iterable[tuple[Any, Values | None]],
    common: Values,
) -> Iterator[Message]:
    shared = None
    for index, (mailbox, own) in enumerate(people):
        try:
            if own is not None:
                rendered = writer.write(_values(kind, common, {**context, **own}))
            elif shared is None:
                rendered = shared = writer.write(_values(kind, common, context))
            else:  # the same words for everybody: written once
                rendered = shared
        except TemplateError as error:
            raise InvalidMessage(
                str(error), field="context", index=None if own is None else index
            ) from error
        yield message_of(rendered, kind, mailbox)


def _values(kind: EmailType, common: Values, context: Values) -> Values:
    """Return a value for each variable, as the type's own function makes them of ``context``."""
    given = context if kind.prepare is None else kind.prepare(**context)
    return {**common, **given}


def _common(state: State) -> Values:
    snapshot = state.settings.snapshot(max_age=SETTINGS_AGE)
    return {"app_name": snapshot["APP_NAME"], "base_url": snapshot["BASE_URL"]}


def _is_mailbox(value: tuple[Any, ...]) -> bool:
    """Say whether a tuple is ``(name, address)`` rather than two addresses."""
    return len(value) == 2 and isinstance(value[1], str) and "@" not in (value[0] or "")  # noqa: PLR2004 - a pair

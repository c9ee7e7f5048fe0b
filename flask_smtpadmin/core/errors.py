"""The errors a caller can meet.

::

    SMTPAdminError
    ├── ConfigurationError (ValueError)   a setting or key cannot be used; .field, .variable
    │   ├── InvalidSettings               values typed into a form; .problems
    │   └── SchemaMissing                 the tables are not there; the text names the command
    ├── InvalidMessage (ValueError)       bad input to send(); .field, .index
    ├── InvalidSearch (ValueError)        a search that cannot be meant; the text says why
    ├── QueueFull                         MAX_QUEUE is reached; .limit, .queued, .asked
    ├── QueueUnavailable                  the database could not take the message
    ├── SecretError                       a stored secret cannot be used
    │   ├── SecretUnreadable              no key at hand opens it
    │   └── SecretMismatch                it was saved for another server; .saved_for
    ├── DeliveryError                     send_now() failed; .outcome, .reply, .phase
    ├── ContentSecret                     nobody may read what this message says
    ├── NotFound (LookupError)            no such message, server or preset; .kind, .key
    ├── Overtaken                         somebody saved in between; .by, .at
    ├── TemplateError (ValueError)        an e-mail template cannot be used; .part, .line, .variable
    └── WrongState                        the state does not allow the action; .state, .action
        └── ContentWiped                  what the message said is no longer kept
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_smtpadmin.core.words import mark, said

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from flask_smtpadmin.core.outcome import Outcome
    from flask_smtpadmin.core.settings import Problem


class SMTPAdminError(Exception):
    """The root of every error that flask-smtpadmin raises itself.

    ``code`` is the machine-readable name that the CLI prints under ``--json``.
    """

    code = "error"
    field: str | None = None


class ConfigurationError(SMTPAdminError, ValueError):
    """A setting cannot be used: ``field`` (or None) and ``variable`` (where it came from)."""

    code = "misconfigured"

    def __init__(
        self, message: str, *, field: str | None = None, variable: str | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.variable = variable


class InvalidSettings(ConfigurationError):
    """Values to be saved cannot be used; nothing was saved.

    ``problems`` holds one entry for each field, in form order; ``field`` is the first of them.
    """

    code = "invalid_settings"

    def __init__(self, problems: Sequence[Problem]) -> None:
        text = " ".join(f"{problem.field}: {problem.message}" for problem in problems)
        first = problems[0] if problems else None
        super().__init__(
            text,
            field=first.field if first else None,
            variable=first.variable if first else None,
        )
        self.problems = tuple(problems)


class SchemaMissing(ConfigurationError):
    """The ``smtpadmin_*`` tables are not in the database; the text names the command."""

    code = "schema_missing"


class InvalidMessage(SMTPAdminError, ValueError):
    """A message cannot be built from what was given.

    ``field`` names the argument (``"recipients"``, ``"subject"`` ...), ``index`` the position
    of the message in ``send_many`` (None for ``send``).
    """

    code = "invalid_message"
    field: str

    def __init__(self, message: str, *, field: str, index: int | None = None) -> None:
        where = field if index is None else f"messages[{index}].{field}"
        super().__init__(f"{where}: {message}")
        self.reason = message
        self.field = field
        self.index = index

    def at(self, index: int) -> InvalidMessage:
        """Return the same error for position ``index`` of a batch."""
        return InvalidMessage(self.reason, field=self.field, index=index)


class InvalidSearch(SMTPAdminError, ValueError):
    """A search has a qualifier or a date that is none; the text says what to type instead."""

    code = "invalid_search"
    field = "q"


class QueueFull(SMTPAdminError):
    """The queue holds as much as ``MAX_QUEUE`` allows (counts of messages)."""

    code = "queue_full"

    def __init__(self, *, limit: int, queued: int, asked: int) -> None:
        super().__init__(
            said(
                "The mail queue is full: %(queued)s of %(limit)s messages wait and %(asked)s more "
                "were asked for. Start more workers, fix the mail server, or raise "
                "SMTPADMIN_MAX_QUEUE.",
                queued=queued,
                limit=limit,
                asked=asked,
            )
        )
        self.limit = limit
        self.queued = queued
        self.asked = asked


class QueueUnavailable(SMTPAdminError):
    """The database could not take the message within its own time-out; nothing was stored."""

    code = "queue_unavailable"


class SecretError(SMTPAdminError):
    """A stored secret cannot be used; the text says what to do, never what it holds."""

    code = "secret"


class SecretUnreadable(SecretError):
    """None of the encryption keys at hand opens the stored secret."""

    code = "secret_unreadable"


class SecretMismatch(SecretError):
    """The stored secret belongs to another endpoint; ``saved_for`` is ``host:port``."""

    code = "secret_mismatch"

    def __init__(self, message: str, *, saved_for: str) -> None:
        super().__init__(message)
        self.saved_for = saved_for


class DeliveryError(SMTPAdminError):
    """``send_now`` could not hand the message over.

    ``outcome`` is the classified failure, ``reply`` the server's words (or ""), ``phase`` where
    it happened (``connect``, ``sign_in``, ``sender`` ...), ``server`` the server's key.
    """

    code = "delivery"

    def __init__(
        self, message: str, *, outcome: Outcome, reply: str, phase: str, server: str
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.reply = reply
        self.phase = phase
        self.server = server


class NotFound(SMTPAdminError, LookupError):
    """Nothing of that ``kind`` (``"message"``, ``"server"``, ``"preset"``) has that ``key``."""

    code = "not_found"

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"There is no {kind} {key!r}.")
        self.kind = kind
        self.key = key


class Overtaken(SMTPAdminError):
    """Somebody saved the same thing since it was read; nothing was saved now.

    ``by`` is who did (None: nobody known), ``at`` when (naive UTC).
    """

    code = "overtaken"

    def __init__(self, by: str | None, at: datetime) -> None:
        super().__init__(
            said(
                "%(who)s saved a newer version at %(when)s UTC. Nothing was saved now.",
                who=by or said("Somebody"),
                when=at.isoformat(" ", "seconds"),
            )
        )
        self.by = by
        self.at = at


class TemplateError(SMTPAdminError, ValueError):
    """The template of an e-mail cannot be used, or not with these values.

    ``reason`` is a sentence that says what is wrong and what to do; the text of the error puts
    where it is in front of it.  ``part`` is ``"subject"``, ``"html"``, ``"text"`` or "",
    ``line`` counts from 1 (None where no line is meant), ``variable`` is the name it is about.
    """

    code = "template"

    def __init__(
        self,
        message: str,
        *,
        part: str = "",
        line: int | None = None,
        variable: str | None = None,
    ) -> None:
        where = ", ".join(filter(None, (part, "" if line is None else f"line {line}")))
        super().__init__(f"{where}: {message}" if where else message)
        self.reason = message
        self.part = part
        self.field = part or None
        self.line = line
        self.variable = variable


class WrongState(SMTPAdminError):
    """The message is in a state that does not allow the action."""

    code = "wrong_state"

    def __init__(self, action: str, state: str) -> None:
        super().__init__(
            said(
                "A message that is %(state)s cannot be changed by %(action)s.",
                state=said(state),
                action=repr(action),
            )
        )
        self.action = action
        self.state = state


class ContentSecret(SMTPAdminError):
    """What the message says is kept secret because of its type; nobody may read it."""

    code = "content_secret"

    def __init__(self) -> None:
        super().__init__(
            mark(
                "What this message says opens an account, so it is kept secret because of its "
                "type, and nobody can read it here."
            )
        )


class ContentWiped(WrongState):
    """What the message said is no longer kept, so it can be sent no more."""

    code = "content_wiped"

    def __init__(self, action: str, state: str) -> None:
        super().__init__(action, state)
        self.args = (
            mark(
                "What this message said is no longer kept, so it cannot be sent any more: let "
                "your app make a new one."
            ),
        )

"""How a message is to be handled: the options of ``send()``, checked, as the row will hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NoReturn, get_args

from flask_smtpadmin.core.email_type import EmailType
from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.mail.mime import Built, Recipient
from flask_smtpadmin.core.queued import Terms
from flask_smtpadmin.core.states import PRIORITIES, Priority, State

OnUncertain = Literal["retry", "hold"]
MAX_KEY: Final = 255
MAX_TYPE: Final = 64
#: Says where a redirected message would have gone; developers read it, servers do not.
ORIGINAL_HEADER: Final = "X-SMTPAdmin-Original-Recipients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """The options that one ``send`` or ``send_many`` gives to all its messages.

    Attributes:
        type: an e-mail type's name, at most 64 characters.
        priority: ``urgent``, ``normal`` or ``bulk``.
        send_at: aware; not before this time.
        expires_in: seconds or timedelta from now, after which it is not sent any more.
        server: the key of the server it must go through.
        on_uncertain: ``retry`` or ``hold``; None: the app's setting.
        keys: an idempotency key for each message, None where it has none; None: for none.
        envelopes: an envelope sender (a mailbox) for each message, alike.
        secret: what they say opens an account: it is kept sealed, shown to nobody and wiped early.
        though_off: they go out even if their type is switched off: somebody tries it out.
        kept_back: why they are stored as cancelled; "": they are not.
        critical: they may use the tenth of the queue that is kept free of ordinary mail.
    """

    type: str | None = None
    priority: Priority = "normal"
    send_at: datetime | None = None
    expires_in: float | timedelta | None = None
    server: str | None = None
    on_uncertain: OnUncertain | None = None
    keys: Sequence[str | None] | None = None
    envelopes: Sequence[object] | None = None
    secret: bool = False
    critical: bool = False
    though_off: bool = False
    kept_back: str = ""

    def check(self, count: int) -> None:
        """Refuse what cannot be meant for ``count`` messages.

        Raises:
            InvalidMessage: its ``field`` names the option.
        """
        if self.priority not in PRIORITIES:
            _refuse("priority", f"{self.priority!r} is none of {', '.join(PRIORITIES)}")
        if self.on_uncertain not in (None, *get_args(OnUncertain)):
            _refuse("on_uncertain", f"{self.on_uncertain!r} is neither 'retry' nor 'hold'")
        if self.type is not None:
            _check_text("type", self.type, MAX_TYPE)
        if self.send_at is not None and self.send_at.utcoffset() is None:
            _refuse("send_at", "needs a time zone: datetime.now(UTC) + ..., or .astimezone()")
        if self.keys is not None:
            if isinstance(self.keys, str) or len(self.keys) != count:
                _refuse("keys", f"takes one key for each message: {count}, in the same order")
            for key in self.keys:
                if key is not None:
                    _check_text("key", key, MAX_KEY)

    def terms(self, *, now: datetime, caught: bool, cleared: bool = False) -> Terms:
        """Return what the rows need; ``now`` is aware.

        Caught messages are stored, and no worker touches them; cleared ones may go out whatever
        ``MODE`` is by then.

        Raises:
            InvalidMessage: ``expires_in`` cannot be used.
        """
        later = self.send_at is not None and self.send_at > now
        due = self.send_at if self.send_at is not None and later else now
        return Terms(
            state=_first_state(caught=caught, later=later, kept_back=bool(self.kept_back)),
            priority=self.priority,
            run_at=None if caught or self.kept_back else _naive(due),
            expires_at=self._expires_at(now, due),
            type=self.type,
            server=self.server,
            on_uncertain=self.on_uncertain,
            cleared=cleared,
            secret=self.secret,
            error=self.kept_back or None,
        )

    def _expires_at(self, now: datetime, due: datetime) -> datetime | None:
        if self.expires_in is None:
            return None
        try:
            span = self.expires_in
            span = span if isinstance(span, timedelta) else timedelta(seconds=span)
            end = now + span
        except (OverflowError, TypeError, ValueError):
            _refuse("expires_in", "takes seconds or a timedelta")
        if span <= timedelta(0):
            _refuse("expires_in", "must be more than nothing")
        if end <= due:
            _refuse("expires_in", "is over before send_at; it counts from now")
        return _naive(end)


def handled_as(
    kind: EmailType | None,
    handling: Handling,
    *,
    priority: Priority | None,
    usual: Priority = "normal",
) -> Handling:
    """Return ``handling`` with what its type says wherever the caller asked for nothing.

    ``usual`` is the priority of mail without a type.
    """
    if kind is None:
        return replace(handling, priority=priority or usual)
    spans = kind.expires_in if handling.expires_in is None else handling.expires_in
    return replace(
        handling,
        priority=priority or kind.priority or ("bulk" if kind.bulk else usual),
        expires_in=spans,
        secret=kind.secret,
        critical=kind.critical,
    )


def sent_from(built: Built, envelope_from: object) -> Built:
    """Return ``built`` with an envelope sender of its own; None: as it is.

    Raises:
        InvalidMessage: it is no address.
    """
    if envelope_from is None:
        return built
    email = parse_address(envelope_from, field="envelope_from").email
    return replace(built, envelope_from=email, smtputf8=built.smtputf8 or not email.isascii())


def redirected(built: Built, address: str) -> Built:
    """Return ``built`` for ``address`` alone, its own recipients kept in a header.

    The header is folded (RFC 5322 2.2.3), one address a line.
    """
    original = ",\r\n ".join(recipient.address for recipient in built.recipients)
    header = f"{ORIGINAL_HEADER}: {original}\r\n".encode()
    return replace(built, content=header + built.content, recipients=(Recipient(address, "to"),))


def _first_state(*, caught: bool, later: bool, kept_back: bool) -> State:
    if kept_back:
        return "cancelled"
    return "caught" if caught else ("scheduled" if later else "queued")


def _check_text(field: str, value: object, longest: int) -> None:
    if not isinstance(value, str) or not value:
        _refuse(field, "takes text that is not empty")
    if len(value) > longest:
        _refuse(field, f"is longer than {longest} characters")
    if not value.isprintable():
        _refuse(field, "holds characters that cannot be printed")


def _refuse(field: str, why: str) -> NoReturn:
    raise InvalidMessage(why, field=field)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)

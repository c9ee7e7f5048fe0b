"""Renders a message once, at enqueue: everything but the sender block.

The *sender block* (From, default Reply-To, trace header) depends on the server that is chosen at
hand-over and is put in front of the stored bytes there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import Message as StandardMessage
from email.utils import format_datetime
from functools import lru_cache
from inspect import signature
from typing import Any, Final, Literal

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import Address, format_mailbox, parse_address
from flask_smtpadmin.core.mail.draft import Draft, is_message_id, of_message
from flask_smtpadmin.core.mail.foreign import of_email_message
from flask_smtpadmin.core.mail.headers import check_name, folded, header, line_of
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.parts import Encoder
from flask_smtpadmin.core.records import record

Kind = Literal["to", "cc", "bcc"]

#: Recipients of one message; servers take at least 100 (RFC 5321 4.5.3.1.8), many not 1000.
MAX_RECIPIENTS: Final = 1000

#: Characters of the longest token.
_TOKEN: Final = 60
_SPACES: Final = " \t"
_NOBODY: Final = "To: undisclosed-recipients:;\r\n"
#: What a message must have to be read like ours: what Flask-Mail's has.
_ATTRIBUTES: Final = tuple(
    name for name in signature(Message).parameters if name not in {"html", "unsubscribe"}
)


@record(frozen=True, slots=True)
class Recipient:
    """One envelope recipient: an addr-spec, and the header that named it first."""

    address: str
    kind: Kind


@record(frozen=True, slots=True)
class Built:
    """A rendered message.

    ``content`` is header lines, an empty line and the body, CRLF everywhere, no line longer than
    998, without the sender block.  ``message_id`` has its angle brackets.  ``subject`` is text,
    prefix included.  ``sender`` is the From mailbox ready for :func:`sender_block`, None when the
    message names none; ``envelope_from`` an address for MAIL FROM, None for the server's.
    ``smtputf8`` (RFC 6531): an address needs it; ``eight_bit`` (RFC 6152): the content is not all
    ASCII.
    """

    message_id: str
    subject: str
    sender: str | None
    has_reply_to: bool
    content: bytes
    recipients: tuple[Recipient, ...]
    smtputf8: bool
    eight_bit: bool
    envelope_from: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content)


class Renderer:
    """Renders the messages of one batch; what they have in common is worked out once.

    Args:
        now: aware; the Date header of a message that has none.
        domain: ASCII; right side of the Message-ID.
        subject_prefix: put in front of the subject, with a space between.
        limit: bytes that the content of a message may have; 0: as many as it likes.

    Raises:
        InvalidMessage: the prefix cannot be used; ``field`` is ``subject``.
    """

    def __init__(
        self, *, now: datetime, domain: str, subject_prefix: str = "", limit: int = 0
    ) -> None:
        self._date = _date_of(now.replace(microsecond=0), now.utcoffset())
        #: in front of the token, so that an index over Message-IDs grows at its end
        self._stamp = f"{int(now.timestamp() * 1000):x}."
        self._domain = domain
        #: whether a token of letters and digits makes a Message-ID with these two
        self._fits = is_message_id(f"<{self._stamp}{'0' * _TOKEN}@{domain}>")
        self._prefix = line_of(subject_prefix, "subject").strip(_SPACES)
        self._limit = limit
        self._encoder = Encoder()

    def render(self, message: Message | StandardMessage[Any, Any] | Any, token: str) -> Built:
        """Render ``message``.

        Args:
            message: ours, Flask-Mail's (or alike), or one of the standard library's.
            token: unguessable, at most 60 of ``[A-Za-z0-9.-]``; in the Message-ID
                ``<time.token@domain>``, and in the boundaries of the parts.

        Raises:
            InvalidMessage: something in the message cannot be used; ``field`` names it.
            ValueError: ``token`` and ``domain`` make no Message-ID.
        """
        draft = self._read(message, token)
        recipients = _recipients(draft)
        message_id = draft.message_id or self._new_id(token)
        subject = f"{self._prefix} {draft.subject}".strip(_SPACES)
        date = self._date if draft.date is None else format_datetime(draft.date)
        head = _head(draft, subject, date, message_id)
        content = b"".join([head.encode(), *draft.content.body])
        if 0 < self._limit < len(content):
            raise InvalidMessage(
                f"is {len(content):,} bytes long, attachments encoded; SMTPADMIN_MAX_MESSAGE_SIZE "
                f"allows {self._limit:,}. A link to a large file reaches more readers",
                field="message",
            )
        return Built(
            message_id=message_id,
            subject=subject,
            sender=None if draft.sender is None else format_mailbox(draft.sender),
            has_reply_to=bool(draft.reply_to),
            content=content,
            recipients=recipients,
            smtputf8=_needs_smtputf8(draft, head),
            eight_bit=not content.isascii(),
        )

    def _new_id(self, token: str) -> str:
        new = f"<{self._stamp}{token}@{self._domain}>"
        plain = len(token) <= _TOKEN and token.isalnum() and token.isascii()
        if not (plain and self._fits) and not is_message_id(new):
            raise ValueError(f"{new!r} is not a Message-ID")
        return new

    def _read(self, message: Any, token: str) -> Draft:
        if isinstance(message, StandardMessage):
            return of_email_message(message)
        if isinstance(message, Message) or all(hasattr(message, name) for name in _ATTRIBUTES):
            return of_message(message, token=token, encoder=self._encoder)
        raise InvalidMessage(
            f"expected a Message or an EmailMessage, got {type(message).__name__}", field="message"
        )


def build(
    message: Message | StandardMessage[Any, Any] | Any,
    *,
    now: datetime,
    domain: str,
    token: str,
    subject_prefix: str = "",
) -> Built:
    """Render one message; the arguments and errors are those of :class:`Renderer`."""
    return Renderer(now=now, domain=domain, subject_prefix=subject_prefix).render(message, token)


def sender_block(sender: str, *, reply_to: str = "", trace: Mapping[str, str]) -> bytes:
    """Return the header lines that go in front of :attr:`Built.content` at hand-over.

    Args:
        sender: the From mailbox, from :attr:`Built.sender` or a server's settings.
        reply_to: mailbox of the default Reply-To, "" for none.
        trace: further headers, such as the number of the attempt.

    Raises:
        InvalidMessage: a value cannot be used; ``field`` is ``sender``, ``reply_to``, ``trace``.
    """
    lines = [_mailbox_line("From", "sender", sender)]
    if reply_to:
        lines.append(_mailbox_line("Reply-To", "reply_to", reply_to))
    for name, value in trace.items():
        lines.append(header(check_name(name, "trace"), line_of(value, "trace")))
    return "".join(lines).encode()


@lru_cache(maxsize=8)  # many messages are written within a second
def _date_of(second: datetime, _zone: timedelta | None) -> str:
    """Return the Date header; what is one second in two zones is equal, and written in each."""
    return format_datetime(second)


@lru_cache(maxsize=256)
def sender_email(mailbox: str) -> str:
    """Return the addr-spec of a mailbox, for MAIL FROM.

    Raises:
        InvalidMessage: ``mailbox`` is not one; ``field`` is ``sender``.
    """
    return parse_address(mailbox, field="sender").email


@lru_cache(maxsize=256)  # the same few senders, in front of every message
def _mailbox_line(name: str, field: str, mailbox: str) -> str:
    return folded(name, format_mailbox(parse_address(mailbox, field=field)))


def _needs_smtputf8(draft: Draft, head: str) -> bool:
    """Say whether a local part is beyond ASCII (RFC 6531); the domains are A-labels."""
    mailboxes = [*draft.bcc]
    if not head.isascii():
        mailboxes += [*draft.to, *draft.cc, *draft.reply_to]
    if draft.sender is not None:
        mailboxes.append(draft.sender)
    return not "".join([mailbox.email for mailbox in mailboxes]).isascii()


def _recipients(draft: Draft) -> tuple[Recipient, ...]:
    """Return each address once, under the header that names it first."""
    if len(draft.to) == 1 and not draft.cc and not draft.bcc:  # as most have it
        return (Recipient(draft.to[0].email, "to"),)
    kinds: dict[str, Kind] = {}
    named: tuple[tuple[Kind, tuple[Address, ...]], ...] = (
        ("to", draft.to),
        ("cc", draft.cc),
        ("bcc", draft.bcc),
    )
    for kind, addresses in named:
        for address in addresses:
            kinds.setdefault(address.email, kind)
    if not kinds:
        raise InvalidMessage("a message needs at least one recipient", field="recipients")
    if len(kinds) > MAX_RECIPIENTS:
        raise InvalidMessage(
            f"{len(kinds)} are more than the {MAX_RECIPIENTS} of one message: use send_many()",
            field="recipients",
        )
    return tuple([Recipient(email, kind) for email, kind in kinds.items()])


def _head(draft: Draft, subject: str, date: str, message_id: str) -> str:
    lines = [header("Subject", subject)] if subject else []
    for name, addresses in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if addresses:
            lines.append(folded(name, ", ".join(map(format_mailbox, addresses))))
        elif name == "To" and not draft.cc:
            lines.append(_NOBODY)
    lines.append(f"Date: {date}\r\nMessage-ID: {message_id}\r\n")
    lines.extend(header(name, value) for name, value in draft.headers)
    lines.append(f"MIME-Version: 1.0\r\n{draft.content.head}\r\n")
    return "".join(lines)

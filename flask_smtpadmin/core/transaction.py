"""One mail transaction (RFC 5321 3.3) as values: what goes in, how far it got, what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from flask_smtpadmin.core.records import record

#: How far a session or transaction got. From ``body`` on the server may have the message.
Phase = Literal[
    "resolve",
    "connect",
    "greeting",
    "encrypt",
    "hello",
    "sign_in",
    "sender",
    "recipient",
    "data",
    "body",
    "done",
]
BEFORE_MAIL: Final[frozenset[Phase]] = frozenset(
    {"resolve", "connect", "greeting", "encrypt", "hello", "sign_in"}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply: basic code (-1: unparsable), enhanced code (RFC 3463) or "", text."""

    code: int
    enhanced: str
    text: str

    @property
    def positive(self) -> bool:
        """Whether the server did what was asked (RFC 5321 4.2.1: 2yz)."""
        return 200 <= self.code < 300  # noqa: PLR2004 - the reply classes of the RFC

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


@record(frozen=True, slots=True)
class Envelope:
    """What one transaction hands over: MAIL FROM, RCPT TO and the whole content, CRLF lines.

    ``content`` is not dot-stuffed. ``smtputf8``: addresses or headers need RFC 6531. ``number``:
    what a transcript calls the message. ``secret``: what it says opens an account.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    smtputf8: bool = False
    eight_bit: bool = False
    number: int | None = None
    secret: bool = False


@record(frozen=True, slots=True)
class RecipientReply:
    """The server's word on one recipient; ``reply`` None: it was never asked."""

    address: str
    reply: Reply | None

    @property
    def accepted(self) -> bool:
        """Whether RCPT TO was answered positively."""
        return self.reply is not None and self.reply.positive


@dataclass(frozen=True, slots=True)
class Connected:
    """An open session: peer address (``192.0.2.1:465``), TLS (``TLSv1.3 TLS_AES_...`` or "").

    ``session`` names its transcript, "" without one.
    """

    address: str
    tls: str
    extensions: tuple[str, ...] = ()
    session: str = ""


@record(frozen=True, slots=True)
class Transaction:
    """How one transaction ended.

    ``phase`` is the step that decided: the one whose reply refused, or the one at which the link
    failed. It is ``body`` or ``done`` if and only if content was written, ``done`` when the final
    reply came, and one of :data:`BEFORE_MAIL` when the link was found dead before MAIL.
    ``reply`` is the reply that decided (the final one, or the refusal; a limit that the server
    announced and that we obey reads as the refusal it would have sent); None when the link
    failed, with ``error`` saying how. ``ms`` covers MAIL to the end. ``untried``: the link failed
    before the server came to this message; it owed replies to another one in front.
    """

    phase: Phase
    recipients: tuple[RecipientReply, ...]
    reply: Reply | None
    ms: float
    error: BaseException | None = None
    untried: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the server took the message for at least one recipient."""
        return self.phase == "done" and self.reply is not None and self.reply.positive

    @property
    def uncertain(self) -> bool:
        """Whether the content was written and no reply says what became of it."""
        return self.phase == "body" and (self.reply is None or self.reply.code < 0)


class ProtocolFault(ConnectionError):
    """The server said something out of turn: nobody knows which reply is whose any more."""


class HostRefused(Exception):
    """HOST_POLICY forbids every address of the host; nothing was connected."""


class StartTLSMissing(Exception):
    """STARTTLS is demanded and the server does not offer it; nothing was sent in the clear."""


class SignInImpossible(Exception):
    """No AUTH was sent: the link is not encrypted, or there is no mechanism both sides know."""


class TransportFailure(Exception):
    """A session could not be opened or used before MAIL was written.

    ``phase`` is the step that failed, ``reply`` the server's words if it spoke, ``error`` what
    went wrong underneath, ``address`` the peer as far as it was known, ``session`` the name of
    the transcript, "" without one.
    """

    def __init__(
        self,
        phase: Phase,
        *,
        reply: Reply | None = None,
        error: BaseException | None = None,
        address: str = "",
    ) -> None:
        super().__init__(f"{phase}: {reply or error}")
        self.phase: Phase = phase
        self.reply = reply
        self.error = error
        self.address = address
        self.session = ""

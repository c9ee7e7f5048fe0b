"""One mail transaction (RFC 5321 3.3) as a state machine without I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal

from flask_smtpadmin.core.transaction import (
    Envelope,
    Phase,
    ProtocolFault,
    RecipientReply,
    Reply,
    Transaction,
)
from flask_smtpadmin.transport.dial import Observer
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.wire import MALFORMED, crlf, rcpt_command, stuff

#: What the next reply answers. ``go_ahead``: the content is to be written. ``empty``: the message
#: without content for a server that says 354 although nobody may get the real one (RFC 2920 3.1).
#: ``over``: nothing any more.
Step = Literal["sender", "recipient", "data", "go_ahead", "body", "empty", "reset", "over"]

GO_AHEAD: Final = 354
SHUTTING_DOWN: Final = 421
DATA: Final = b"DATA\r\n"
RSET: Final = b"RSET\r\n"
EMPTY: Final = b".\r\n"


class Exchange:
    """Knows its phase at every moment, and what to say next.

    :meth:`open` gives the first bytes to write: all commands at once with PIPELINING (RFC 2920).
    :meth:`hear` takes a reply in, :meth:`speak` gives what to write then. ``result`` is there as
    soon as the outcome is known; the exchange may then still have to be brought to its end.
    ``told`` is its owner's mark.
    """

    __slots__ = (
        "_answer",
        "_content",
        "_heard",
        "_observer",
        "_offers",
        "_started",
        "envelope",
        "phase",
        "result",
        "step",
        "told",
    )

    def __init__(self, envelope: Envelope, offers: Offers, observer: Observer | None) -> None:
        self.envelope = envelope
        self.phase: Phase = "sender"
        self.step: Step = "sender"
        self.result: Transaction | None = None
        self.told = False
        self._answer = b""
        self._offers = offers
        self._observer = observer
        self._heard: list[RecipientReply] = []
        self._started = time.perf_counter()
        self._content = crlf(envelope.content)
        refused = offers.refusal(envelope, len(self._content))
        if refused is not None:
            self.step = "over"
            self._end("sender", refused)

    @property
    def ending(self) -> bool:
        """Whether it has said its last words, so that the next MAIL may follow in one flight."""
        return self.step in {"body", "reset"}

    def open(self) -> tuple[bytes, int]:
        """Return the first bytes to write, and how many replies are due to them."""
        mail = self._offers.mail_command(self.envelope, len(self._content))
        if not self._offers.pipelining:
            return mail, 1
        recipients = self.envelope.recipients
        return b"".join((mail, *map(rcpt_command, recipients), DATA)), len(recipients) + 2

    def hear(self, reply: Reply) -> None:
        """Take the reply that is due; raises ProtocolFault when it ends the session."""
        self._HEARD_AT[self.step](self, reply)

    def speak(self) -> bytes:
        """Return what to write now that all replies were heard; one reply is due to it.

        When it returns the content, the phase is ``body``: from here on the server may have it.
        """
        if self.step == "go_ahead":
            self.phase = self.step = "body"
            return stuff(self._content)
        words, self._answer = self._answer, b""
        return words

    def cut_short(self, error: BaseException, *, untried: bool = False) -> Transaction:
        """Return how it ended when no more replies come."""
        return self.result or self._end(self.phase, None, error, untried=untried)

    def _sender(self, reply: Reply) -> None:
        if reply.positive:
            self._tell(reply)
            self.phase = "recipient"
        elif self._refused("sender", reply):
            return
        self.step = "recipient"
        self._command()

    def _recipient(self, reply: Reply) -> None:
        recipients, heard = self.envelope.recipients, self._heard
        heard.append(RecipientReply(recipients[len(heard)], reply))
        if reply.positive:
            self._tell(reply)
        elif ends_session(reply):
            self._refused("recipient", reply)
        if len(heard) == len(recipients):
            nobody = not any(item.accepted for item in heard)
            if nobody and self._refused("recipient", deciding(heard)):
                return
            self.step = "data"
            if self.result is None:
                self.phase = "data"
        self._command()

    def _data(self, reply: Reply) -> None:
        if reply.code != GO_AHEAD:
            self._refused("data", reply)
            self._leave()
        elif self.result is None:
            self.step = "go_ahead"
        elif any(item.accepted for item in self._heard):
            raise ProtocolFault("the server waits for content that somebody would get")
        else:
            self.step = "empty"
            self._answer = EMPTY

    def _body(self, reply: Reply) -> None:
        self.step = "over"
        if not final(reply):
            self._end("body", Reply(MALFORMED, "", reply.text))
            raise ProtocolFault(f"no final reply: {reply}")
        self._end("done", reply)
        if reply.positive:
            self._tell(reply)
        elif ends_session(reply):
            raise _ended_by(reply)

    def _empty(self, _reply: Reply) -> None:
        self._leave()

    def _reset(self, reply: Reply) -> None:
        self.step = "over"
        if not reply.positive:
            raise ProtocolFault(f"RSET: {reply}")

    def _leave(self) -> None:
        self.step = "reset"
        self._answer = RSET

    def _command(self) -> None:
        """Say the command for the present step, unless it is on its way already."""
        if self._offers.pipelining:
            return
        if self.step == "data":
            self._answer = DATA
        else:
            self._answer = rcpt_command(self.envelope.recipients[len(self._heard)])

    def _refused(self, phase: Phase, reply: Reply) -> bool:
        """Note a refusal; return whether to leave at once: no other commands are on their way."""
        if self.result is None:
            self._end(phase, reply)
        if reply.positive or ends_session(reply):
            raise _ended_by(reply)
        if self._offers.pipelining:
            return False
        self._leave()
        return True

    def _tell(self, reply: Reply) -> None:
        if self._observer is not None and (self.result is None or self.result.accepted):
            self._observer(self.phase, "", str(reply))

    def _end(
        self,
        phase: Phase,
        reply: Reply | None,
        error: BaseException | None = None,
        *,
        untried: bool = False,
    ) -> Transaction:
        self.phase = phase
        asked, everybody = self._heard, self.envelope.recipients
        if len(asked) < len(everybody):
            asked = [*asked, *(RecipientReply(item, None) for item in everybody[len(asked) :])]
        elapsed = (time.perf_counter() - self._started) * 1000
        self.result = Transaction(phase, tuple(asked), reply, elapsed, error, untried)
        return self.result

    _HEARD_AT: ClassVar[dict[Step, Callable[[Exchange, Reply], None]]] = {
        "sender": _sender,
        "recipient": _recipient,
        "data": _data,
        "body": _body,
        "empty": _empty,
        "reset": _reset,
    }


def refuses(reply: Reply) -> bool:
    """Say whether a reply says no (RFC 5321 4.2.1): 4yz or 5yz."""
    return 400 <= reply.code < 600  # noqa: PLR2004 - the classes of the RFC


def final(reply: Reply) -> bool:
    """Say whether a reply says yes or no: 2yz, 4yz or 5yz."""
    return reply.positive or refuses(reply)


def ends_session(reply: Reply) -> bool:
    """Say whether nothing more can be asked after a reply: 421, or one that answers no command."""
    return reply.code == SHUTTING_DOWN or not final(reply)


def deciding(recipients: Sequence[RecipientReply]) -> Reply:
    """Return the reply that stands for all when every recipient was refused: waiting may help."""
    replies = [item.reply for item in recipients if item.reply is not None]
    return next((reply for reply in replies if reply.code < 500), replies[0])  # noqa: PLR2004 - RFC 5321 4.2.1


def _ended_by(reply: Reply) -> ProtocolFault:
    return ProtocolFault(f"the server ended the session: {reply}")

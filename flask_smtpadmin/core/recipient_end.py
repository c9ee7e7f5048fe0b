"""What became of one recipient in one try."""

from __future__ import annotations

from dataclasses import replace

from flask_smtpadmin.core.outcome import Outcome
from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.states import RecipientState
from flask_smtpadmin.core.transaction import RecipientReply, Transaction


@record(frozen=True, slots=True)
class RecipientEnd:
    """What became of one recipient in this try."""

    address: str
    state: RecipientState
    code: int | None = None
    reply: str | None = None


def accepted_end(recipient: RecipientReply, result: Transaction) -> RecipientEnd:
    """Return the end of a recipient who has the message."""
    code = result.reply.code if result.reply else None
    return RecipientEnd(recipient.address, "accepted", code)


def recipient_end(
    recipient: RecipientReply, outcome: Outcome | None, result: Transaction
) -> RecipientEnd:
    """Return how it ended for a recipient; ``outcome`` None: its own reply refuses nothing."""
    if outcome is None and recipient.accepted:
        return accepted_end(recipient, result)
    reply = recipient.reply if not recipient.accepted and recipient.reply else result.reply
    state: RecipientState = "refused" if outcome and not outcome.transient else "pending"
    code = reply.code if reply else None
    return RecipientEnd(recipient.address, state, code, clean(str(reply)) if reply else None)


def closed(ends: tuple[RecipientEnd, ...]) -> tuple[RecipientEnd, ...]:
    """Return the ends of a message that is not tried again: nothing is pending any more."""
    return tuple(replace(end, state="refused") if end.state == "pending" else end for end in ends)

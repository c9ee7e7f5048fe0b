"""For engines that serve one message at a time and wait for each reply."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from flask_smtpadmin.core.transaction import (
    Envelope,
    Phase,
    RecipientReply,
    Reply,
    Transaction,
)
from flask_smtpadmin.transport.pipeline import Ended, NextEnvelope

_TAKEN: Final = Reply(250, "", "")


class OneAtATime(Protocol):
    """A session that can do no more than :meth:`transact`."""

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""
        ...

    @property
    def phase(self) -> Phase:
        """How far the present transaction got."""
        ...

    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand one message over."""
        ...


async def relay(session: OneAtATime, next_envelope: NextEnvelope, ended: Ended) -> None:
    """Do what ``session.Session.relay`` asks for, with one transaction after the other."""
    while session.usable and (envelope := next_envelope()) is not None:
        try:
            result = await session.transact(envelope)
        except (asyncio.CancelledError, Exception) as error:
            ended(_cut_off(envelope, session.phase, error))
            raise
        ended(result)


def _cut_off(envelope: Envelope, phase: Phase, error: BaseException) -> Transaction:
    """Return what is known of a transaction that was cancelled or came to grief: how far it got."""
    if phase not in {"body", "done"}:
        return Transaction(phase, unasked(envelope, 0), None, 0.0, error)
    taken = tuple(RecipientReply(address, _TAKEN) for address in envelope.recipients)
    return Transaction("body", taken, None, 0.0, error)


def unasked(envelope: Envelope, known: int) -> tuple[RecipientReply, ...]:
    """Return the recipients after the first ``known`` as never asked."""
    return tuple(RecipientReply(address, None) for address in envelope.recipients[known:])

"""Engines that serve one message at a time, and know no better than to wait for each reply."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from flask_smtpadmin.core.transaction import (
    Envelope,
    Phase,
    RecipientReply,
    Reply,
    Transaction,
)
from flask_smtpadmin.transport.pipeline import Ended, NextEnvelope

_TAKEN = Reply(250, "", "")


class Stepwise(ABC):
    """Relays with one :meth:`transact` after another; see ``session.Session``."""

    usable: bool
    phase: Phase

    @abstractmethod
    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand one message over."""

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over until there is none to begin or the session is of no more use."""
        while self.usable and (envelope := next_envelope()) is not None:
            try:
                result = await self.transact(envelope)
            except asyncio.CancelledError as error:
                ended(self._cut_off(envelope, error))
                raise
            ended(result)

    def _cut_off(self, envelope: Envelope, error: BaseException) -> Transaction:
        """Return what is known of a cancelled transaction: how far it got."""
        if self.phase not in {"body", "done"}:
            return Transaction(self.phase, unasked(envelope, 0), None, 0.0, error)
        taken = tuple(RecipientReply(address, _TAKEN) for address in envelope.recipients)
        return Transaction("body", taken, None, 0.0, error)


def unasked(envelope: Envelope, known: int) -> tuple[RecipientReply, ...]:
    """Return the recipients after the first ``known`` as never asked."""
    return tuple(RecipientReply(address, None) for address in envelope.recipients[known:])

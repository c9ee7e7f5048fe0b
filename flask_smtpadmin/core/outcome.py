"""The judgement on a failure, as a value; :mod:`flask_smtpadmin.core.replies` gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Retry = Literal["transient", "permanent"]
Scope = Literal["server", "account", "sender", "recipient", "message"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a failure means.

    ``cause`` is the machine-readable name, ``retry`` whether the very same attempt can succeed
    later with nobody changing anything, ``scope`` what the failure condemns, ``advice`` what to
    do, in a sentence. ``certain`` False: what decided may mean something else (a basic code, or a
    vague word or enhanced code), so it never holds a server.
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

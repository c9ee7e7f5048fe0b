"""What the engine tells others about its work: events after a commit, and the final summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.states import State
from flask_smtpadmin.storage.results import Result

EventName = Literal["sent", "retrying", "dead", "degraded", "recovered"]
#: The state a message entered -> what is announced.
ANNOUNCED: Final[dict[State, EventName]] = {
    "sent": "sent",
    "partial": "sent",
    "retrying": "retrying",
    "dead": "dead",
}
FAILED: Final[tuple[State, ...]] = ("dead", "partial", "uncertain", "expired")


@record(frozen=True, slots=True)
class Event:
    """Something that is committed: about ``message`` (its id), or about ``server``."""

    name: EventName
    message: int | None = None
    server: str | None = None
    reason: str | None = None


def events_of(results: Iterable[Result]) -> list[Event]:
    """Return what is announced about messages that ended so."""
    return [
        Event(name, message=result.job.id, server=result.trace.server)
        for result in results
        if (name := ANNOUNCED.get(result.decision.state)) is not None
    ]


@dataclass(frozen=True, slots=True)
class Summary:
    """What one run did: messages by the state they entered, and what it left behind.

    ``waiting`` counts the messages that wait for a server, settings, quota or the end of a
    pause; ``next_due`` (aware UTC) is when the next message is due by itself.
    """

    sent: int = 0
    partial: int = 0
    retrying: int = 0
    dead: int = 0
    uncertain: int = 0
    waiting: int = 0
    next_due: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return the summary as JSON shows it."""
        return {
            "sent": self.sent,
            "partial": self.partial,
            "retrying": self.retrying,
            "dead": self.dead,
            "uncertain": self.uncertain,
            "waiting": self.waiting,
            "next_due": self.next_due.isoformat() if self.next_due else None,
        }


class Tally:
    """Counts messages by the state they entered."""

    def __init__(self) -> None:
        self._counts: Counter[State] = Counter()

    def add(self, states: Iterable[State]) -> None:
        """Count these."""
        self._counts.update(states)

    @property
    def sent(self) -> int:
        """Messages that a server accepted for everybody."""
        return self._counts["sent"]

    @property
    def failed(self) -> int:
        """Messages that ended otherwise."""
        return sum(self._counts[state] for state in FAILED)

    def summary(self, *, waiting: int, next_due: datetime | None) -> Summary:
        """Return the figures; ``next_due`` is naive UTC."""
        return Summary(
            sent=self._counts["sent"],
            partial=self._counts["partial"],
            retrying=self._counts["retrying"],
            dead=self._counts["dead"],
            uncertain=self._counts["uncertain"],
            waiting=waiting,
            next_due=next_due.replace(tzinfo=UTC) if next_due else None,
        )

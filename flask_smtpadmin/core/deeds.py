"""What people do with many messages at once: what is meant, what it would do, how far it got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from flask_smtpadmin.core.rows import CANCELLABLE, DELETABLE, HURRYABLE, RETRYABLE, Filter
from flask_smtpadmin.core.states import FAILED, State

Action = Literal["retry", "cancel", "delete", "send_via", "release"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
#: Beyond so many messages a deed is confirmed first, and done as a job.
WIDE: Final = 100
#: Messages that are counted exactly.
MOST_COUNTED: Final = 10_000
#: Seconds without a word from a job after which nobody is taken to work on it.
SILENT_SECONDS: Final = 60
JobState = Literal["running", "done", "cancelled", "failed", "silent"]


@dataclass(frozen=True, slots=True)
class Deed:
    """An action on all messages of a filter.

    ``server``: the key of the server that ``send_via`` sends through.
    """

    action: Action
    wanted: Filter = field(default_factory=Filter)
    server: str | None = None

    @property
    def states(self) -> tuple[State, ...]:
        """The states that it changes.

        Without a state in the filter a retry takes what failed: not what somebody cancelled, nor
        what waits for its time.
        """
        if self.action == "cancel":
            return CANCELLABLE
        if self.action == "delete":
            return DELETABLE
        if self.action == "release":
            return ("caught",)
        if self.wanted.states:
            return tuple(s for s in (*RETRYABLE, *HURRYABLE) if s in self.wanted.states)
        return FAILED if self.action == "retry" else (*FAILED, "queued", "retrying")

    @property
    def sends(self) -> bool:
        """Whether it needs what the messages say."""
        return self.action in {"retry", "send_via", "release"}

    @property
    def spares_expired(self) -> bool:
        """Whether messages whose own time is over are left alone."""
        return self.sends and self.wanted.state != "expired"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many messages are meant: by state, and whether their own time is over.

    ``exact``: False when there are more than were counted. ``lost``: further ones, of which the
    content that the deed takes is no longer kept.
    """

    counts: Mapping[tuple[State, bool], int]
    exact: bool = True
    lost: int = 0

    @property
    def total(self) -> int:
        """All that match."""
        return sum(self.counts.values()) + self.lost

    def doable(self, deed: Deed) -> int:
        """How many ``deed`` would change."""
        return self.total - sum(self.skipped(deed).values())

    def skipped(self, deed: Deed) -> dict[str, int]:
        """How many it would leave alone, by reason: ``expired`` or ``state``."""
        found: dict[str, int] = {"state": self.lost} if self.lost else {}
        for (state, over), count in self.counts.items():
            if state not in deed.states:
                found["state"] = found.get("state", 0) + count
            elif over and deed.spares_expired:
                found["expired"] = found.get("expired", 0) + count
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A deed under way, or done; counts are of messages, times aware UTC.

    ``total``: how many matched when it began, as far as they were counted.
    """

    id: str
    deed: Deed
    state: JobState
    actor: str | None
    total: int
    exact: bool
    changed: int
    skipped: Mapping[str, int]
    created_at: datetime
    heard_at: datetime
    max_id: int
    last_id: int

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state != "running"

    @property
    def seen(self) -> int:
        """How many were looked at."""
        return self.changed + sum(self.skipped.values())

    def document(self) -> dict[str, Any]:
        """Return the job as JSON shows it."""
        return {
            "id": self.id,
            "action": self.deed.action,
            "state": self.state,
            "total": self.total,
            "exact": self.exact,
            "changed": self.changed,
            "skipped": dict(self.skipped),
        }

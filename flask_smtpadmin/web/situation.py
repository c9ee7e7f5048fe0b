"""What the banners judge, and what one of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flask_smtpadmin.core.figures import Allowance, Figures, Moments, WorkerRow
from flask_smtpadmin.core.settings import Server, Snapshot
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.web.access import Right
from flask_smtpadmin.web.wording import Tone


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the banners judge; ``unreadable``: secret messages that wait for their key."""

    snapshot: Snapshot
    figures: Figures
    workers: tuple[WorkerRow, ...]
    moments: Moments = field(default_factory=Moments)
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    unreadable: int = 0

    @property
    def live(self) -> tuple[WorkerRow, ...]:
        """The workers with a fresh heartbeat."""
        return tuple(worker for worker in self.workers if worker.live)

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers that are meant to be used."""
        return tuple(item for item in self.snapshot.servers.values() if item.configured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """One sentence, since when, and the one thing to do about it, in the language of the page.

    ``since_is`` says what ``since`` is; it is translated where it is shown. ``endpoint`` empty:
    there is nothing to press, ``command`` is to be typed instead. ``post``: the action is a change.
    """

    name: str
    tone: Tone
    icon: str
    text: str
    since: datetime | None = None
    since_is: str = mark("Since %(when)s")
    label: str = ""
    endpoint: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    right: Right = "view"
    post: bool = False
    command: str = ""

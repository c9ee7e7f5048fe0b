"""Which entries of the audit trail are meant, and a page of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_smtpadmin.core.audit import Entry


@dataclass(frozen=True, slots=True)
class Sought:
    """A filter; every part that is set must hold.

    Attributes:
        actor: the person, whatever the case of the letters.
        action: a whole action, or its first word ("server" for all of "server.save" ...).
        object: ``kind:name``, or a kind alone for all of it.
        since: the first day (UTC).
        until: the last day (UTC).
    """

    actor: str = ""
    action: str = ""
    object: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def begins(self) -> datetime | None:
        """The first moment that is meant, naive UTC."""
        return None if self.since is None else datetime.combine(self.since, time())

    @property
    def ends(self) -> datetime | None:
        """The first moment that is no longer meant, naive UTC; None: there is none."""
        if self.until is None or self.until == date.max:
            return None
        return datetime.combine(self.until, time()) + timedelta(days=1)

    def document(self) -> dict[str, Any]:
        """Return what is set, as text by name: the query of an address, or details of an entry."""
        found = {
            "actor": self.actor,
            "action": self.action,
            "object": self.object,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
        }
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first; ``next`` and ``previous`` are cursors, None at the ends."""

    entries: tuple[Entry, ...]
    next: str | None = None
    previous: str | None = None

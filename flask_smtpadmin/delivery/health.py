"""Which servers may be given mail: one circuit breaker a server, shared through the database.

*Open*: it cannot be reached; 5 s at first, doubling to 60 s (15 min when it says it has enough).
*Held*: it refuses this login or client; a probe after 15 min, 1 h, then every 6 h. Changed
settings are probed at once. A probe is one session opened without a message; after it the server
is *on trial*, one connection at a time, until it has accepted a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.retry import ServerWord
from flask_smtpadmin.storage.health import HealthState, SharedHealth

_OPEN_SECONDS: Final = 5.0
_OPEN_LIMIT: Final = 60.0
_CROWDED_LIMIT: Final = 900.0
_HELD_SECONDS: Final = (900.0, 3600.0, 21_600.0)
_CROWDED: Final = frozenset({"too_many_connections", "ip_blocklisted", "auth_rate_limited"})
#: Permanent refusals after MAIL, of so many recipient domains in a row, hold the server.
_SUSPICIONS: Final = 3
#: A server that works is marked so in the database at most this often (seconds).
_PRAISE_EVERY: Final = 60.0


@record(frozen=True, slots=True)
class Word:
    """What one try said about a server; ``domain``: whose refusal is suspect; ``closing``: 421."""

    said: ServerWord
    cause: str | None = None
    reason: str | None = None
    domain: str = ""
    closing: bool = False


@dataclass(slots=True)
class Breaker:
    """The state of one server as this worker sees it."""

    state: HealthState = "unverified"
    reason: str | None = None
    retry_at: datetime | None = None
    faults: int = 0
    holds: int = 0
    trial: bool = False
    praised_at: datetime | None = None
    suspects: list[str] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether mail may flow."""
        return self.state not in {"open", "held"}


class Health:
    """The breakers of all servers.

    Args:
        now: the database's time, naive UTC.
        fingerprint: returns the fingerprint of a server's settings by key.
    """

    def __init__(self, now: Callable[[], datetime], fingerprint: Callable[[str], str]) -> None:
        self._now = now
        self._fingerprint = fingerprint
        self._breakers: dict[str, Breaker] = {}
        self._seen: dict[str, SharedHealth] = {}

    def __getitem__(self, key: str) -> Breaker:
        """Return the breaker of a server; a new one lets mail through."""
        found = self._breakers.get(key)
        if found is None:
            found = self._breakers[key] = Breaker()
        return found

    def usable(self, key: str) -> bool:
        """Whether mail may be handed to the server, as far as its health goes."""
        breaker = self._breakers.get(key)
        return breaker is None or breaker.closed

    def note(self, key: str, word: Word) -> SharedHealth | None:
        """Take in what a try said; return what the other workers should know, if it is news."""
        breaker = self[key]
        if word.said == "ok":
            return self._accepted(key, breaker)
        if word.said == "suspect":
            return self._suspected(key, breaker, word)
        if word.said in {"fault", "hold"} and breaker.closed:
            return self._close(key, breaker, word)
        if word.said == "none":  # it listens and answers, whatever it says
            breaker.trial = False
        return None

    def due_probes(self) -> list[str]:
        """Return the servers whose time for a probe has come."""
        now = self._now()
        return [
            key
            for key, breaker in self._breakers.items()
            if not breaker.closed and breaker.retry_at is not None and breaker.retry_at <= now
        ]

    def next_probe(self) -> datetime | None:
        """Return when the next server may be probed."""
        times = [b.retry_at for b in self._breakers.values() if not b.closed and b.retry_at]
        return min(times, default=None)

    def probe_ended(self, key: str, word: Word) -> SharedHealth:
        """Take in how a probe went: ``ok``, ``fault`` or ``hold``."""
        breaker = self[key]
        if word.said == "ok":
            breaker.state = "ok" if breaker.state == "open" else "degraded"
            breaker.reason = breaker.retry_at = None
            breaker.trial = True
            return self._shared(key, breaker)
        return self._close(key, breaker, word)

    def probe_now(self, key: str) -> None:
        """Let the next probe of a server be due: its settings changed."""
        breaker = self[key]
        breaker.faults = breaker.holds = 0
        breaker.suspects.clear()
        if not breaker.closed:
            breaker.retry_at = self._now()

    def adopt(self, rows: Mapping[str, SharedHealth]) -> tuple[list[str], list[str]]:
        """Take over what other workers found; return (servers closed off, servers recovered).

        Only a row that changed is news: what we found ourselves may not be written yet.
        """
        lost, recovered = [], []
        changed = {key: row for key, row in rows.items() if self._seen.get(key) != row}
        self._seen = dict(rows)
        for key, row in changed.items():
            breaker = self[key]
            was_closed = breaker.closed
            if row.state in {"open", "held"}:
                same = row.fingerprint in {None, self._fingerprint(key)}
                breaker.state, breaker.reason = row.state, row.reason
                breaker.retry_at = row.retry_at if same else self._now()
                if row.state == "open":
                    breaker.faults = row.count
                else:
                    breaker.holds = row.count
                if was_closed:
                    lost.append(key)
            elif not was_closed:
                breaker.state, breaker.reason, breaker.retry_at = row.state, None, None
                breaker.faults, breaker.trial = row.count, True
                recovered.append(key)
        return lost, recovered

    def look_again(self, key: str) -> None:
        """Let what the database says of a server be news, though it says what it said before.

        Another worker's word may have come right after ours, and before we saw either.
        """
        self._seen.pop(key, None)

    def _accepted(self, key: str, breaker: Breaker) -> SharedHealth | None:
        breaker.trial = False
        breaker.faults = breaker.holds = 0
        breaker.suspects.clear()
        if not breaker.closed:  # a message that was under way when the breaker opened
            return None
        now = self._now()
        praised = breaker.praised_at
        fresh = praised is not None and (now - praised).total_seconds() < _PRAISE_EVERY
        if breaker.state == "ok" and fresh:
            return None
        breaker.state, breaker.reason, breaker.praised_at = "ok", None, now
        return self._shared(key, breaker)

    def _suspected(self, key: str, breaker: Breaker, word: Word) -> SharedHealth | None:
        if word.domain not in breaker.suspects:
            breaker.suspects.append(word.domain)
        if len(breaker.suspects) < _SUSPICIONS or not breaker.closed:
            return None
        del breaker.suspects[0]  # after a probe one more refusal is enough
        return self._close(key, breaker, Word("hold", word.cause, word.reason))

    def _close(self, key: str, breaker: Breaker, word: Word) -> SharedHealth:
        if word.said == "hold":
            seconds = _HELD_SECONDS[min(breaker.holds, len(_HELD_SECONDS) - 1)]
            breaker.holds += 1
            breaker.state = "held"
        else:
            crowded = word.closing or word.cause in _CROWDED
            limit = _CROWDED_LIMIT if crowded else _OPEN_LIMIT
            seconds = min(limit, _OPEN_SECONDS * 2 ** min(breaker.faults, 20))
            breaker.faults += 1
            breaker.state = "open"
        breaker.reason = word.reason
        breaker.trial = False
        breaker.retry_at = self._now() + timedelta(seconds=seconds)
        return self._shared(key, breaker)

    def _shared(self, key: str, breaker: Breaker) -> SharedHealth:
        fingerprint = self._fingerprint(key)
        count = breaker.holds if breaker.state == "held" else breaker.faults
        return SharedHealth(
            key, breaker.state, breaker.reason, breaker.retry_at, fingerprint, count
        )

"""The figures on top of the pages, as values. All times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from flask_smtpadmin.core.catching import in_words, mode_of
from flask_smtpadmin.core.settings import Server, Snapshot

#: Seconds after its last heartbeat that a worker still counts as alive.
LIVE_SECONDS: Final = 45.0
#: Seconds for which nothing came back of what is in flight after which a worker is stuck.
STALLED_SECONDS: Final = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker process as its last heartbeat told.

    ``fingerprints``: server key -> settings; ``window``: W; ``stalled``: seconds for which nothing
    came back of what is in flight; ``journal``: why it has none, "" when it has one.
    """

    id: str
    name: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    live: bool
    connections: int
    in_flight: int
    window: int
    stalled: float
    journal: str
    sent: int
    failed: int
    redis: Literal["ok", "down", "none"]
    version: str
    fingerprints: dict[str, str]

    @property
    def stuck(self) -> bool:
        """Whether it lives, and servers leave what it handed over unanswered."""
        return self.live and self.stalled >= STALLED_SECONDS

    @property
    def per_minute(self) -> float:
        """Messages sent in a minute, on average since it started."""
        lived = (self.beat_at - self.started_at).total_seconds()
        return 60 * self.sent / max(lived, 1.0)

    def document(self) -> dict[str, Any]:
        """Return the worker as JSON shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "host": self.host,
            "pid": self.pid,
            "started_at": self.started_at.isoformat(),
            "beat_at": self.beat_at.isoformat(),
            "live": self.live,
            "connections": self.connections,
            "in_flight": self.in_flight,
            "window": self.window,
            "stalled_seconds": round(self.stalled, 1),
            "journal": self.journal or "ok",
            "sent": self.sent,
            "failed": self.failed,
            "redis": self.redis,
            "version": self.version,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The five figures, and what is behind them.

    Attributes:
        sent_24h: messages that a server accepted for everybody in the last 24 hours.
        failed_24h: messages that became dead, partial, uncertain or expired in that time.
        queued: messages that wait or are being sent. Pages stop counting at MOST_COUNTED in a
            state: any number above it means "more than that".
        dead: dead letters, of whatever age; counted as far.
        mean_seconds: from due to accepted, over the latest 1,000 of those; None: there are none.
        mean_wait_seconds: from due until the try that succeeded began, over the latest 100: the
            wait for a worker, a slot, a server that is ready.
        oldest_waiting_at: since when the oldest message that is due and not sent, or being sent,
            has been due; None: none is.
        waiting_for: how many queued messages wait for what (server, settings, quota, paused).
        in_flight: messages with a worker now.
    """

    sent_24h: int
    failed_24h: int
    queued: int
    dead: int
    mean_seconds: float | None
    mean_wait_seconds: float | None
    oldest_waiting_at: datetime | None
    waiting_for: dict[str, int]
    in_flight: int

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON shows them."""
        return {
            "sent_24h": self.sent_24h,
            "failed_24h": self.failed_24h,
            "queued": self.queued,
            "dead": self.dead,
            "mean_seconds": self.mean_seconds,
            "mean_wait_seconds": self.mean_wait_seconds,
            "oldest_waiting_at": _iso(self.oldest_waiting_at),
            "waiting_for": dict(self.waiting_for),
            "in_flight": self.in_flight,
        }

    @property
    def waiting(self) -> int:
        """Messages that no worker holds and that are not sent yet."""
        return self.queued - self.in_flight


@dataclass(frozen=True, slots=True)
class Moments:
    """Since when things are as they are; empty where nobody knows. All aware UTC.

    ``health``: when a server's health last changed, ``success``: when it last took a message,
    ``saved``: when a setting of it was last saved; by key.
    """

    paused: datetime | None = None
    health: Mapping[str, datetime] = field(default_factory=dict)
    success: Mapping[str, datetime] = field(default_factory=dict)
    saved: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a server with limits may still be given.

    ``limits``: by name, how much is allowed and how much of that is reserved in the period that
    ends now. ``next_free``: when one more message may be handed over.
    """

    limits: dict[str, tuple[int, int]]
    next_free: datetime

    @property
    def share(self) -> float:
        """How much of the tightest limit is used, 0 to 1."""
        return min(1.0, max((used / most for most, used in self.limits.values()), default=0.0))

    @property
    def used_up(self) -> bool:
        """Whether some limit leaves nothing for now."""
        return any(used >= most for most, used in self.limits.values())

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        limits = {name: {"limit": most, "used": used} for name, (most, used) in self.limits.items()}
        return {"limits": limits, "next_free": self.next_free.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the whole thing is: ``problems`` are sentences, one each; none: it is healthy.

    ``allowances`` by key of the servers that have limits. ``mode`` is the word of MODE, and
    ``mode_note`` a sentence on it unless it is ``live``.
    """

    figures: Figures
    workers: tuple[WorkerRow, ...]
    servers: tuple[Server, ...]
    paused: bool
    redis: Literal["ok", "down", "none"]
    problems: tuple[str, ...]
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    mode: str = "live"
    mode_note: str = ""

    @property
    def healthy(self) -> bool:
        """Whether mail that waits can go out."""
        return not self.problems

    def document(self) -> dict[str, Any]:
        """Return what ``flask smtp status --json`` prints."""
        return {
            "healthy": self.healthy,
            "problems": list(self.problems),
            "paused": self.paused,
            "mode": self.mode,
            "redis": self.redis,
            "figures": self.figures.document(),
            "servers": {
                server.key: _server(server, self.allowances.get(server.key))
                for server in self.servers
            },
            "workers": [worker.document() for worker in self.workers],
        }


def assess(
    figures: Figures,
    workers: tuple[WorkerRow, ...],
    snapshot: Snapshot,
    *,
    redis: Literal["ok", "down", "none"],
    unreadable: int = 0,
) -> Status:
    """Judge the figures: what keeps waiting mail from going out?

    ``unreadable``: secret messages that wait for the key that they were encrypted with.
    """
    servers = tuple(snapshot.servers.values())
    problems = [problem.message for problem in snapshot.problems if problem.field == "instance"]
    wait = "1 message waits" if figures.waiting == 1 else f"{figures.waiting:,} messages wait"
    live = [worker for worker in workers if worker.live]
    if figures.in_flight and not figures.waiting and not live:
        problems.append("The worker that was sending is gone: start `flask smtp-worker`.")
    if live and all(worker.stuck for worker in live):
        seconds = int(min(worker.stalled for worker in live))
        problems.append(f"No mail server has answered for {seconds} s; mail waits for it.")
    if figures.waiting and not live:
        problems.append(f"{wait} and no worker is running: start `flask smtp-worker`.")
    if figures.waiting and not any(map(_works, servers)):
        problems.append(f"{wait} and no mail server can be used.")
    if unreadable:
        waits = "1 waits" if unreadable == 1 else f"{unreadable:,} wait"
        problems.append(f"Of the secret messages {waits} for the key they were encrypted with.")
    return Status(
        figures=figures,
        workers=workers,
        servers=servers,
        paused=snapshot.paused,
        redis=redis,
        problems=tuple(problems),
        mode=mode_of(snapshot).word,
        mode_note=in_words(snapshot),
    )


def _works(server: Server) -> bool:
    return server.usable and server.health not in {"open", "held"}


def _server(server: Server, allowance: Allowance | None) -> dict[str, Any]:
    rationed = allowance.document() if allowance else {"limits": {}, "next_free": None}
    return {
        "state": server.state,
        "configured": server.configured,
        "reason": server.reason,
        "problems": [problem.document() for problem in server.problems],
        **rationed,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

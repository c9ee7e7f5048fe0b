"""Recorded dialogues as values: what a worker writes, what pages and CLI show."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from flask_smtpadmin.core.redact import cut
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.core.transcript import Part, Transcript, unpacked
from flask_smtpadmin.core.words import said

#: Who opened a session.
Origin: TypeAlias = Literal["worker", "test", "send_now", "health check"]
#: What is recorded; ``failures``: how sessions began, and transactions that failed.
Mode: TypeAlias = Literal["all", "failures", "off"]

_ADDRESS_LENGTH: Final = 300
_TLS_LENGTH: Final = 80
#: Years beyond these break arithmetic with days, and nothing was said in them.
_DAY: Final = re.compile(r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as in the tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A part of one session's dialogue; times are naive UTC.

    ``session`` is 16 hex digits, ``part`` counts from 1. ``opens_day``: it is the session's first
    part on its day. ``packed`` is the text as ``Part.packed`` makes it. ``id`` None: not stored.
    """

    session: str
    part: int
    opens_day: bool
    began_at: datetime
    ended_at: datetime
    server: str
    origin: Origin
    worker_id: str | None
    address: str | None
    tls: str | None
    messages: int
    failures: int
    packed: bytes
    id: int | None = None

    @property
    def text(self) -> str:
        """The lines, each with its line end; made each time it is asked for."""
        return unpacked(self.packed)

    @property
    def day(self) -> date:
        """The day (UTC) it belongs to: that of its first line."""
        return self.began_at.date()

    def heading(self) -> str:
        """Return the line above it in files and downloads."""
        where = [self.server, self.address, self.tls]
        who = f"{self.origin} {self.worker_id}" if self.worker_id else self.origin
        facts = [f"session {self.session}", f"part {self.part}", *filter(None, where), who]
        return f"== {self.began_at:%Y-%m-%d %H:%M:%S} UTC, {', '.join(facts)}"

    def printed(self) -> str:
        """Return heading and lines as files and downloads hold them."""
        return f"{self.heading()}\n{self.text}\n"

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        document = _document(self)
        del document["packed"]
        return {**document, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session on one day, all its parts of that day together; times are aware UTC."""

    session: str
    began_at: datetime
    ended_at: datetime
    server: str
    origin: Origin
    worker_id: str | None
    address: str | None
    tls: str | None
    messages: int
    failures: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return _document(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sessions are meant: of one day (UTC), of one server, only with failures."""

    day: date
    server: str | None = None
    failures: bool = False


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Sessions of one day, newest first; ``next`` and ``previous`` are cursors or None."""

    sessions: tuple[SessionRow, ...]
    next: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class PartPage:
    """Some parts of one session in the order of time; ``before`` and ``after``: ids, or None."""

    parts: tuple[Dialogue, ...]
    before: int | None = None
    after: int | None = None


class Recording:
    """A session that is recorded, for whom and where; makes rows of its parts, in their order."""

    __slots__ = ("_day", "_origin", "_parts", "_server", "_worker_id", "record")

    def __init__(
        self, record: Transcript, server: str, origin: Origin, worker_id: str | None = None
    ) -> None:
        self.record = record
        self._server = server
        self._origin: Origin = origin
        self._worker_id = worker_id
        self._parts = 0
        self._day: date | None = None

    def dialogue(self, part: Part) -> Dialogue:
        """Return the next part as it is stored."""
        began, day = moment(part.began), self._day
        self._parts += 1
        self._day = began.date()
        return Dialogue(
            session=self.record.session,
            part=self._parts,
            opens_day=self._day != day,
            began_at=began,
            ended_at=moment(part.ended),
            server=self._server,
            origin=self._origin,
            worker_id=self._worker_id,
            address=cut(self.record.address, _ADDRESS_LENGTH) or None,
            tls=cut(self.record.tls, _TLS_LENGTH) or None,
            messages=part.messages,
            failures=part.failures,
            packed=part.packed(),
        )


def mode_of(snapshot: Snapshot) -> Mode:
    """Return what is to be recorded: kept for 0 days is the same as off."""
    mode: Mode = snapshot["ACTIVITY_LOG"]
    return "off" if snapshot["RETENTION_ACTIVITY"] == 0 else mode


def moment(seconds: float) -> datetime:
    """Return a time in seconds since 1970 as the tables hold it: naive UTC."""
    return _EPOCH + timedelta(seconds=seconds)


def read_day(text: str) -> date:
    """Return the day that ``2026-11-28`` names; raises ValueError, with a sentence, for others."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(said("“%(text)s” is not a day. Write it like 2026-11-28.", text=text[:40]))
    return day


def _document(row: Any) -> dict[str, Any]:
    values = {item.name: getattr(row, item.name) for item in fields(row)}
    return {
        name: value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }

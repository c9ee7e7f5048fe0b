"""The five figures and the workers: a few index reads, however large the table is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.deeds import MOST_COUNTED
from flask_smtpadmin.core.figures import (
    LIVE_SECONDS,
    Allowance,
    Figures,
    Moments,
    WorkerRow,
)
from flask_smtpadmin.core.history import DAYS, HOURS, FailureGroup, History, grouped, history
from flask_smtpadmin.core.rate import Limit, Usage, limits_of
from flask_smtpadmin.core.retry import UNREADABLE
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.states import CLAIMABLE, State, WaitingFor
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.hours import Hours, hour_of
from flask_smtpadmin.storage.quotas import Quotas, outlook, seconds
from flask_smtpadmin.storage.recent import Bounds, Part, Recent
from flask_smtpadmin.storage.standing import in_states, settled

_DAY: Final = timedelta(hours=24)
#: Messages that the mean time, or the oldest one, is looked for in.
_SAMPLE: Final = 1000
#: Sent ones that tell when each server last took a message, and how long they waited for it.
_FEW: Final = 100
_STILL: Final[tuple[State, ...]] = ("queued", "scheduled", "retrying")


@dataclass(frozen=True, slots=True)
class Picture:
    """What the first page shows of the queue."""

    figures: Figures
    failures: tuple[FailureGroup, ...]
    history: History


class Summary:
    """Reads the figures of one app's queue.

    Args:
        database: connections of our own.
        bounds: how many messages are counted one by one.
    """

    def __init__(self, database: Database, bounds: Bounds | None = None) -> None:
        self._database = database
        self._message = database.models.table("Message")
        self._worker = database.models.table("Worker")
        self._attempt = database.models.table("Attempt")
        self._recent = Recent(database.models, bounds)
        self._hours = Hours(database.models)

    def figures(self, *, exact: bool = False) -> Figures:
        """Return the figures as they are now; ``exact``: however long counting takes."""
        with self._database.read() as connection:
            failures = self._recent.failures(connection, utcnow() - _DAY)
            return self._figures(connection, failures, None if exact else MOST_COUNTED)

    def picture(self) -> Picture:
        """Return the figures, what failed and why, and what happened in the last day and month."""
        now = hour_of(utcnow())
        first = (now // HOURS - DAYS + 1) * HOURS
        with self._database.read() as connection:
            failures = self._recent.failures(connection, utcnow() - _DAY)
            figures = self._figures(connection, failures, MOST_COUNTED)
            counts = self._hours.since(connection, first)
        return Picture(figures, grouped(failures), history(counts, now))

    def unreadable(self) -> int:
        """Count the secret messages that no key opened and that wait for it."""
        columns = self._message.c
        waits = (columns.waiting_for == "settings", columns.cause == UNREADABLE)
        with self._database.read() as connection:
            query = sa.select(sa.func.count()).where(*waits)
            return int(connection.execute(query).scalar_one())

    def failures(self) -> tuple[FailureGroup, ...]:
        """Return what failed in the last 24 hours and still is so, by cause."""
        with self._database.read() as connection:
            return grouped(self._recent.failures(connection, utcnow() - _DAY))

    def _figures(
        self, connection: Connection, failures: Sequence[Part], most: int | None
    ) -> Figures:
        since = utcnow() - _DAY
        standing = self._standing(connection, (*CLAIMABLE, "dead"), most)
        in_flight = self._in_flight(connection)
        oldest = self._oldest(connection)
        return Figures(
            sent_24h=self._recent.sent(connection, since),
            failed_24h=sum(n for _, _, n, _ in failures),
            queued=sum(standing[state] for state in CLAIMABLE) + in_flight,
            dead=standing["dead"],
            mean_seconds=self._mean_seconds(connection, since),
            mean_wait_seconds=self._mean_wait_seconds(connection, since),
            oldest_waiting_at=None if oldest is None else oldest.replace(tzinfo=UTC),
            waiting_for=self._waiting_for(connection, most),
            in_flight=in_flight,
        )

    def workers(self) -> tuple[WorkerRow, ...]:
        """Return the workers heard of in the last 24 hours that did not stop, latest first."""
        table, now = self._worker, utcnow()
        query = (
            sa.select(table)
            .where(table.c.stopped_at.is_(None), table.c.beat_at >= now - _DAY)
            .order_by(table.c.beat_at.desc(), table.c.id)
        )
        with self._database.read() as connection:
            return tuple(_worker(row, now) for row in connection.execute(query))

    def allowances(self, servers: Iterable[Server]) -> dict[str, Allowance]:
        """Return how much the servers with limits may still be given; nothing is read without."""
        limited = {server.key: limits_of(server.limits) for server in servers}
        limited = {key: limits for key, limits in limited.items() if limits}
        if not limited:
            return {}
        with self._database.read() as connection:
            used = Quotas(self._database.models, utcnow).read(connection, limited)
        now = seconds(utcnow())
        return {
            key: _allowance(limits, used.get(key, Usage()), now) for key, limits in limited.items()
        }

    def _standing(
        self, connection: Connection, states: Sequence[State], most: int | None
    ) -> dict[State, int]:
        """Count what is in each of ``states`` at rest, to ``most`` and one more."""
        ways = {state: in_states(self._message, (state,)) for state in states}
        return self._counted(connection, ways, most)

    def _counted(
        self, connection: Connection, ways: Mapping[Any, sa.ColumnElement[bool]], most: int | None
    ) -> dict[Any, int]:
        """Count the messages of each way in one statement; with a bound each is cut off there."""
        id_, limit = self._message.c.id, None if most is None else most + 1
        counts = (
            sa.select(sa.func.count())
            .select_from(sa.select(id_).where(way).limit(limit).subquery())
            .scalar_subquery()
            for way in ways.values()
        )
        return dict(zip(ways, connection.execute(sa.select(*counts)).one(), strict=True))

    def _in_flight(self, connection: Connection) -> int:
        query = sa.select(sa.func.count()).where(self._message.c.worker_id.is_not(None))
        return int(connection.execute(query).scalar_one())

    def _waiting_for(self, connection: Connection, most: int | None) -> dict[str, int]:
        reason = self._message.c.waiting_for
        ways = {name: reason == name for name in get_args(WaitingFor)}
        return {name: n for name, n in self._counted(connection, ways, most).items() if n}

    def _oldest(self, connection: Connection) -> datetime | None:
        """Since when the oldest waits, among the first messages of each state that still do."""
        table = self._message
        moments = []
        for state in _STILL:
            first = sa.select(table.c.due_at).where(in_states(table, (state,)))
            sample = first.order_by(table.c.id).limit(_SAMPLE).subquery().c.due_at
            query = sa.select(sa.func.min(sample)).where(sample <= utcnow())
            moments.append(connection.execute(query).scalar())
        held = sa.select(sa.func.min(table.c.due_at)).where(table.c.worker_id.is_not(None))
        moments.append(connection.execute(held).scalar())
        return min((moment for moment in moments if moment is not None), default=None)

    def _mean_seconds(self, connection: Connection, since: datetime) -> float | None:
        newest = self._newest_sent(since, _SAMPLE).subquery().c
        span = _span(connection.dialect.name, newest.state_at, newest.due_at)
        return _mean(connection, sa.select(sa.func.avg(span)))

    def _mean_wait_seconds(self, connection: Connection, since: datetime) -> float | None:
        newest, attempt = self._newest_sent(since, _FEW).subquery().c, self._attempt.c
        span = _span(connection.dialect.name, attempt.started_at, newest.due_at)
        tries = sa.select(sa.func.avg(span)).where(attempt.message == newest.id)
        return _mean(connection, tries.where(attempt.outcome == "sent"))

    def _newest_sent(self, since: datetime, most: int) -> sa.Select[Any]:
        columns = self._message.c
        query = sa.select(columns.id, columns.state_at, columns.due_at, columns.sent_via)
        query = query.where(columns.state == "sent", columns.state_at >= since)
        return query.where(*settled(self._message)).order_by(columns.state_at.desc()).limit(most)

    def saved_at(self, name: str) -> datetime | None:
        """Return when a setting of the app as a whole was last saved, aware UTC."""
        settings = self._database.models.table("Setting").c
        query = sa.select(settings.updated_at).where(settings.scope == "app", settings.name == name)
        with self._database.read() as connection:
            return _aware(connection.execute(query).scalar())

    def moments(self) -> Moments:
        """Return since when things are as they are."""
        servers, settings = (self._database.models.table(name).c for name in ("Server", "Setting"))
        newest = self._newest_sent(utcnow() - _DAY, _FEW).subquery().c
        via = sa.select(newest.sent_via, sa.func.max(newest.state_at)).group_by(newest.sent_via)
        known = sa.select(servers.key, servers.health_at, servers.last_success_at)
        saved = sa.select(settings.scope, sa.func.max(settings.updated_at)).where(
            sa.or_(settings.scope.like("server:%"), settings.name == "paused")
        )
        with self._database.read() as connection:
            success = {key: at for key, at in connection.execute(via) if key}
            rows = connection.execute(known).all()
            found = connection.execute(saved.group_by(settings.scope))
            scopes = {row[0]: row[1] for row in found}
        for key, _, at in rows:
            success[key] = max(success.get(key, at), at) if at else success.get(key)
        return Moments(
            paused=_aware(scopes.get("meta")),
            health=_known({row[0]: row[1] for row in rows}),
            success=_known(success),
            saved=_known({s.removeprefix("server:"): at for s, at in scopes.items()}),
        )


def _mean(connection: Connection, query: sa.Select[Any]) -> float | None:
    """Return the one value of a query, in seconds; clocks that differ make no wait negative."""
    mean = connection.execute(query).scalar()
    return None if mean is None else max(round(float(mean), 3), 0.0)


def _span(
    dialect: str, later: sa.ColumnElement[datetime], earlier: sa.ColumnElement[datetime]
) -> sa.ColumnElement[Any]:
    """Return the seconds from ``earlier`` to ``later``: no database has the others' words."""
    if dialect == "sqlite":
        return (sa.func.julianday(later) - sa.func.julianday(earlier)) * 86_400
    if dialect in {"mysql", "mariadb"}:
        microseconds: sa.ColumnElement[Any] = sa.literal_column("MICROSECOND")
        return sa.func.timestampdiff(microseconds, earlier, later) / 1_000_000
    return sa.extract("epoch", later - earlier)


def _known(moments: Mapping[str, datetime | None]) -> dict[str, datetime]:
    return {key: at.replace(tzinfo=UTC) for key, at in moments.items() if at is not None}


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _worker(row: Row[Any], now: datetime) -> WorkerRow:
    return WorkerRow(
        id=row.id,
        name=row.name,
        host=row.host,
        pid=row.pid,
        started_at=row.started_at.replace(tzinfo=UTC),
        beat_at=row.beat_at.replace(tzinfo=UTC),
        live=now - row.beat_at <= timedelta(seconds=LIVE_SECONDS),
        connections=row.connections,
        in_flight=row.in_flight,
        window=row.window,
        stalled=row.stalled,
        journal=row.journal,
        sent=row.sent,
        failed=row.failed,
        redis=row.redis,
        version=row.version,
        fingerprints=_fingerprints(row.fingerprints),
    )


def _allowance(limits: tuple[Limit, ...], usage: Usage, now: float) -> Allowance:
    used = {limit.name: (limit.most, usage.used(limit, now)) for limit in limits}
    return Allowance(used, outlook(limits, usage, now).free.replace(tzinfo=UTC))


def _fingerprints(text: str) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

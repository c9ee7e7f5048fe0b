"""The five figures and the workers: a few index reads, however large the table is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.figures import LIVE_SECONDS, Allowance, Figures, WorkerRow
from flask_smtpadmin.core.rate import Limit, Usage, limits_of
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.states import CLAIMABLE, FAILED, State
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.quotas import Quotas, outlook, seconds
from flask_smtpadmin.storage.standing import in_states, settled

_DAY: Final = timedelta(hours=24)
#: Messages that the mean time, or the oldest one, is looked for in.
_SAMPLE: Final = 1000
_STILL: Final[tuple[State, ...]] = ("queued", "scheduled", "retrying")


class Summary:
    """Reads the figures of one app's queue.

    Args:
        database: connections of our own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._message = database.models.table("Message")
        self._worker = database.models.table("Worker")

    def figures(self) -> Figures:
        """Return the figures as they are now."""
        since = utcnow() - _DAY
        with self._database.read() as connection:
            standing = self._standing(connection)
            waiting_for = self._waiting_for(connection)
            oldest = self._oldest(connection)
            in_flight = self._in_flight(connection)
            recent = self._recent(connection, since)
            mean = self._mean_seconds(connection, since)
        return Figures(
            sent_24h=recent.get("sent", 0),
            failed_24h=sum(recent.get(state, 0) for state in FAILED),
            queued=sum(standing.get(state, 0) for state in CLAIMABLE) + in_flight,
            dead=standing.get("dead", 0),
            mean_seconds=mean,
            oldest_waiting_at=None if oldest is None else oldest.replace(tzinfo=UTC),
            waiting_for=waiting_for,
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

    def _standing(self, connection: Connection) -> dict[str, int]:
        """Count what waits at rest and what is dead."""
        state = self._message.c.state
        query = sa.select(state, sa.func.count()).group_by(state)
        query = query.where(in_states(self._message, (*CLAIMABLE, "dead")))
        return {row[0]: row[1] for row in connection.execute(query)}

    def _in_flight(self, connection: Connection) -> int:
        query = sa.select(sa.func.count()).where(self._message.c.worker_id.is_not(None))
        return int(connection.execute(query).scalar_one())

    def _waiting_for(self, connection: Connection) -> dict[str, int]:
        reason = self._message.c.waiting_for
        query = sa.select(reason, sa.func.count()).where(reason.is_not(None)).group_by(reason)
        return {row[0]: row[1] for row in connection.execute(query)}

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

    def _recent(self, connection: Connection, since: datetime) -> dict[str, int]:
        """How many entered a state after which nothing more happens."""
        table = self._message
        query = (
            sa.select(table.c.state, sa.func.count())
            .where(table.c.state.in_(("sent", *FAILED)), table.c.state_at >= since)
            .where(*settled(table))
            .group_by(table.c.state)
        )
        return {row[0]: row[1] for row in connection.execute(query)}

    def _mean_seconds(self, connection: Connection, since: datetime) -> float | None:
        table = self._message
        query = (
            sa.select(table.c.state_at, table.c.due_at)
            .where(table.c.state == "sent", table.c.state_at >= since, *settled(table))
            .order_by(table.c.state_at.desc())
            .limit(_SAMPLE)
        )
        spans = [(row[0] - row[1]).total_seconds() for row in connection.execute(query)]
        return round(sum(spans) / len(spans), 3) if spans else None


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

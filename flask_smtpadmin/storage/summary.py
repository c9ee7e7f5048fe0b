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
from flask_smtpadmin.core.states import FAILED, WAITING, State
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.quotas import Quotas, outlook, seconds

_DAY: Final = timedelta(hours=24)
#: Sent messages that the mean time is taken from.
_SAMPLE: Final = 1000
_STILL: Final[tuple[State, ...]] = ("queued", "retrying")


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
            recent = self._recent(connection, since)
            mean = self._mean_seconds(connection, since)
        waiting_for: dict[str, int] = {}
        for row in standing:
            if row.waiting_for is not None:
                waiting_for[row.waiting_for] = waiting_for.get(row.waiting_for, 0) + row.number
        oldest = min((row.oldest for row in standing if row.state in _STILL), default=None)
        return Figures(
            sent_24h=recent.get("sent", 0),
            failed_24h=sum(recent.get(state, 0) for state in FAILED),
            queued=sum(row.number for row in standing if row.state in WAITING),
            dead=sum(row.number for row in standing if row.state == "dead"),
            mean_seconds=mean,
            oldest_waiting_at=None if oldest is None else oldest.replace(tzinfo=UTC),
            waiting_for=waiting_for,
            in_flight=sum(row.number for row in standing if row.state == "sending"),
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

    def _standing(self, connection: Connection) -> list[Row[Any]]:
        """What waits and what is dead, by state and what it waits for."""
        table = self._message
        query = (
            sa.select(
                table.c.state,
                table.c.waiting_for,
                sa.func.count().label("number"),
                sa.func.min(table.c.due_at).label("oldest"),
            )
            .where(table.c.state.in_((*WAITING, "dead")))
            .group_by(table.c.state, table.c.waiting_for)
        )
        return list(connection.execute(query))

    def _recent(self, connection: Connection, since: datetime) -> dict[str, int]:
        """How many entered a state after which nothing more happens."""
        table = self._message
        query = (
            sa.select(table.c.state, sa.func.count())
            .where(table.c.state.in_(("sent", *FAILED)), table.c.state_at >= since)
            .group_by(table.c.state)
        )
        return {row[0]: row[1] for row in connection.execute(query)}

    def _mean_seconds(self, connection: Connection, since: datetime) -> float | None:
        table = self._message
        query = (
            sa.select(table.c.state_at, table.c.due_at)
            .where(table.c.state == "sent", table.c.state_at >= since)
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

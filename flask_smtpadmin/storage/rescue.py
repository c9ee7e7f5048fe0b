"""Leases: keep ours, and take messages back from workers that are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.retry import Decision, Policy, Standing, uncertain_after_crash
from flask_smtpadmin.storage.claims import LEASE
from flask_smtpadmin.storage.hours import Event, Hours, events_of
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.transitions import move

#: Messages that one transaction takes back.
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Rescued:
    """What a rescue did: messages queued again untouched, and decisions by message id."""

    requeued: int = 0
    decided: tuple[tuple[int, Decision], ...] = ()

    @property
    def count(self) -> int:
        """How many messages were taken back."""
        return self.requeued + len(self.decided)


class Leases:
    """Leases of all workers; every method runs inside the caller's transaction."""

    def __init__(self, models: Models) -> None:
        self._message = models.table("Message")
        self._recipient = models.table("Recipient")
        self._attempt = models.table("Attempt")
        self._hours = Hours(models)

    def renew(self, connection: Connection, worker_id: str, now: datetime) -> None:
        """Hold everything that ``worker_id`` has for another :data:`LEASE` seconds.

        What another transaction holds this very moment is left out: a heartbeat waits for nobody,
        and nobody else can take what is locked.
        """
        columns = self._message.c
        ours = sa.and_(columns.worker_id == worker_id, columns.state == "sending")
        if connection.dialect.name != "sqlite":
            free = sa.select(columns.id).where(ours).with_for_update(skip_locked=True)
            ours = columns.id.in_(list(connection.execute(free).scalars()))
        until = now + timedelta(seconds=LEASE)
        connection.execute(sa.update(self._message).where(ours).values(lease_until=until))

    def held(self, connection: Connection, worker_id: str) -> set[int]:
        """Return the ids of the messages that ``worker_id`` has, as the database knows it."""
        columns = self._message.c
        query = sa.select(columns.id).where(
            columns.worker_id == worker_id, columns.state == "sending"
        )
        return set(connection.execute(query).scalars())

    def drop_unknown(
        self, connection: Connection, worker_id: str, tokens: Collection[str], now: datetime
    ) -> int:
        """Queue what is leased to ``worker_id`` under a token it does not know; return how many.

        A claim whose commit went through while its answer was lost leaves such rows.
        """
        columns = self._message.c
        update = self._freed("queued", now).where(
            columns.worker_id == worker_id, columns.lease_token.not_in(list(tokens))
        )
        return connection.execute(update.values(run_at=columns.due_at)).rowcount

    def holders(self, connection: Connection, now: datetime) -> dict[str, bool]:
        """Return each worker that holds messages, and whether any of its leases ran out."""
        columns = self._message.c
        query = (
            sa.select(columns.worker_id, sa.func.min(columns.lease_until))
            .where(columns.state == "sending", columns.worker_id.is_not(None))
            .group_by(columns.worker_id)
        )
        return {str(worker): until < now for worker, until in connection.execute(query)}

    def rescue(
        self,
        connection: Connection,
        worker_id: str,
        policy: Policy,
        now: datetime,
        *,
        lapsed: datetime | None = None,
    ) -> Rescued:
        """Take back at most :data:`BATCH` messages of a worker that is gone.

        Args:
            connection: inside a write transaction.
            worker_id: the worker that is gone.
            policy: the retry settings, for what was handed over.
            now: the database's time.
            lapsed: only rows whose lease ended before this; None: whatever the lease says.
        """
        lease_until = self._message.c.lease_until
        which = sa.true() if lapsed is None else lease_until < lapsed
        return self._take_back(connection, worker_id, which, policy, now)

    def reclaim(
        self,
        connection: Connection,
        worker_id: str,
        ids: Collection[int],
        policy: Policy,
        now: datetime,
    ) -> Rescued:
        """Take back those of ``ids`` that the database says ``worker_id`` has."""
        which = self._message.c.id.in_(list(ids))
        return self._take_back(connection, worker_id, which, policy, now)

    def _take_back(
        self,
        connection: Connection,
        worker_id: str,
        which: sa.ColumnElement[bool],
        policy: Policy,
        now: datetime,
    ) -> Rescued:
        columns = self._message.c
        query = sa.select(self._message).where(
            columns.worker_id == worker_id, columns.state == "sending", which
        )
        if connection.dialect.name != "sqlite":
            # What its owner has locked this very moment waits for the next sweep: a process that
            # stands still in a transaction must not make its rescuers stand still.
            query = query.with_for_update(skip_locked=True)
        rows = connection.execute(query.order_by(columns.id).limit(BATCH)).all()
        handed = self._handed_over(connection, [row.id for row in rows], worker_id)
        self._requeue(connection, [row for row in rows if row.id not in handed], now)
        decided = self._decide(
            connection, [row for row in rows if row.id in handed], worker_id, policy, now
        )
        return Rescued(len(rows) - len(decided), tuple(decided))

    def _handed_over(
        self, connection: Connection, ids: Collection[int], worker_id: str
    ) -> set[int]:
        columns = self._attempt.c
        query = sa.select(columns.message).where(
            columns.message.in_(ids),
            columns.outcome.is_(None),
            columns.worker_id == worker_id,
        )
        return set(connection.execute(query).scalars()) if ids else set()

    def _requeue(self, connection: Connection, rows: Iterable[sa.Row[Any]], now: datetime) -> None:
        ids = [row.id for row in rows]
        if ids:
            update = self._freed("queued", now).where(self._message.c.id.in_(ids))
            connection.execute(update.values(run_at=now))

    def _decide(
        self,
        connection: Connection,
        rows: Iterable[sa.Row[Any]],
        worker_id: str,
        policy: Policy,
        now: datetime,
    ) -> list[tuple[int, Decision]]:
        decided = []
        events: Counter[Event] = Counter()
        for row in rows:
            standing = Standing(
                now=now,
                due_at=row.due_at,
                expires_at=row.expires_at,
                failures=row.failures,
                on_uncertain=row.on_uncertain,
            )
            decision = uncertain_after_crash(standing, policy, row.crashes + 1)
            if self._write(connection, row, decision, now):
                events.update(events_of(decision))
            decided.append((int(row.id), decision))
        self._close_attempts(connection, [number for number, _ in decided], worker_id, now)
        self._hours.add(connection, events, now)
        return decided

    def _write(
        self, connection: Connection, row: sa.Row[Any], decision: Decision, now: datetime
    ) -> bool:
        update = self._freed(decision.state, now).where(
            self._message.c.id == row.id, self._message.c.lease_token == row.lease_token
        )
        moved = connection.execute(
            update.values(
                run_at=decision.run_at,
                attempts=row.attempts + 1,
                failures=decision.failures,
                crashes=row.crashes + 1,
                cause=decision.cause,
                error=decision.error,
            )
        )
        if decision.state == "uncertain":
            columns = self._recipient.c
            unknown = sa.update(self._recipient).where(
                columns.message == row.id, columns.state == "pending"
            )
            connection.execute(unknown.values(state="unknown"))
        return moved.rowcount == 1

    def _close_attempts(
        self, connection: Connection, ids: Collection[int], worker_id: str, now: datetime
    ) -> None:
        if not ids:
            return
        columns = self._attempt.c
        update = sa.update(self._attempt).where(
            columns.message.in_(ids), columns.outcome.is_(None), columns.worker_id == worker_id
        )
        connection.execute(update.values(outcome="uncertain", cause="worker_lost", finished_at=now))

    def _freed(self, state: Any, now: datetime) -> sa.Update:
        update = move(self._message, state, now, came_from=("sending",))
        return update.values(worker_id=None, lease_token=None, lease_until=None)


def rescue_all(begin: Callable[[], Any], take_back: Callable[[Connection], Rescued]) -> Rescued:
    """Repeat ``take_back`` in transactions of its own until nothing is left."""
    requeued = 0
    decided: list[tuple[int, Decision]] = []
    while True:
        with begin() as connection:
            part = take_back(connection)
        requeued += part.requeued
        decided += part.decided
        if part.count < BATCH:
            return Rescued(requeued, tuple(decided))

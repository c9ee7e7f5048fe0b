"""The one writer: everything that is ready in one transaction, again and again.

Runs in the database thread. A transaction takes, in this order: the results that came in, what
goes back to the queue, the hand-overs written ahead, and a claim when the stage runs low.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flask_smtpadmin.core.errors import SchemaMissing
from flask_smtpadmin.core.rate import Limit
from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.storage.claims import Claimed, Claims
from flask_smtpadmin.storage.clock import Clock
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.health import HealthRows, SharedHealth
from flask_smtpadmin.storage.parking import Parking, Recall
from flask_smtpadmin.storage.quotas import Grant, Quotas, Request
from flask_smtpadmin.storage.rescue import Leases
from flask_smtpadmin.storage.results import HandOver, Result, Results

log = logging.getLogger(__name__)


class DatabaseAway(Exception):
    """The database cannot be written to now; nothing of the batch is known to be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction shall do.

    ``limits`` of the servers that have some; ``postpone``: messages that wait for a slot there.
    ``park``: servers of which no more mail shall be claimed, ``recall``: what shall be due again.
    ``claim``: how many messages to claim at most, ``below``: only priorities more urgent.
    ``again``: an earlier try may have been committed unseen; ``tokens`` then are the leases that
    we know of, and whatever else is leased to us goes back to the queue.
    """

    results: Sequence[Result] = ()
    put_back: Sequence[tuple[Claimed, WaitingFor | None]] = ()
    withdraw: Sequence[HandOver] = ()
    expired: Sequence[Claimed] = ()
    hand_over: Sequence[HandOver] = ()
    health: Sequence[SharedHealth] = ()
    limits: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    postpone: Sequence[tuple[Claimed, str]] = ()
    park: Sequence[str] = ()
    recall: Sequence[Recall] = ()
    claim: int = 0
    below: int | None = None
    again: bool = False
    tokens: frozenset[str] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether there is anything to do besides claiming."""
        return bool(
            self.results
            or self.put_back
            or self.withdraw
            or self.expired
            or self.hand_over
            or self.health
            or self.postpone
            or self.park
            or self.recall
        )

    def request(self) -> Request:
        """Return what this asks of the servers with limits."""
        return Request(
            limits=self.limits,
            unused=() if self.again else self.withdraw,  # they may have been given back already
            wanted=self.hand_over,
            waiting=self.postpone,
        )

    def leases(self) -> set[str]:
        """Return the lease tokens of every message in the batch."""
        jobs = [result.job for result in self.results]
        jobs += [item.job for item in (*self.withdraw, *self.hand_over)]
        jobs += [job for job, _ in (*self.put_back, *self.postpone)]
        return {job.token for job in (*jobs, *self.expired)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one transaction did.

    ``handed`` are the ids of hand-overs that are still ours, ``grant`` the slots that they got.
    ``looked``: it looked for due mail, so that ``claimed`` and ``next_due`` mean something.
    """

    finished: Sequence[Result] = ()
    lost: Sequence[Result] = ()
    handed: frozenset[int] = field(default_factory=frozenset)
    grant: Grant = field(default_factory=Grant)
    recalled: Sequence[tuple[Recall, int | None]] = ()
    claimed: Sequence[Claimed] = ()
    next_due: datetime | None = None
    looked: bool = False


class Writer:
    """Writes batches for one worker.

    Args:
        database: the app's database.
        worker_id: written to every row we hold.
        clock: the database's time.
    """

    def __init__(self, database: Database, worker_id: str, clock: Clock) -> None:
        self._database = database
        self._worker_id = worker_id
        self._clock = clock
        self._claims = Claims(database.models, worker_id)
        self._results = Results(database.models, worker_id)
        self._health = HealthRows(database.models)
        self._leases = Leases(database.models)
        self._parking = Parking(database.models)
        self._quotas = Quotas(database.models, clock.now)

    def commit(self, batch: Batch) -> Written:
        """Do ``batch`` in one transaction.

        Raises:
            DatabaseAway: the database is out of reach or busy; try the same batch again.
        """
        try:
            if not batch.writes and not batch.again and not self._anything_due():
                return Written(next_due=self._next_due(), looked=True)
            return self._commit(batch)
        except Exception as error:
            if is_away(error):
                raise DatabaseAway(sentence(error)) from error
            log.exception("A transaction of %d results was refused", len(batch.results))
            return self._one_by_one(batch)

    def _commit(self, batch: Batch) -> Written:
        with self._database.work() as connection:
            now = self._clock.now()
            if batch.again:
                self._leases.drop_unknown(connection, self._worker_id, batch.tokens, now)
            finished, lost = self._results.finish(connection, batch.results, now)
            self._give_back(connection, batch, now)
            for health in batch.health:
                self._health.write(connection, health, now)
            grant = self._ration(connection, batch, now)
            handed = self._hand_over(connection, batch, grant, now)
            for key in batch.park:
                self._parking.park(connection, key, now)
            recalled = [(r, self._parking.recall(connection, r, now)) for r in batch.recall]
            claimed: list[Claimed] = []
            if batch.claim:
                claimed = self._claims.claim(connection, now, batch.claim, below=batch.below)
            next_due = self._claims.peek(connection).next() if batch.claim else None
        return Written(
            finished=finished,
            lost=lost,
            handed=frozenset(handed),
            grant=grant,
            recalled=recalled,
            claimed=claimed,
            next_due=next_due,
            looked=bool(batch.claim),
        )

    def _ration(self, connection: Connection, batch: Batch, now: datetime) -> Grant:
        """Reserve slots at servers with limits; nothing is read where there are none."""
        if not batch.limits:
            return Grant()
        grant = self._quotas.settle(connection, batch.request())
        if grant.promises:
            self._results.postpone(connection, grant.promises, now)
        return grant

    def _hand_over(
        self, connection: Connection, batch: Batch, grant: Grant, now: datetime
    ) -> set[int]:
        items = [item for item in batch.hand_over if item.job.id not in grant.refused]
        if batch.again:
            self._results.forget(connection, batch.hand_over)
        if not items:
            return set()
        handed = self._results.hand_over(connection, items, now)
        self._claims.load(connection, [item.job for item in items if item.job.id in handed])
        return handed

    def _give_back(self, connection: Connection, batch: Batch, now: datetime) -> None:
        if batch.withdraw:
            self._results.withdraw(connection, batch.withdraw, now)
        if batch.put_back:
            self._results.put_back(connection, batch.put_back, now)
        if batch.expired:
            self._results.expire(connection, batch.expired, now)

    def _anything_due(self) -> bool:
        with self._database.read() as connection:
            self._seen = self._claims.peek(connection)
        return bool(self._seen.ready(self._clock.now()))

    def _next_due(self) -> datetime | None:
        return self._seen.next()

    def _one_by_one(self, batch: Batch) -> Written:
        """Find the result that the database refuses, and write that one without its words."""
        finished: list[Result] = []
        lost: list[Result] = []
        try:
            for result in batch.results:
                part = self._alone(result)
                finished += part.finished
                lost += part.lost
            rest = self._commit(replace(batch, results=()))
        except Exception as error:
            raise DatabaseAway(sentence(error)) from error
        return replace(rest, finished=finished, lost=lost)

    def _alone(self, result: Result) -> Written:
        try:
            return self._commit(Batch(results=[result]))
        except Exception as error:
            if is_away(error):
                raise
            return self._commit(Batch(results=[wordless(result)]))


def is_away(error: BaseException) -> bool:
    """Say whether an error means "later" and not "never like this"."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    away = (OperationalError, InterfaceError, InternalError, PoolTimeout, SchemaMissing, OSError)
    return isinstance(error, away)


def sentence(error: BaseException) -> str:
    """Return what the database's driver said, on one line and without the statement."""
    words = str(getattr(error, "orig", None) or error).split("\n", 1)[0].strip().rstrip(".")
    return words or type(error).__name__


def wordless(result: Result) -> Result:
    """Return a result without any text that a server sent."""
    ends = tuple(replace(end, reply=None) for end in result.decision.recipients)
    return replace(
        result,
        decision=replace(result.decision, error=None, recipients=ends),
        trace=replace(result.trace, reply=None, enhanced=None, address=None, tls=None),
    )

"""What a worker writes about the messages in its hands, many at a time.

Every statement is guarded by state and lease token. A message that is no longer ours is left
alone altogether: no attempt, no recipient of it changes. The lease token stays on a finished row
as the mark of who wrote its end, so a commit whose answer was lost can be repeated.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.rate import Slot
from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.retry import Decision
from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.storage.bulk import Value, moment
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.hours import Event, Hours, events_of, hour_of
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.sealed import Sealed
from flask_smtpadmin.storage.transitions import move
from flask_smtpadmin.storage.tries import Tries

log = logging.getLogger(__name__)

#: The third refusal of a message for the server's or account's sake ends that message.
MAX_SUSPICIONS: Final = 3
#: The phases of a try whose MAIL was written.
AFTER_MAIL: Final = ("sender", "recipient", "data", "body", "done")


@record(frozen=True, slots=True, kw_only=True)
class Trace:
    """What the attempt log keeps of one try; ``phase`` is the furthest step."""

    server: str
    started_at: datetime
    finished_at: datetime
    phase: str
    address: str | None = None
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = None
    tls: str | None = None
    ms: float | None = None
    session: str | None = None


@record(frozen=True, slots=True)
class Result:
    """How one try of one message ended."""

    job: Claimed
    n: int
    decision: Decision
    trace: Trace
    #: the message stays ours and goes to another server at once
    kept: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is the common case, written together with all others of its kind."""
        return self.decision.state == "sent" and not self.kept


@record(frozen=True, slots=True)
class HandOver:
    """A message about to be handed to ``server`` as attempt ``n``, at ``slot`` if it has limits."""

    job: Claimed
    n: int
    server: str
    slot: Slot | None = None


class Results:
    """Writes for one worker; every method runs inside the caller's transaction."""

    def __init__(self, models: Models, worker_id: str) -> None:
        self._message = models.table("Message")
        self._recipient = models.table("Recipient")
        self._attempt = models.table("Attempt")
        self._worker_id = worker_id
        self._tries = Tries(models)
        self._hours = Hours(models, worker_id)
        self._sealed = Sealed(models)

    def hand_over(
        self, connection: Connection, items: Sequence[HandOver], now: datetime
    ) -> set[int]:
        """Write ahead that ``items`` are handed over; return the ids that are still ours.

        An attempt is opened for what is under our lease, and its message locked until the commit:
        who takes messages back waits for that, and then sees the attempt.
        """
        rows = [(item.job.id, item.job.token, item.n, item.server) for item in items]
        opened = self._tries.open.run(connection, rows, self._worker_id, moment(now))
        jobs = [item.job for item in items]
        if opened == len(jobs):
            return {job.id for job in jobs}
        return self._those_in(connection, jobs, "sending")

    def finish(
        self, connection: Connection, results: Sequence[Result], now: datetime
    ) -> tuple[list[Result], list[Result]]:
        """Write ``results``; return those written (with their final decision) and those lost."""
        events: Counter[Event] = Counter()
        plain = [result for result in results if result.plain]
        written = self._finish_plain(connection, plain, now, events) if plain else []
        lost = _missing(plain, written)
        others: list[Result] = []
        for result in results:
            if not result.plain:
                final = self._finish_one(connection, result, now, events)
                (others if final else lost).append(final or result)
        self._complete(connection, others)
        written = [*written, *others]
        self._hours.add(connection, events, now)
        self._sealed.wipe(connection, [item.job.id for item in written if item.job.secret])
        for item in lost:
            text = "Message %d is no longer ours; its result is not written."
            told = {"message_id": item.job.id, "outcome": item.decision.outcome}
            log.warning(text, item.job.id, extra=told)
        return written, lost

    def put_back(
        self,
        connection: Connection,
        jobs: Iterable[tuple[Claimed, WaitingFor | None]],
        now: datetime,
    ) -> None:
        """Return messages that were not tried: due again, or parked with what they wait for."""
        for (token, reason), group in _grouped(jobs, lambda item: (item[0].token, item[1])):
            ids = [job.id for job, _ in group]
            run_at = sa.null() if reason else self._message.c.due_at
            update = self._ended("queued", token, now).where(self._message.c.id.in_(ids))
            connection.execute(update.values(run_at=run_at, waiting_for=reason))

    def postpone(
        self, connection: Connection, promises: Iterable[tuple[Claimed, datetime]], now: datetime
    ) -> None:
        """Return messages that wait for a slot at a server with limits, each due at its time."""
        for (token, run_at), group in _grouped(promises, lambda item: (item[0].token, item[1])):
            ids = [job.id for job, _ in group]
            update = self._ended("queued", token, now).where(self._message.c.id.in_(ids))
            connection.execute(update.values(run_at=run_at, waiting_for="quota"))

    def withdraw(self, connection: Connection, items: Sequence[HandOver], now: datetime) -> None:
        """Take hand-overs back that were never begun: as if they had not been written."""
        ours = self._those_in(connection, [item.job for item in items], "sending")
        self.forget(connection, [item for item in items if item.job.id in ours])
        self.put_back(connection, [(i.job, None) for i in items if i.job.id in ours], now)

    def forget(self, connection: Connection, items: Iterable[HandOver]) -> None:
        """Remove the open attempts of hand-overs, as an earlier commit may have written them."""
        columns = self._attempt.c
        connection.execute(
            sa.delete(self._attempt).where(
                columns.message.in_([item.job.id for item in items]),
                columns.worker_id == self._worker_id,
                columns.outcome.is_(None),
            )
        )

    def expire(self, connection: Connection, jobs: Iterable[Claimed], now: datetime) -> None:
        """End messages whose time ran out before they were tried."""
        events: Counter[Event] = Counter()
        for token, group in _grouped(jobs, lambda job: job.token):
            ids = self._still_ours(connection, token, [job.id for job in group])
            events.update(self._hours.ending(connection, ids, "expired"))
            update = self._ended("expired", token, now).where(self._message.c.id.in_(ids))
            connection.execute(update.values(run_at=None, waiting_for=None))
            self._sealed.wipe(connection, [job.id for job in group if job.secret])
        self._hours.add(connection, events, now)

    def _finish_plain(
        self,
        connection: Connection,
        results: Sequence[Result],
        now: datetime,
        events: Counter[Event],
    ) -> Sequence[Result]:
        """Write what every recipient has; return what is written, be it by an earlier commit."""
        at_once = connection.dialect.name == "postgresql"
        if at_once:
            moved = self._write_at_once(connection, results, now)
        else:
            moved = self._write_sent(connection, results, now)
            events["sent", ""] += moved  # what an earlier commit wrote is counted already
        written = results
        if moved != len(results):
            ours = self._those_in(connection, [item.job for item in results], "sent")
            written = [item for item in results if item.job.id in ours]
        if written and not at_once:
            accepted = [
                (recipient.id, item.trace.code)
                for item in written
                for recipient in item.job.recipients
            ]
            self._tries.accept.run(connection, accepted)
            self._complete(connection, written)
        return written

    def _write_at_once(
        self, connection: Connection, results: Sequence[Result], now: datetime
    ) -> int:
        rows = [(*_sent(item), *_tried(item)) for item in results]
        shared = (moment(now), self._worker_id, hour_of(now))
        moved: int = self._tries.finish.execute(connection, rows, *shared).scalar_one()
        return moved

    def _write_sent(self, connection: Connection, results: Sequence[Result], now: datetime) -> int:
        return self._tries.sent.run(connection, [_sent(item) for item in results], moment(now))

    def _complete(self, connection: Connection, results: Sequence[Result]) -> None:
        if results:
            rows = [(item.job.id, item.n, *_tried(item)) for item in results]
            self._tries.complete.run(connection, rows, self._worker_id)

    def _finish_one(
        self, connection: Connection, result: Result, now: datetime, events: Counter[Event]
    ) -> Result | None:
        if result.kept:
            return result if self._count(connection, result) else None
        result = self._condemned(connection, result)
        decision, job = result.decision, result.job
        update = self._ended(decision.state, job.token, now).where(self._message.c.id == job.id)
        update = update.values(
            run_at=decision.run_at,
            waiting_for=decision.waiting_for,
            attempts=result.n,
            failures=decision.failures,
            cause=decision.cause,
            error=decision.error,
        )
        if decision.server == "ok":
            update = update.values(sent_via=result.trace.server)
        if connection.execute(update).rowcount == 1:
            events.update(events_of(decision, result.trace.phase))
        elif not self._already(connection, job.token, [job.id], decision.state):
            return None
        self._write_recipients(connection, result)
        return result

    def _count(self, connection: Connection, result: Result) -> bool:
        """Count the try of a message that stays ours; say whether it still is."""
        columns, job = self._message.c, result.job
        ours = (columns.id == job.id, columns.lease_token == job.token, columns.state == "sending")
        update = sa.update(self._message).where(*ours)
        return connection.execute(update.values(attempts=result.n)).rowcount == 1

    def _condemned(self, connection: Connection, result: Result) -> Result:
        """Rule (d): at its third refusal on a server's account the message alone is dead."""
        returned = result.decision.outcome == "returned" and result.decision.cause is not None
        if not returned or result.trace.phase not in AFTER_MAIL:
            return result
        columns = self._attempt.c
        earlier = connection.execute(
            sa.select(sa.func.count())
            .select_from(self._attempt)
            .where(
                columns.message == result.job.id,
                columns.outcome == "returned",
                columns.cause.is_not(None),
                columns.phase.in_(AFTER_MAIL),
            )
        ).scalar_one()
        if earlier + 1 < MAX_SUSPICIONS:
            return result
        decision = result.decision
        dead = Decision(
            state="dead",
            outcome="dead",
            failures=decision.failures,
            cause=decision.cause,
            error=decision.error,
            server=decision.server,
            recipients=decision.recipients,
        )
        return Result(result.job, result.n, dead, result.trace)

    def _write_recipients(self, connection: Connection, result: Result) -> None:
        numbers = {item.address: item.id for item in result.job.recipients}
        for end in result.decision.recipients:
            number = numbers.get(end.address)
            if number is not None:
                update = sa.update(self._recipient).where(self._recipient.c.id == number)
                values = {"state": end.state, "code": end.code, "reply": end.reply}
                connection.execute(update.values(**values))

    def _ended(self, state: Any, token: str, now: datetime) -> sa.Update:
        update = move(self._message, state, now, came_from=("sending",))
        return update.where(self._message.c.lease_token == token).values(
            worker_id=None, lease_until=None
        )

    def _those_in(self, connection: Connection, jobs: Iterable[Claimed], state: str) -> set[int]:
        """Return which of ``jobs`` are in ``state`` by our own doing."""
        return {
            number
            for token, group in _grouped(jobs, lambda job: job.token)
            for number in self._already(connection, token, [job.id for job in group], state)
        }

    def _still_ours(self, connection: Connection, token: str, ids: Collection[int]) -> list[int]:
        return self._already(connection, token, ids, "sending")

    def _already(
        self, connection: Connection, token: str, ids: Collection[int], state: str
    ) -> list[int]:
        columns = self._message.c
        query = sa.select(columns.id).where(
            columns.id.in_(ids), columns.lease_token == token, columns.state == state
        )
        return list(connection.execute(query).scalars())


def _missing(results: Sequence[Result], written: Sequence[Result]) -> list[Result]:
    """Return those of ``results`` that are not ``written``."""
    if len(written) == len(results):
        return []
    known = {item.job.id for item in written}
    return [item for item in results if item.job.id not in known]


def _sent(result: Result) -> tuple[Value, ...]:
    """Return the values of ``tries.SENT``."""
    return result.job.id, result.job.token, result.n, result.trace.server


def _tried(result: Result) -> tuple[Value, ...]:
    """Return the values of ``tries.TRIED``."""
    trace = result.trace
    return (
        trace.address,
        moment(trace.started_at),
        moment(trace.finished_at),
        trace.phase,
        result.decision.outcome,
        result.decision.cause,
        trace.code,
        trace.enhanced,
        trace.reply,
        trace.tls,
        trace.ms,
        trace.session,
    )


def _grouped(items: Iterable[Any], key: Any) -> list[tuple[Any, list[Any]]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.items())

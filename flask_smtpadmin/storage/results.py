"""What a worker writes about the messages in its hands, many at a time.

Every statement is guarded by state and lease token. A message that is no longer ours is left
alone altogether: no attempt, no recipient of it changes. The lease token stays on a finished row
as the mark of who wrote its end, so a commit whose answer was lost can be repeated.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.rate import Slot
from flask_smtpadmin.core.retry import Decision
from flask_smtpadmin.core.states import WaitingFor
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.transitions import move

log = logging.getLogger(__name__)

#: The third refusal of a message for the server's or account's sake ends that message.
MAX_SUSPICIONS: Final = 3
#: The phases of a try whose MAIL was written.
AFTER_MAIL: Final = ("sender", "recipient", "data", "body", "done")


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
        # what every cycle runs, built once: building a statement costs as much as running it
        self._open = _open_statement(self._message)
        self._sent = _sent_statement(self._message)
        self._accept = _accept_statement(self._recipient)
        self._insert = sa.insert(self._attempt)
        self._complete = _complete_statement(self._attempt)

    def hand_over(
        self, connection: Connection, items: Sequence[HandOver], now: datetime, *, again: bool
    ) -> set[int]:
        """Write ahead that ``items`` are handed over; return the ids that are still ours.

        ``again``: an earlier commit may have gone through, so its rows are removed first.
        """
        ours: set[int] = set()
        for (token, n), group in _grouped(items, lambda item: (item.job.token, item.n)):
            ids = [item.job.id for item in group]
            moved = connection.execute(self._open, {"ids": ids, "token": token, "n": n}).rowcount
            ours.update(ids if moved == len(ids) else self._still_ours(connection, token, ids))
        if again:
            self._forget(connection, [item.job.id for item in items])
        rows = [self._opened(item, now) for item in items if item.job.id in ours]
        if rows:
            connection.execute(self._insert, rows)
        return ours

    def finish(
        self, connection: Connection, results: Sequence[Result], now: datetime
    ) -> tuple[list[Result], list[Result]]:
        """Write ``results``; return those written (with their final decision) and those lost."""
        written, lost = self._finish_plain(connection, [r for r in results if r.plain], now)
        for result in results:
            if not result.plain:
                final = self._finish_one(connection, result, now)
                (written if final else lost).append(final or result)
        if written:
            connection.execute(self._complete, [self._completed(item) for item in written])
        for item in lost:
            log.warning(
                "Message %d is no longer ours; its result is not written.",
                item.job.id,
                extra={"message_id": item.job.id, "outcome": item.decision.outcome},
            )
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
        ours: set[int] = set()
        for (token, n), group in _grouped(items, lambda item: (item.job.token, item.n)):
            ids = self._still_ours(connection, token, [item.job.id for item in group])
            ours.update(ids)
            connection.execute(self._held(token, ids).values(attempts=n - 1))
        self._forget(connection, list(ours))
        self.put_back(connection, [(i.job, None) for i in items if i.job.id in ours], now)

    def expire(self, connection: Connection, jobs: Iterable[Claimed], now: datetime) -> None:
        """End messages whose time ran out before they were tried."""
        for token, group in _grouped(jobs, lambda job: job.token):
            ids = [job.id for job in group]
            update = self._ended("expired", token, now).where(self._message.c.id.in_(ids))
            connection.execute(update.values(run_at=None, waiting_for=None))

    def _finish_plain(
        self, connection: Connection, results: Sequence[Result], now: datetime
    ) -> tuple[list[Result], list[Result]]:
        ours: set[int] = set()
        by_server = _grouped(results, lambda item: (item.job.token, item.trace.server))
        for (token, server), group in by_server:
            ids = [item.job.id for item in group]
            values = {"ids": ids, "token": token, "now": now, "server": server}
            moved = connection.execute(self._sent, values).rowcount
            if moved != len(ids):
                ids = self._already(connection, token, ids, "sent")
            ours.update(ids)
        written = [item for item in results if item.job.id in ours]
        codes = _grouped(written, lambda item: item.trace.code)
        for code, group in codes:
            ids = [item.job.id for item in group]
            connection.execute(self._accept, {"ids": ids, "accepted": code})
        return written, [item for item in results if item.job.id not in ours]

    def _finish_one(self, connection: Connection, result: Result, now: datetime) -> Result | None:
        if result.kept:
            kept = self._still_ours(connection, result.job.token, [result.job.id])
            return result if kept else None
        result = self._condemned(connection, result)
        decision, job = result.decision, result.job
        update = self._ended(decision.state, job.token, now).where(self._message.c.id == job.id)
        update = update.values(
            run_at=decision.run_at,
            waiting_for=decision.waiting_for,
            failures=decision.failures,
            cause=decision.cause,
            error=decision.error,
        )
        if decision.server == "ok":
            update = update.values(sent_via=result.trace.server)
        if connection.execute(update).rowcount != 1 and not self._already(
            connection, job.token, [job.id], decision.state
        ):
            return None
        self._write_recipients(connection, result)
        return result

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

    def _held(self, token: str, ids: Collection[int]) -> sa.Update:
        columns = self._message.c
        return sa.update(self._message).where(
            columns.id.in_(ids), columns.lease_token == token, columns.state == "sending"
        )

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

    def _forget(self, connection: Connection, ids: Collection[int]) -> None:
        columns = self._attempt.c
        connection.execute(
            sa.delete(self._attempt).where(
                columns.message.in_(ids),
                columns.worker_id == self._worker_id,
                columns.outcome.is_(None),
            )
        )

    def _opened(self, item: HandOver, now: datetime) -> dict[str, Any]:
        return {
            "message": item.job.id,
            "n": item.n,
            "worker_id": self._worker_id,
            "server_key": item.server,
            "started_at": now,
            "phase": "handed_over",
        }

    def _completed(self, result: Result) -> dict[str, Any]:
        trace = result.trace
        return {
            "b_message": result.job.id,
            "b_n": result.n,
            "b_worker": self._worker_id,
            "address": trace.address,
            "started_at": trace.started_at,
            "finished_at": trace.finished_at,
            "phase": trace.phase,
            "outcome": result.decision.outcome,
            "cause": result.decision.cause,
            "code": trace.code,
            "enhanced": trace.enhanced,
            "reply": trace.reply,
            "tls": trace.tls,
            "ms": trace.ms,
        }


def _open_statement(message: sa.Table) -> sa.Update:
    columns = message.c
    update = sa.update(message).where(*_ours(message), columns.state == "sending")
    return update.values(attempts=sa.bindparam("n"))


def _sent_statement(message: sa.Table) -> sa.Update:
    now = sa.bindparam("now", type_=message.c.state_at.type)
    update = move(message, "sent", now, came_from=("sending",)).where(*_ours(message))
    nothing = dict.fromkeys(("worker_id", "lease_until", "waiting_for", "cause", "error"))
    return update.values(sent_via=sa.bindparam("server"), **nothing)


def _accept_statement(recipient: sa.Table) -> sa.Update:
    columns = recipient.c
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    update = sa.update(recipient).where(columns.message.in_(ids), columns.state == "pending")
    return update.values(state="accepted", code=sa.bindparam("accepted"), reply=None)


def _ours(message: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return message.c.id.in_(ids), message.c.lease_token == sa.bindparam("token")


def _complete_statement(attempt: sa.Table) -> sa.Update:
    columns = attempt.c
    written = "address started_at finished_at phase outcome cause code enhanced reply tls ms"
    return (
        sa.update(attempt)
        .where(
            columns.message == sa.bindparam("b_message"),
            columns.n == sa.bindparam("b_n"),
            columns.worker_id == sa.bindparam("b_worker"),
        )
        .values({name: sa.bindparam(name) for name in written.split()})
    )


def _grouped(items: Iterable[Any], key: Any) -> list[tuple[Any, list[Any]]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.items())

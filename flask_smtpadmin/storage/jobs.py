"""Jobs as rows: begun in one process, looked at and cancelled from any."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.audit_details import filtered
from flask_smtpadmin.core.deeds import SILENT_SECONDS, Action, Deed, Job, JobState, Tally
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.notes import Note, unkept
from flask_smtpadmin.storage.queue import Queue

_KEEP: Final = timedelta(days=30)


class Jobs:
    """The jobs of one app.

    Args:
        database: connections of our own.
        queue: does what they are about.
        note: keeps the audit trail.
    """

    def __init__(self, database: Database, queue: Queue, *, note: Note = unkept) -> None:
        self._database = database
        self._queue = queue
        self._note = note
        self._table = database.models.table("Job")

    def add(self, deed: Deed, *, actor: str | None = None) -> str:
        """Write down that ``deed`` shall be done with all that match now; return the job's id.

        Raises:
            InvalidSearch: its filter cannot be meant.
        """
        now, found = utcnow(), self._queue.tally(deed.wanted)
        row = {
            "id": secrets.token_hex(8),
            "action": deed.action,
            "wanted": json.dumps(deed.wanted.document()),
            "server_key": deed.server,
            "actor": actor,
            "state": "running",
            "total": found.total,
            "exact": found.exact,
            "max_id": self._queue.largest_id(),
            "created_at": now,
            "heard_at": now,
        }
        old = sa.delete(self._table).where(self._table.c.created_at < now - _KEEP)
        with self._database.write() as connection:
            connection.execute(old)
            connection.execute(sa.insert(self._table).values(**row))
            told = {**_told(deed), "begun": True, "job": row["id"]}
            self._note(connection, f"queue.{deed.action}", "queue", told, actor=actor)
        return str(row["id"])

    def step(self, job: Job) -> bool:
        """Do the next few hundred messages of a job and say whether there is more to do.

        What is done and how far the job is are one short transaction: who goes on after a crash
        does nothing twice.
        """
        numbers, after = self._queue.next_chunk(job.deed.wanted, job.last_id, job.max_id)
        table = self._table
        mine = sa.update(table).where(table.c.id == job.id, table.c.last_id == job.last_id)
        mine = mine.where(table.c.state == "running")
        state = "running" if after is not None else "done"
        last = after if after is not None else job.max_id
        with self._database.write() as connection:
            begun = mine.where(sa.not_(table.c.cancel)).values(last_id=last, heard_at=utcnow())
            if not connection.execute(begun).rowcount:
                if connection.execute(mine.values(state="cancelled")).rowcount:
                    self._ended(connection, job, 0)
                return False
            found = self._queue.do(connection, job.deed, numbers) if numbers else Tally({})
            skipped = found.skipped(job.deed)
            counted = (
                sa.update(table)
                .where(table.c.id == job.id)
                .values(
                    state=state,
                    changed=table.c.changed + found.doable(job.deed),
                    expired=table.c.expired + skipped.get("expired", 0),
                    unfit=table.c.unfit + skipped.get("state", 0),
                )
            )
            connection.execute(counted)
            if state == "done":
                self._ended(connection, job, found.doable(job.deed))
        return state == "running"

    def fail(self, number: str) -> None:
        """Note that a job broke off."""
        self._change(number, "running", state="failed")

    def cancel(self, number: str) -> None:
        """Ask for the end of a job; what it has done stays done."""
        table = self._table
        mine = sa.update(table).where(table.c.id == number, table.c.state == "running")
        with self._database.write() as connection:
            if connection.execute(mine.where(sa.not_(table.c.cancel)).values(cancel=True)).rowcount:
                self._note(connection, "job.cancel", f"job:{number}")

    def take_over(self, number: str) -> bool:
        """Go on with a job that nobody works on any more; False: somebody does, or it is over."""
        table = self._table
        silent = table.c.heard_at < utcnow() - timedelta(seconds=SILENT_SECONDS)
        left = sa.or_(table.c.state == "failed", sa.and_(table.c.state == "running", silent))
        again = sa.update(table).where(table.c.id == number, left)
        with self._database.write() as connection:
            values = {"state": "running", "heard_at": utcnow()}
            ours = connection.execute(again.values(**values)).rowcount == 1
            if ours:
                self._note(connection, "job.continue", f"job:{number}")
            return ours

    def get(self, number: str) -> Job:
        """Return one job, or raise NotFound."""
        query = sa.select(self._table).where(self._table.c.id == number)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound("job", number)
        return _job(row, utcnow())

    def running(self) -> tuple[Job, ...]:
        """Return the jobs that are under way, newest first."""
        table, now = self._table, utcnow()
        fresh = table.c.created_at > now - timedelta(days=1)
        query = sa.select(table).where(table.c.state == "running", fresh)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.created_at.desc())).all()
        return tuple(job for job in (_job(row, now) for row in rows) if not job.over)

    def _ended(self, connection: Connection, job: Job, changed: int) -> None:
        told = {**_told(job.deed), "count": job.changed + changed, "job": job.id}
        self._note(connection, f"queue.{job.deed.action}", "queue", told, actor=job.actor)

    def _change(self, number: str, before: JobState, **values: Any) -> None:
        table = self._table
        update = sa.update(table).where(table.c.id == number, table.c.state == before)
        with self._database.write() as connection:
            connection.execute(update.values(**values))


def _told(deed: Deed) -> dict[str, Any]:
    """Return what the audit trail keeps of a deed."""
    return {"filter": filtered(deed.wanted), "server": deed.server}


def _job(row: Row[Any], now: datetime) -> Job:
    state = cast("JobState", row.state)
    if state == "running" and now - row.heard_at > timedelta(seconds=SILENT_SECONDS):
        state = "silent"
    wanted = Filter(**json.loads(row.wanted))
    skipped = {"expired": row.expired, "state": row.unfit}
    return Job(
        id=row.id,
        deed=Deed(cast("Action", row.action), wanted, row.server_key),
        state=state,
        actor=row.actor,
        total=row.total,
        exact=row.exact,
        changed=row.changed,
        skipped={reason: count for reason, count in skipped.items() if count},
        created_at=row.created_at.replace(tzinfo=UTC),
        heard_at=row.heard_at.replace(tzinfo=UTC),
        max_id=row.max_id,
        last_id=row.last_id,
    )

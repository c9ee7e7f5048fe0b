"""A queue of mail seen from the storage side, for tests of claims and results."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from flask_smtpadmin import Message
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.retry import Decision
from flask_smtpadmin.core.states import State
from flask_smtpadmin.posting import post
from flask_smtpadmin.storage.claims import Claimed, Claims, PendingRecipient
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.results import HandOver, Result, Results, Trace
from support.apps import Site
from support.shop import Shop

NOW = datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)


class MailQueue:
    """The tables of a site, with the verbs of a worker."""

    def __init__(self, site: Site | Shop) -> None:
        self.site = site
        self.state = site.app.extensions["smtpadmin"]
        self.database = self.state.database
        self.models = self.state.models

    def send(
        self, count: int, recipients: int = 1, *, secret: bool = False, **options: Any
    ) -> list[int]:
        """Queue ``count`` messages of normal priority and return their ids."""
        messages = [
            Message(
                f"Number {n}",
                [f"r{n}.{r}@example{r}.com" for r in range(recipients)],
                body="Hello",
                sender="me@example.com",
            )
            for n in range(count)
        ]
        options.setdefault("priority", "normal")
        if secret:
            handling = Handling(secret=True, **options)
            return [queued.id for queued in post(self.state, messages, handling, session="own")]
        with self.site.app.app_context():
            return [queued.id for queued in self.site.mail.send_many(messages, **options)]

    def claim(self, worker: str = "w1", limit: int = 100, **options: Any) -> list[Claimed]:
        """Claim in a transaction of its own."""
        with self.database.work() as connection:
            return Claims(self.models, worker).claim(connection, utcnow(), limit, **options)

    def hand_over(
        self, jobs: list[Claimed], worker: str = "w1", *, again: bool = False
    ) -> set[int]:
        """Write ahead that ``jobs`` are handed over."""
        items = [HandOver(job, job.attempts + 1, "default") for job in jobs]
        with self.database.work() as connection:
            results = Results(self.models, worker)
            if again:
                results.forget(connection, items)
            return results.hand_over(connection, items, utcnow())

    def finish(
        self, jobs: list[Claimed], decision: Decision, worker: str = "w1", **trace: Any
    ) -> tuple[list[Result], list[Result]]:
        """Write the same decision for all of ``jobs``."""
        results = [self.result(job, decision, **trace) for job in jobs]
        with self.database.work() as connection:
            return Results(self.models, worker).finish(connection, results, utcnow())

    def result(self, job: Claimed, decision: Decision, **trace: Any) -> Result:
        """Return the result of a first try."""
        now = utcnow()
        values = {"server": "default", "started_at": now, "finished_at": now, "phase": "done"}
        return Result(job, job.attempts + 1, decision, Trace(**{**values, **trace}))

    def rows(self, model: str = "Message") -> list[sa.Row[Any]]:
        """Return all rows of a table in order of its key."""
        table = self.models.table(model)
        with self.database.read() as connection:
            return list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))

    def states(self) -> Counter[str]:
        """Count the messages by state."""
        return Counter(row.state for row in self.rows())

    def change(self, **values: Any) -> None:
        """Set columns of every message."""
        with self.database.write() as connection:
            connection.execute(sa.update(self.models.table("Message")).values(**values))


def decided(state: State, **values: Any) -> Decision:
    """Return a decision with nothing special about it."""
    words = {"sent": "sent", "partial": "partial", "retrying": "retry", "queued": "returned"}
    words |= {"dead": "dead", "uncertain": "uncertain", "expired": "retry"}
    defaults: dict[str, Any] = {"outcome": words[state], "failures": 0}
    return Decision(state=state, **{**defaults, **values})


def at(row: Any, name: str) -> datetime:
    """Return a time of a row that must be set."""
    value = getattr(row, name)
    assert isinstance(value, datetime)
    return value


def claimed(number: int, *, built: bool = True) -> Claimed:
    """Return a message in a worker's hands, without a database."""
    return Claimed(
        id=number,
        token="t",
        message_id=f"<{number}@example.org>",
        priority=1,
        due_at=NOW,
        expires_at=None,
        sender="a@example.org",
        has_reply_to=False,
        smtputf8=False,
        eight_bit=False,
        size=30,
        server_key=None,
        cleared=False,
        on_uncertain=None,
        attempts=0,
        failures=0,
        recipients=(PendingRecipient(number, f"r{number}@example.org"),),
        content=f"Message-ID: <{number}@example.org>\r\n\r\nhello\r\n".encode() if built else None,
    )

"""The statements about many tries at once: opened before they are made, completed after.

Where every recipient has the message, PostgreSQL writes its end, theirs and the try's in one
statement, hence in one round trip. Elsewhere each of the three is a statement of its own.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from flask_smtpadmin.storage.bulk import Bulk, Given
from flask_smtpadmin.storage.hours import counting
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.transitions import move

#: What a row of each statement holds, in order; ``TRIED`` are columns of smtpadmin_attempt.
OPENED: Final = ("id", "lease_token", "n", "server_key")
SENT: Final = ("id", "lease_token", "attempts", "sent_via")
TRIED: Final = (
    "address",
    "started_at",
    "finished_at",
    "phase",
    "outcome",
    "cause",
    "code",
    "enhanced",
    "reply",
    "tls",
    "ms",
    "session",
)


class Tries:
    """The statements, compiled when they are first needed."""

    def __init__(self, models: Models) -> None:
        message, recipient = models.table("Message"), models.table("Recipient")
        attempt = models.table("Attempt")
        self.open = _open(message, attempt)
        self.sent = Bulk(lambda given: _sent(message, given), _types(message, *SENT), ("now",))
        self.accept = _accept(recipient)
        self.complete = _complete(attempt)
        self.finish = _finish(models)


def _open(message: sa.Table, attempt: sa.Table) -> Bulk:
    """Open attempts for messages that are in our hands, and lock those messages."""

    def build(given: Given) -> sa.Executable:
        values = {
            "message": message.c.id,
            "n": given["n"],
            "server_key": given["server_key"],
            "worker_id": sa.bindparam("worker"),
            "started_at": sa.bindparam("now", type_=attempt.c.started_at.type),
            "phase": sa.literal_column("'handed_over'"),
        }
        ours = sa.select(*values.values()).where(*_ours(message, given))
        ours = ours.with_for_update(of=message, key_share=True)
        return sa.insert(attempt).from_select(list(values), ours, include_defaults=False)

    columns = _types(message, *OPENED[:2]) | _types(attempt, *OPENED[2:])
    return Bulk(build, columns, ("worker", "now"))


def _accept(recipient: sa.Table) -> Bulk:
    """Note that recipients have it."""

    def build(given: Given) -> sa.Executable:
        return _accepted(recipient, given).where(given.numbered(recipient.c.id))

    return Bulk(build, _types(recipient, "id", "code"))


def _complete(attempt: sa.Table) -> Bulk:
    """Complete attempts of ours with what became of them."""

    def build(given: Given) -> sa.Executable:
        return _completed(attempt, given).where(attempt.c.n == given["n"])

    return Bulk(build, _types(attempt, "message", "n", *TRIED), ("worker",))


def _finish(models: Models) -> Bulk:
    """Do :func:`_sent` and what follows from it; return how many it moves.

    With those alone: their recipients accepted, their attempts completed, and all counted.
    """
    message, attempt = models.table("Message"), models.table("Attempt")
    recipient, hour = models.table("Recipient"), models.table("Hour")

    def build(given: Given) -> sa.Executable:
        moved = _sent(message, given).returning(*given.values.values()).cte("moved")
        ours = Given(dict(moved.c), given.numbers)
        accepted = _accepted(recipient, ours).where(
            ours.numbered(recipient.c.message), recipient.c.state == "pending"
        )
        completed = _completed(attempt, ours).where(attempt.c.n == ours["attempts"])
        counted = counting(hour, _counted(hour, moved))
        count = sa.select(sa.func.count()).select_from(moved)
        return count.add_cte(
            accepted.cte("accepted"), completed.cte("completed"), counted.cte("counted")
        )

    columns = _types(message, *SENT) | _types(attempt, *TRIED)
    return Bulk(build, columns, ("now", "worker", "hour"))


def _counted(hour: sa.Table, moved: sa.CTE) -> sa.Select[Any]:
    """Select the row of the hour for what was moved, if anything was."""
    number = sa.func.count()
    own: list[Any] = [
        sa.bindparam("hour", type_=hour.c.hour.type),
        sa.bindparam("worker", type_=hour.c.place.type),
    ]
    own += [sa.literal_column("'sent'"), sa.literal_column("''")]
    return sa.select(*own, number).select_from(moved).having(number > 0)


def _sent(message: sa.Table, given: Given) -> sa.Update:
    """Finish messages that every recipient has."""
    now = sa.bindparam("now", type_=message.c.state_at.type)
    update = move(message, "sent", now, came_from=("sending",))
    nothing = dict.fromkeys(("worker_id", "lease_until", "waiting_for", "cause", "error"))
    return update.where(*_ours(message, given)).values(
        attempts=given["attempts"], sent_via=given["sent_via"], **nothing
    )


def _accepted(recipient: sa.Table, given: Given) -> sa.Update:
    return sa.update(recipient).values(state="accepted", code=given["code"], reply=None)


def _completed(attempt: sa.Table, given: Given) -> sa.Update:
    update = sa.update(attempt).where(
        given.numbered(attempt.c.message), attempt.c.worker_id == sa.bindparam("worker")
    )
    return update.values({name: given[name] for name in TRIED})


def _ours(message: sa.Table, given: Given) -> tuple[sa.ColumnElement[bool], ...]:
    columns = message.c
    held = columns.lease_token == given["lease_token"]
    return given.numbered(columns.id), held, columns.state == "sending"


def _types(table: sa.Table, *names: str) -> dict[str, Any]:
    return {name: table.c[name].type for name in names}

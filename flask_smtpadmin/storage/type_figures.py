"""How the latest mail of each type fared, from a few hundred rows of an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from flask_smtpadmin.core.states import FAILED
from flask_smtpadmin.storage.database import Database

#: The newest messages of a type that are looked at.
LOOKED_AT: Final = 200
#: Types in one statement; SQLite takes 500 parts.
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest messages of a type, at most :data:`LOOKED_AT`.

    ``last_sent`` is aware UTC, None where none of them was sent.
    """

    messages: int = 0
    sent: int = 0
    failed: int = 0
    last_sent: datetime | None = None

    @property
    def all_of_them(self) -> bool:
        """Whether there are no older ones."""
        return self.messages < LOOKED_AT

    def document(self) -> dict[str, int]:
        """Return the counts as JSON shows them."""
        return {"messages": self.messages, "sent": self.sent, "failed": self.failed}


def recent(database: Database, names: Iterable[str]) -> Mapping[str, Recent]:
    """Return how the newest messages of each of these types fared."""
    wanted, found = list(names), {}
    with database.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            rows = connection.execute(_query(database.models.table("Message"), part))
            for name, messages, sent, failed, last in rows:
                at = None if last is None else last.replace(tzinfo=UTC)
                found[name] = Recent(messages, sent or 0, failed or 0, at)
    return {name: found.get(name, Recent()) for name in wanted}


def _query(message: sa.Table, names: list[str]) -> sa.Select[Any]:
    columns: Any = message.c
    at_rest = columns.worker_id.is_(None)  # as the index has it on PostgreSQL
    newest = [
        sa.select(
            sa.select(columns.type, columns.state, columns.state_at)
            .where(columns.type == name, columns.type.is_not(None), at_rest)
            .order_by(columns.id.desc())
            .limit(LOOKED_AT)
            .subquery()
        )
        for name in names
    ]
    rows = sa.union_all(*newest).subquery().c
    sent = rows.state == "sent"
    return sa.select(
        rows.type,
        sa.func.count(),
        sa.func.sum(sa.case((sent, 1), else_=0)),
        sa.func.sum(sa.case((rows.state.in_(FAILED), 1), else_=0)),
        sa.func.max(sa.case((sent, rows.state_at))),
    ).group_by(rows.type)

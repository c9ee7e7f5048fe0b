"""The two ends of the audit trail, as rows of ``smtpadmin_setting``."""

from __future__ import annotations

from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.audit import START, Mark
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.setting_rows import AUDIT, insert_once

End = Literal["head", "anchor"]
#: The last entry, and the last one that was removed because of its age.
HEAD: Final = "head"
ANCHOR: Final = "anchor"


class Marks:
    """Reads and writes the ends.

    Args:
        models: the mapped tables.
    """

    def __init__(self, models: Models) -> None:
        self._table = models.table("Setting")

    def get(self, connection: Connection, end: End) -> Mark | None:
        """Return one end, None before there is one."""
        text = connection.execute(self._select(end)).scalar()
        return None if text is None else Mark.loaded(text)

    def lock(self, connection: Connection) -> Mark:
        """Return the head, held until the transaction ends; made where there is none."""
        query = self._select(HEAD).with_for_update()
        text = connection.execute(query).scalar()
        if text is None:
            insert_once(connection, self._table, AUDIT, HEAD, Mark(0, START).dumped())
            text = connection.execute(query).scalar()
        return Mark(0, START) if text is None else Mark.loaded(text)

    def put(self, connection: Connection, end: End, mark: Mark) -> None:
        """Store one end."""
        table = self._table
        row = {"value": mark.dumped(), "updated_at": utcnow()}
        where = (table.c.scope == AUDIT, table.c.name == end)
        done = connection.execute(sa.update(table).where(*where).values(row))
        if done.rowcount == 0:
            connection.execute(sa.insert(table).values(scope=AUDIT, name=end, **row))

    def _select(self, end: End) -> sa.Select[Any]:
        table = self._table
        return sa.select(table.c.value).where(table.c.scope == AUDIT, table.c.name == end)

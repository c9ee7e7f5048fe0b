"""Writing the audit trail: each entry in the transaction of the change that it tells of.

Entries come one after the other, because each takes a lock on the head, the row that says where the
chain ends. It is the last lock that a transaction takes, so nobody waits in a circle. Workers that
deliver never take it: what became of a message stands in its attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.audit import START, Details, Entry, Keyring, Mark, Who, digest, dumped
from flask_smtpadmin.core.audit_chain import BROKEN, KEY_CHANGED
from flask_smtpadmin.core.audit_words import ACTIONS
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.storage.audit_marks import ANCHOR, HEAD, Marks
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.notes import acting
from flask_smtpadmin.storage.vault import Vault

#: Bytes of an actor's name and of an object's.
_LONGEST: Final = 255


class Audit:
    """Adds entries to one app's trail.

    Args:
        database: connections of our own.
        vault: has the keys that sign.
        who: returns who acts at this moment.
    """

    def __init__(
        self, database: Database, vault: Vault, *, who: Callable[[], Who] = acting
    ) -> None:
        self._database = database
        self._vault = vault
        self._who = who
        self._table = database.models.table("Audit")
        self._marks = Marks(database.models)

    def keys(self) -> Keyring:
        """Return the keys at hand, which may change under a process that runs for weeks."""
        self._vault = self._vault.renewed()
        return self._vault.audit_keys()

    def note(
        self,
        connection: Connection,
        action: str,
        object: str,  # noqa: A002 - the column's name
        details: Details | None = None,
        *,
        actor: str | None = None,
    ) -> None:
        """Add an entry in the caller's open transaction; see ``notes.Note``.

        Args:
            connection: inside the transaction of the change.
            action: one of :data:`~flask_smtpadmin.core.audit_words.ACTIONS`.
            object: ``kind:name`` or a kind alone.
            details: what JSON can hold, without secrets and with addresses masked.
            actor: who, where the caller knows better.

        Raises:
            KeyError: there is no such action.
        """
        ACTIONS[action]  # a misspelt action would be in the trail for ever
        keys, who = self.keys(), self._who()
        head = self._locked_head(connection, keys)
        entry = Entry(
            number=head.number + 1,
            at=utcnow(),
            actor=clean(actor or who.actor or "", limit=_LONGEST) or None,
            origin=who.origin,
            source=keys.pseudonym(who.source),
            action=action,
            object=clean(object, limit=_LONGEST),
            text=dumped(details or {}),
        )
        self._append(connection, head, entry, keys)

    def record(
        self,
        action: str,
        object: str,  # noqa: A002 - the column's name
        details: Details | None = None,
    ) -> None:
        """Add an entry about what changes nothing, such as reading, in a transaction of its own."""
        with self._database.write() as connection:
            self.note(connection, action, object, details)

    def _append(self, connection: Connection, head: Mark, entry: Entry, keys: Keyring) -> Mark:
        seal = digest(head.digest, entry)
        row = {
            "number": entry.number,
            "at": entry.at,
            "actor": entry.actor,
            "origin": entry.origin,
            "source": entry.source,
            "action": entry.action,
            "object": entry.object,
            "details": entry.text,
            "digest": seal,
            "signature": keys.sign("entry", entry.number, seal),
        }
        connection.execute(sa.insert(self._table).values(**row))
        new = keys.mark("head", entry.number, seal)
        self._marks.put(connection, HEAD, new)
        return new

    def _locked_head(self, connection: Connection, keys: Keyring) -> Mark:
        """Return where the chain ends, for us alone until the transaction does.

        A head that this app did not write is not continued in silence: who cut the end of the
        trail off would have it signed with the next entry.
        """
        head = self._marks.lock(connection)
        last = self._last(connection)
        wrong = ""
        if head.number == 0 and head.digest == START and not head.signature:
            wrong, head = (BROKEN, last) if last.number else ("", head)
        else:
            proof = keys.check("head", head.number, head.digest, head.signature)
            if head.number != last.number or proof == "bad" or head.signature == "?":
                wrong, head = BROKEN, max(last, head, key=lambda mark: mark.number)
            elif keys and proof in {"none", "unknown"}:
                wrong = KEY_CHANGED
        if not wrong:
            return head
        told = dumped({"entry": head.number})
        entry = Entry(head.number + 1, utcnow(), None, "api", "", wrong, "audit", told)
        return self._append(connection, head, entry, keys)

    def _last(self, connection: Connection) -> Mark:
        """Return the last entry as a mark, the anchor where all entries are gone."""
        table = self._table
        query = sa.select(table.c.number, table.c.digest).order_by(table.c.number.desc()).limit(1)
        row = connection.execute(query).first()
        if row is not None:
            return Mark(row.number, row.digest)
        return self._marks.get(connection, ANCHOR) or Mark(0, START)

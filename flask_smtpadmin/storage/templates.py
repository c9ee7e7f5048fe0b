"""The words that admins saved over the code's, with their history, and which types are off.

Every change counts as one of the settings': it takes their lock and raises their revision, so that
a process that sends mail sees by one small query whether there is anything to read again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flask_smtpadmin.core.audit import CHANGED
from flask_smtpadmin.core.audit_details import difference
from flask_smtpadmin.core.email_type import Texts
from flask_smtpadmin.core.errors import NotFound, Overtaken
from flask_smtpadmin.storage.database import Database, utcnow
from flask_smtpadmin.storage.notes import Note, unkept
from flask_smtpadmin.storage.setting_rows import Rows, read_revision

#: The names under which the app's header and footer are kept.
HEADER: Final = "@header"
FOOTER: Final = "@footer"
#: Versions of a name and locale that are kept.
MOST: Final = 50
_SCOPE: Final = "type"
_OFF: Final = "off"
_LONGEST: Final = 512
_WRITES_AGAIN: Final = 3600.0

How = Literal["save", "reset", "restore"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the words of a type, or of the header or footer.

    Attributes:
        id: its number; a later version has a higher one.
        name: the type's, ``@header`` or ``@footer``.
        locale: a tag, "" for the type's own language.
        texts: the templates; None: the code's own, whatever they are at the time.
        made_at: naive UTC.
        made_by: who saved it, None: nobody known.
        note: ``reset``, ``restore`` or "".
        failed_at: when a mail could last not be written with it; naive UTC.
        failure: why.
    """

    id: int
    name: str
    locale: str
    texts: Texts | None
    made_at: datetime
    made_by: str | None
    note: str
    failed_at: datetime | None
    failure: str


@dataclass(frozen=True, slots=True)
class InForce:
    """What counts at the moment: the newest versions by name and locale, and who is off."""

    versions: Mapping[tuple[str, str], Version]
    off: frozenset[str]

    def version(self, name: str, locale: str = "") -> Version | None:
        """Return the newest version, None when there never was one."""
        return self.versions.get((name, locale))

    def texts(self, name: str, locale: str = "") -> Texts | None:
        """Return the saved templates that are in force, None where the code's own are."""
        version = self.version(name, locale)
        return None if version is None else version.texts


class Templates:
    """The saved words of one app's e-mail types.

    Args:
        database: connections of our own.
        note: keeps the audit trail.
    """

    def __init__(self, database: Database, *, note: Note = unkept) -> None:
        self._database = database
        self._note = note
        self._table = database.models.table("Template")
        self._setting = database.models.table("Setting")
        self._changes = 0
        self._looked_at = 0.0
        self._loaded: tuple[int, InForce] | None = None
        self._failed: dict[int, float] = {}

    def in_force(self, *, max_age: float = 0.0) -> InForce:
        """Return what counts; what was known to be so ``max_age`` seconds ago will do."""
        loaded, now = self._loaded, time.monotonic()
        if loaded is not None and now - self._looked_at < max_age:
            return loaded[1]
        changes = self._changes
        with self._database.read() as connection:
            revision = read_revision(connection, self._database.models) or 0
            if loaded is not None and loaded[0] == revision:
                self._looked_at = now
                return loaded[1]
            found = self._load(connection)
        if changes == self._changes:  # nothing was saved here meanwhile
            self._loaded, self._looked_at = (revision, found), now
        return found

    def history(self, name: str, locale: str = "") -> tuple[Version, ...]:
        """Return the versions that are kept, the newest first."""
        query = self._of(name, locale).order_by(self._table.c.id.desc())
        with self._database.read() as connection:
            return tuple(_version(row) for row in connection.execute(query))

    def save(
        self,
        name: str,
        locale: str,
        texts: Texts,
        *,
        seen: int | None = None,
        actor: str | None = None,
    ) -> Version:
        """Save ``texts``, which count from now on.

        Args:
            name: the type's, ``@header`` or ``@footer``.
            locale: "" for the type's own language.
            texts: as they were checked before.
            seen: the newest version's number when the texts were read, 0: there was none; None:
                save whatever happened since.
            actor: who does it.

        Raises:
            Overtaken: there is a newer version than ``seen``.
        """
        return self._add((name, locale), texts, "save", seen=seen, actor=actor)

    def reset(
        self, name: str, locale: str = "", *, seen: int | None = None, actor: str | None = None
    ) -> Version:
        """Let the code's own texts count again; what was saved stays in the history.

        Raises:
            Overtaken: as for :meth:`save`.
        """
        return self._add((name, locale), None, "reset", seen=seen, actor=actor)

    def restore(self, version: int, *, actor: str | None = None) -> Version:
        """Let an earlier version's texts count again.

        Raises:
            NotFound: it is no longer kept.
        """
        old = self.get(version)
        place = (old.name, old.locale)
        return self._add(place, old.texts, "restore", seen=None, actor=actor)

    def get(self, version: int) -> Version:
        """Return a version.

        Raises:
            NotFound: it is no longer kept.
        """
        with self._database.read() as connection:
            query = sa.select(self._table).where(self._table.c.id == version)
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("version", version)
        return _version(row)

    def switch(self, name: str, *, on: bool, actor: str | None = None) -> None:
        """Let mail of a type go out, or keep it back."""
        with self._change(actor) as (_, rows):
            rows.put(_SCOPE, name, None if on else _OFF)
            rows.note("type.enable" if on else "type.disable", f"type:{name}")

    def failed(self, version: Version, why: str) -> None:
        """Note that a mail could not be written with a version; once an hour is enough."""
        now = time.monotonic()
        if now - self._failed.get(version.id, -_WRITES_AGAIN) < _WRITES_AGAIN:
            return
        self._failed[version.id] = now
        row = {"failed_at": utcnow(), "failure": why[:_LONGEST]}
        this = sa.update(self._table).where(self._table.c.id == version.id).values(row)
        try:
            with self._change(None) as (connection, _):
                connection.execute(this)
        except Exception:  # the next mail tries to note it again
            del self._failed[version.id]
            raise

    def _add(
        self,
        place: tuple[str, str],
        texts: Texts | None,
        how: How,
        *,
        seen: int | None,
        actor: str | None,
    ) -> Version:
        name, locale = place
        with self._change(actor) as (connection, rows):
            newest = self._newest(connection, name, locale)
            if seen is not None and newest is not None and newest.id != seen:
                raise Overtaken(newest.made_by, newest.made_at)
            row: dict[str, Any] = {
                "name": name,
                "locale": locale,
                "subject": texts.subject if texts else None,
                "html": texts.html if texts else None,
                "text": texts.text if texts else None,
                "made_at": utcnow(),
                "made_by": actor,
                "note": None if how == "save" else how if texts else "reset",
            }
            key = connection.execute(sa.insert(self._table).values(row)).inserted_primary_key
            self._drop_oldest(connection, name, locale)
            told = _told(locale, newest.texts if newest else None, texts)
            rows.note(f"type.{how}", _object(name), told)
        return self.get(key[0] if key else 0)

    @contextmanager
    def _change(self, actor: str | None) -> Iterator[tuple[Connection, Rows]]:
        with self._database.write() as connection:
            rows = Rows(connection, self._database.models, actor, note=self._note)
            rows.begin()
            yield connection, rows
        self._changes += 1
        self._loaded = None

    def _load(self, connection: Connection) -> InForce:
        table, setting = self._table, self._setting
        newest = sa.select(sa.func.max(table.c.id)).group_by(table.c.name, table.c.locale)
        rows = connection.execute(sa.select(table).where(table.c.id.in_(newest)))
        versions = [_version(row) for row in rows]
        off = sa.select(setting.c.name).where(setting.c.scope == _SCOPE, setting.c.value == _OFF)
        return InForce(
            {(version.name, version.locale): version for version in versions},
            frozenset(connection.execute(off).scalars()),
        )

    def _newest(self, connection: Connection, name: str, locale: str) -> Version | None:
        query = self._of(name, locale).order_by(self._table.c.id.desc()).limit(1)
        row = connection.execute(query).first()
        return None if row is None else _version(row)

    def _of(self, name: str, locale: str) -> sa.Select[Any]:
        table = self._table
        return sa.select(table).where(table.c.name == name, table.c.locale == locale)

    def _drop_oldest(self, connection: Connection, name: str, locale: str) -> None:
        """Keep the newest versions only. The statement has no subquery: MariaDB takes none here."""
        ids = self._of(name, locale).with_only_columns(self._table.c.id)
        last = ids.order_by(self._table.c.id.desc()).offset(MOST - 1).limit(1)
        oldest = connection.execute(last).scalar()
        if oldest is not None:
            table = self._table
            these = (table.c.name == name, table.c.locale == locale, table.c.id < oldest)
            connection.execute(sa.delete(table).where(*these))


def _version(row: Any) -> Version:
    texts = None if row.note == "reset" else Texts(row.subject or "", row.html, row.text)
    return Version(
        id=row.id,
        name=row.name,
        locale=row.locale,
        texts=texts,
        made_at=row.made_at,
        made_by=row.made_by,
        note=row.note or "",
        failed_at=row.failed_at,
        failure=row.failure or "",
    )


def _object(name: str) -> str:
    return f"frame:{name[1:]}" if name in (HEADER, FOOTER) else f"type:{name}"


def _told(locale: str, before: Texts | None, after: Texts | None) -> dict[str, Any]:
    """Return what the trail says: the subject before and after, of the rest only what changed."""
    fields: dict[str, Any] = {}
    if after is not None:
        old = before or Texts("")
        if old.subject != after.subject:
            fields["subject"] = difference(old.subject or None, after.subject or None)
        for part in ("html", "text"):
            if getattr(old, part) != getattr(after, part):
                fields[part] = CHANGED
    told: dict[str, Any] = {"locale": locale} if locale else {}
    return told | ({"fields": fields} if fields else {})

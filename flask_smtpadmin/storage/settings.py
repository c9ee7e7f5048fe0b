"""Settings as they are in force, and the verbs that change what the database holds of them."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask_smtpadmin.config import EDITABLE
from flask_smtpadmin.core.audit_details import difference, edited
from flask_smtpadmin.core.errors import (
    ConfigurationError,
    InvalidSettings,
    NotFound,
    SecretMismatch,
    SecretUnreadable,
)
from flask_smtpadmin.core.settings import Endpoint, Problem, Server, Snapshot
from flask_smtpadmin.core.settings.edits import (
    Plan,
    ServerEdit,
    passed_back,
    plan_server,
    plan_values,
    signs_in,
)
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS, SERVER_KEY
from flask_smtpadmin.core.settings.order import Move, moved
from flask_smtpadmin.core.settings.origins import BOUND, Context, Stored, StoredServer, Typed
from flask_smtpadmin.core.settings.resolve import resolve
from flask_smtpadmin.core.settings.senders import refused, who
from flask_smtpadmin.core.words import mark, said
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.notes import Note, unkept
from flask_smtpadmin.storage.setting_rows import Rows, load, read_revision
from flask_smtpadmin.storage.surroundings import read_boot, read_context
from flask_smtpadmin.storage.vault import Vault


class Settings:
    """The settings of one app: read with their origins, tried out, saved.

    Args:
        database: where stored values are.
        config: ``app.config``, read at each load.
        environ: the environment, read at each load.
        app_name: ``app.name``, the default of the app's name in mails.
        vault: seals and opens stored secrets.
        note: keeps the audit trail.
    """

    def __init__(  # noqa: PLR0913 - what it works on, by name
        self,
        database: Database,
        *,
        config: Mapping[str, Any],
        environ: Mapping[str, str] = os.environ,
        app_name: str = "",
        vault: Vault,
        note: Note = unkept,
    ) -> None:
        self._database = database
        self._config = config
        self._environ = environ
        self._app_name = app_name
        self._vault = vault
        self._note = note
        self._changes = 0
        self._loaded: tuple[float, Snapshot] | None = None

    @property
    def vault(self) -> Vault:
        """The keys as they were at the last load."""
        return self._vault

    def boot(self) -> Snapshot:
        """Return what environment and ``app.config`` give, without asking the database."""
        return read_boot(self._config, self._environ, app_name=self._app_name)

    def snapshot(self, *, max_age: float = 0.0) -> Snapshot:
        """Return all settings; a load of the last ``max_age`` seconds will do.

        Raises:
            SchemaMissing: the tables are not there.
        """
        loaded = self._loaded
        if loaded is not None and time.monotonic() - loaded[0] < max_age:
            return loaded[1]
        changes, now = self._changes, time.monotonic()
        with self._database.read() as connection:
            stored = load(connection, self._database.models)
        snapshot = resolve(self._context(), stored)
        if changes == self._changes:  # nothing was saved here meanwhile
            self._loaded = (now, snapshot)
        return snapshot

    def revision(self) -> int:
        """Return the number that grows with every change in the database."""
        with self._database.read() as connection:
            return read_revision(connection, self._database.models) or 0

    def draft(
        self,
        key: str,
        values: Mapping[str, str | None],
        *,
        preset: str | None = None,
        remove: Collection[str] = (),
    ) -> Server:
        """Return the server as it would be after saving ``values``; nothing is written.

        The stored password is in it only when the endpoint stays the same. What the form got
        wrong is among the server's problems; ``key`` need not exist yet.
        """
        edit = ServerEdit(key=key, values=values, preset=preset, remove=remove, create=True)
        with self._database.read() as connection:
            stored = load(connection, self._database.models)
        context = self._context()
        before = resolve(context, stored)
        plan = plan_server(edit, stored, before)
        after = resolve(context, plan.stored).servers[key]
        problems = (*plan.problems, *self._endpoint_problems(edit, stored, before, after))
        if not problems:
            return after
        fields = {**after.fields, "password": replace(after.fields["password"], value="")}
        known = tuple(item for item in after.problems if item not in problems)
        return replace(after, problems=problems + known, password="", fields=fields)

    def save_server(  # noqa: PLR0913 - the verbs of one form, each with a default
        self,
        key: str,
        values: Mapping[str, str | None],
        *,
        preset: str | None = None,
        create: bool = False,
        actor: str | None = None,
        remove: Collection[str] = (),
        remove_password: bool = False,
    ) -> Server:
        """Store the fields of a server and return it as it is now.

        Args:
            key: its key; a new one only with ``create``.
            values: text by lower-case field name; None or "" removes a stored value, but keeps
                a secret. Fields that the environment sets are ignored.
            preset: key of a preset; None keeps the one there is, "" removes it.
            create: the server must not be in the database yet.
            actor: who does it.
            remove: names of secrets to remove.
            remove_password: the same as ``remove=["password"]``.

        Raises:
            InvalidSettings: unusable values, or a saved password that would go to another
                endpoint and was not typed again; nothing is stored.
            NotFound: there is no such server.
        """
        gone = {*remove, *(["password"] if remove_password else [])}
        edit = ServerEdit(key=key, values=values, preset=preset, remove=gone, create=create)
        with self._change(actor) as rows:
            self._save(rows, edit)
        return self.snapshot().servers[key]

    def delete_server(self, key: str, *, actor: str | None = None) -> None:
        """Remove what the database holds of a server; ``default`` starts afresh.

        Raises:
            NotFound: there is no such server.
            ConfigurationError: it is set in the environment or in app.config only.
        """
        with self._change(actor) as rows:
            stored = rows.load()
            if key not in resolve(self._context(), stored).servers:
                raise NotFound("server", key)
            held = [name for name in stored.server(key) if name != BOUND]
            if not held and key not in stored.servers and key != "default":
                raise ConfigurationError(
                    said("Server %(key)s is set outside the database.", key=repr(key))
                )
            for name in held:
                rows.put(f"server:{key}", name, None)
            rows.drop_server(key)
            gone = edited(dict.fromkeys(held), stored.server(key), SERVER_FIELDS)
            rows.note("server.delete", f"server:{key}", {"fields": gone})

    def move_server(self, move: Move, *, actor: str | None = None) -> Snapshot:
        """Let a server be tried earlier or later; writes the priorities that this changes.

        Raises:
            NotFound: there is no such server.
            InvalidSettings: the environment sets its priority, or leaves no number free.
        """
        with self._change(actor) as rows:
            stored = rows.load()
            numbers = moved(resolve(self._context(), stored).servers, move)
            changes = {key: {"PRIORITY": str(number)} for key, number in numbers.items()}
            fields = {}
            for key, change in changes.items():
                fields[key] = edited(change, stored.server(key), SERVER_FIELDS)["priority"]
                rows.put(f"server:{key}", "PRIORITY", change["PRIORITY"])
                rows.put_server(key)
            if fields:
                rows.note("server.move", f"server:{move.key}", {"fields": fields})
        return self.snapshot()

    def save_values(
        self, values: Mapping[str, str | None], *, actor: str | None = None
    ) -> Snapshot:
        """Store editable global settings; None or "" removes a stored value.

        Raises:
            InvalidSettings: values that cannot be used; nothing is stored.
        """
        with self._change(actor) as rows:
            stored = rows.load()
            plan = plan_values(values, EDITABLE, stored, resolve(self._context(), stored))
            _refuse(plan.problems)
            for name, value in plan.changes.items():
                rows.put("app", name, self._sealed(value))
            fields = edited(plan.changes, stored.scope("app"), EDITABLE)
            rows.note("settings.save", "settings", {"fields": fields})
        return self.snapshot()

    def set_paused(self, key: str | None, paused: bool, *, actor: str | None = None) -> None:  # noqa: FBT001 - the value that is set
        """Pause or resume one server, or with None all sending."""
        with self._change(actor) as rows:
            if key is None:
                rows.put("meta", "paused", "1" if paused else None)
                rows.note("sending.pause" if paused else "sending.resume", "sending")
            else:
                self._require(key, rows)
                rows.put_server(key, paused=paused)
                rows.note("server.pause" if paused else "server.resume", f"server:{key}")

    def set_enabled(self, key: str, enabled: bool, *, actor: str | None = None) -> None:  # noqa: FBT001 - the value that is set
        """Switch one server on or off."""
        with self._change(actor) as rows:
            self._require(key, rows)
            rows.put_server(key, enabled=enabled)
            rows.note("server.enable" if enabled else "server.disable", f"server:{key}")

    def adopt(self, *, actor: str | None = None) -> str:
        """Record that the mail in the database belongs to this installation; return its name.

        Raises:
            ConfigurationError: INSTANCE is not set.
        """
        name = str(self.boot()["INSTANCE"])
        if not name:
            raise ConfigurationError(
                mark("SMTPADMIN_INSTANCE is not set, so any installation may send this mail."),
                field="instance",
                variable="SMTPADMIN_INSTANCE",
            )
        with self._change(actor) as rows:
            before = rows.load().instance
            rows.put("meta", "instance", name)
            rows.note("mail.adopt", f"mail:{name}", {"before": before})
        return name

    def _context(self) -> Context:
        self._vault = self._vault.renewed()
        return read_context(
            self._config,
            self._environ,
            app_name=self._app_name,
            secrets=self._vault,
            problems=self._vault.problems,
        )

    @contextmanager
    def _change(self, actor: str | None) -> Iterator[Rows]:
        with self._database.write() as connection:
            rows = Rows(connection, self._database.models, actor, note=self._note)
            rows.begin()
            yield rows
        self._changes += 1
        self._loaded = None

    def _require(self, key: str, rows: Rows) -> None:
        if key not in resolve(self._context(), rows.load()).servers:
            raise NotFound("server", key)

    def _save(self, rows: Rows, edit: ServerEdit) -> None:
        stored = rows.load()
        context = self._context()
        before = resolve(context, stored)
        _check_key(edit, stored, before)
        plan = plan_server(edit, stored, before)
        _refuse(plan.problems)
        after = resolve(context, plan.stored).servers[edit.key]
        _refuse(self._endpoint_problems(edit, stored, before, after))
        _refuse(_sender_problems(before.servers.get(edit.key), after))
        try:
            self._write_server(rows, plan, before, after)
        except ConfigurationError as error:  # no key to encrypt with
            _refuse([Problem("password", error.variable, error.args[0])])
        fields = edited(plan.changes, stored.server(edit.key), SERVER_FIELDS)
        old = stored.servers.get(edit.key, StoredServer()).preset
        if old != after.preset and edit.preset is not None:
            fields["preset"] = difference(old, after.preset)
        action = "server.add" if edit.create else "server.save"
        rows.note(action, f"server:{edit.key}", {"fields": fields})

    def _write_server(self, rows: Rows, plan: Plan, before: Snapshot, after: Server) -> None:
        scope = f"server:{after.key}"
        for name, value in plan.changes.items():
            if name == "PASSWORD" and isinstance(value, Typed):
                rows.put(scope, name, self._vault.seal(after.password, after.endpoint))
            else:
                rows.put(scope, name, self._sealed(value))
        self._bind(rows, before.servers.get(after.key), after)
        rows.put_server(after.key, preset=after.preset)

    def _bind(self, rows: Rows, before: Server | None, after: Server) -> None:
        """Note for which endpoint a password from outside the database is used."""
        if after.fields["password"].origin not in {"environment", "app_config"}:
            return
        used = after if signs_in(after) else before
        if used is not None and signs_in(used):
            rows.put(f"server:{after.key}", BOUND, self._vault.seal("", used.endpoint))

    def _sealed(self, value: str | Typed | None) -> str | None:
        return self._vault.write(value.value) if isinstance(value, Typed) else value

    def _endpoint_problems(
        self, edit: ServerEdit, stored: Stored, before: Snapshot, after: Server
    ) -> tuple[Problem, ...]:
        """Return why a password may not go where the edit would send it."""
        typed = edit.values.get("password") or ""
        old = before.servers.get(edit.key)
        held = stored.server(edit.key)
        if passed_back(old, after, typed, known=self._is_bound(held.get(BOUND), after.endpoint)):
            variable = after.fields["password"].variable
            text = said(
                "%(variable)s would go to another server: type the password to confirm it.",
                variable=variable,
            )
            return (Problem("password", variable, text),)
        if old is not None and old.endpoint != after.endpoint and "PASSWORD" in held:
            return tuple(item for item in after.problems if item.field == "password")
        if typed and not after.host and not after.fields["password"].locked:
            text = said("A password is kept for one host only: enter the host with it.")
            return (Problem("host", None, text),)
        return ()

    def _is_bound(self, token: str | Typed | None, endpoint: Endpoint) -> bool | None:
        if not isinstance(token, str):
            return None
        try:
            self._vault.open(token, endpoint)
        except SecretMismatch:
            return False
        except SecretUnreadable:
            return None
        return True


def _check_key(edit: ServerEdit, stored: Stored, before: Snapshot) -> None:
    if not SERVER_KEY.fullmatch(edit.key):
        _refuse([Problem("key", None, mark("A key is 1 to 32 of a-z, 0-9 and _."))])
    held = stored.server(edit.key).keys() - {BOUND}
    if edit.create and (held or edit.key == "default"):
        _refuse(
            [Problem("key", None, said("There is a server %(key)s already.", key=repr(edit.key)))]
        )
    if not edit.create and edit.key not in before.servers:
        raise NotFound("server", edit.key)


def _sender_problems(before: Server | None, after: Server) -> tuple[Problem, ...]:
    """Return which address the provider is sure to refuse, if the edit changed who sends."""
    if before is not None and who(before) == who(after):
        return ()
    return tuple(refused(after))


def _refuse(problems: Collection[Problem]) -> None:
    if problems:
        raise InvalidSettings(tuple(problems))

"""Edits of stored settings, worked out before anything is written.

A form's values become changes (text to store, or None to remove), and the database's content as it
would be afterwards, which :func:`flask_smtpadmin.core.settings.resolve.resolve` can judge.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.settings import Field, Problem, Server, Snapshot, Spec
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS
from flask_smtpadmin.core.settings.origins import ADDED, Stored, StoredServer, Typed
from flask_smtpadmin.core.settings.parse import is_unset, parse, write
from flask_smtpadmin.core.settings.presets import find_preset
from flask_smtpadmin.core.words import mark, said

#: name -> what to store, None to remove it
Changes = Mapping[str, str | Typed | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEdit:
    """What a form says about a server.

    ``values`` by lower-case field; None or "" removes a stored value, but keeps a secret, which
    only ``remove`` takes away. ``preset`` None keeps the preset, "" removes it.
    """

    key: str
    values: Mapping[str, str | None] = field(repr=False)
    preset: str | None = None
    remove: Collection[str] = ()
    create: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in one scope, the database's content after them, and what the form got wrong."""

    changes: Changes
    stored: Stored
    problems: tuple[Problem, ...] = ()


def plan_server(edit: ServerEdit, stored: Stored, before: Snapshot) -> Plan:
    """Return what ``edit`` changes; fields that the environment locks are left alone."""
    server = before.servers.get(edit.key)
    fields = {name.upper(): item for name, item in server.fields.items()} if server else {}
    changes, problems = _changes(edit.values, SERVER_FIELDS, fields)
    for name in edit.remove:
        if name.upper() in SERVER_FIELDS and not _is_locked(fields, name.upper()):
            changes[name.upper()] = None
    if edit.create:
        changes[ADDED] = "1"
    row = stored.servers.get(edit.key, StoredServer())
    if edit.preset is not None:
        problems += _preset_problem(edit.preset)
        row = replace(row, preset=edit.preset or None)
    after = _after(stored, f"server:{edit.key}", changes)
    return Plan(changes, replace(after, servers={**stored.servers, edit.key: row}), tuple(problems))


def plan_values(
    values: Mapping[str, str | None], specs: Mapping[str, Spec], stored: Stored, before: Snapshot
) -> Plan:
    """Return what ``values`` change among the global settings ``specs``."""
    changes, problems = _changes(values, specs, before.values)
    return Plan(changes, _after(stored, "app", changes), tuple(problems))


def passed_back(before: Server | None, after: Server, typed: str, *, known: bool | None) -> bool:
    """Say whether an edit would send the environment's password to another server.

    A password that a form cannot see must not follow a host that a form can change. It may when
    the one who changes the host types the password too. A server that was changed while it
    signed in without a password was not the password's endpoint either.

    Args:
        before: the server as it is.
        after: the server as it would be.
        typed: the password in the form, or "".
        known: whether ``after`` is the endpoint it was last used for; None: not used yet.
    """
    if not signs_in(after) or not after.password or known:
        return False
    if after.fields["password"].origin == "database":
        return False
    goes_there = before is not None and signs_in(before) and before.endpoint == after.endpoint
    if goes_there or (known is None and before is not None and not before.host):
        return False
    return not hmac.compare_digest(typed.encode(), after.password.encode())


def signs_in(server: Server) -> bool:
    """Say whether a password goes to the server's host."""
    return bool(server.host) and server.auth == "password"


def _changes(
    values: Mapping[str, str | None], specs: Mapping[str, Spec], fields: Mapping[str, Field]
) -> tuple[dict[str, str | Typed | None], list[Problem]]:
    changes: dict[str, str | Typed | None] = {}
    problems = []
    for given_name, raw in values.items():
        spec = specs.get(given_name.upper())
        if spec is None:
            problems.append(Problem(given_name, None, mark("There is no such setting to change.")))
        elif _is_locked(fields, spec.name) or (spec.secret and is_unset(spec, raw)):
            continue
        elif is_unset(spec, raw):
            changes[spec.name] = None
        else:
            try:
                changes[spec.name] = _to_store(spec, raw)
            except ValueError as error:
                text = said("The value cannot be used: %(error)s.", error=error.args[0])
                problems.append(Problem(spec.name.lower(), None, text))
    return changes, problems


def _to_store(spec: Spec, raw: str | None) -> str | Typed:
    text = write(spec, parse(spec, raw))
    return Typed(text) if spec.secret else text


def _is_locked(fields: Mapping[str, Field], name: str) -> bool:
    return name in fields and fields[name].locked


def _preset_problem(key: str) -> list[Problem]:
    try:
        if key:
            find_preset(key)
    except NotFound as error:
        return [Problem("preset", None, str(error))]
    return []


def _after(stored: Stored, scope: str, changes: Changes) -> Stored:
    merged = {**stored.scope(scope), **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    return replace(stored, values={**stored.values, scope: kept})

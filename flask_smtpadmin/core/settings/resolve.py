"""From raw values to settings in force: environment, database, app.config, preset, default.

Pure: files are read and secrets opened through what the :class:`Context` brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask_smtpadmin.core.settings import Field, Problem, Snapshot, Spec
from flask_smtpadmin.core.settings.origins import BOUND, Context, Layers, Stored, Typed, pick
from flask_smtpadmin.core.settings.parse import parse
from flask_smtpadmin.core.settings.servers import resolve_server
from flask_smtpadmin.core.settings.sources import CONFIG_PREFIX, Given
from flask_smtpadmin.core.words import said

#: Names of app objects that say nothing about the app.
_ANONYMOUS: Final = frozenset({"app", "wsgi", "__main__"})


def app_defaults(app_name: str, *, testing: bool) -> dict[str, Any]:
    """Return the defaults that depend on the app: its name, and MODE while testing."""
    name = "" if app_name in _ANONYMOUS else app_name
    return {"APP_NAME": name, "MODE": "record" if testing else "live"}


def resolve(context: Context, stored: Stored) -> Snapshot:
    """Return all settings as they are in force."""
    values: dict[str, Field] = {}
    problems = list(context.problems)
    harmless: list[Problem] = []
    for name, spec in context.specs.items():
        if spec.kind == "servers":
            problems += _servers_problem(context, spec)
            continue
        values[name], problem = _global(context, spec, stored)
        if problem and problem not in problems:
            (problems if spec.holds else harmless).append(problem)
    problems += _foreign_mail(values, stored)
    common = tuple(problems)
    app_name = str(values["APP_NAME"].value) if "APP_NAME" in values else ""
    servers = {
        key: resolve_server(key, context, stored, app_name=app_name, common=common)
        for key in server_keys(context, stored)
    }
    return Snapshot(
        servers=servers,
        values=values,
        problems=(*common, *harmless),
        warnings=context.environment.warnings + context.config.warnings,
        paused=stored.paused,
        revision=stored.revision,
        instance=stored.instance,
    )


def server_keys(context: Context, stored: Stored) -> list[str]:
    """Return the keys of all servers, ``default`` first.

    A row alone makes no server, because workers keep the health of every server in one: it takes
    a preset or a stored value beside it.
    """
    known = set(context.environment.servers) | set(context.config.servers)
    for key, row in stored.servers.items():
        if row.preset or stored.server(key).keys() - {BOUND}:
            known.add(key)
    return ["default", *sorted(known - {"default"})]


def _global(context: Context, spec: Spec, stored: Stored) -> tuple[Field, Problem | None]:
    database = stored.scope("app").get(spec.name) if spec.editable else None
    layers: Layers = (
        ("environment", context.environment.values),
        ("database", {} if database is None else {spec.name: Given(_text(database), None)}),
        ("app_config", context.config.values),
    )
    default = context.defaults.get(spec.name, spec.default)
    return pick(spec, layers, default=default, stored=database is not None, name=spec.name)


def _text(raw: str | Typed) -> str:
    return raw.value if isinstance(raw, Typed) else raw


def _foreign_mail(values: Mapping[str, Field], stored: Stored) -> Iterator[Problem]:
    """Refuse a database that was copied from another installation: its mail is not ours to send."""
    field = values.get("INSTANCE")
    if field is None or not field.value or stored.instance in {"", field.value}:
        return
    name = field.variable or "SMTPADMIN_INSTANCE"
    yield Problem(
        "instance",
        name,
        said(
            "%(name)s is %(value)s, and the mail in this database belongs to "
            "%(instance)s. If it was copied on purpose, remove or cancel what must not go "
            "out and then run `flask smtp adopt`.",
            name=name,
            value=repr(field.value),
            instance=repr(stored.instance),
        ),
    )


def _servers_problem(context: Context, spec: Spec) -> Iterator[Problem]:
    given = context.config.values.get(spec.name)
    if given is None:
        return
    try:
        parse(spec, given.raw)
    except ValueError as error:
        name = CONFIG_PREFIX + spec.name
        yield Problem(
            spec.name.lower(),
            name,
            said("%(name)s cannot be used: %(error)s.", name=name, error=error.args[0]),
        )

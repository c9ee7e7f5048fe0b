"""``flask smtp config`` and ``flask smtp adopt``: what is set, and whose the database is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import Command, emit, json_option, table
from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.settings import Field, Problem, Server, Snapshot
from flask_smtpadmin.core.settings.describe import config_document, env_document
from flask_smtpadmin.core.settings.sources import env_prefix
from flask_smtpadmin.state import current_state


@click.command("config")
@click.option("--env", "as_env", is_flag=True, help="Print a .env file, without secrets.")
@json_option
@with_appcontext
def config(*, as_env: bool, as_json: bool) -> None:
    """Show every setting: its value, where it came from, and what is wrong with it."""
    state = current_state()
    snapshot = state.settings.snapshot()
    if as_env:
        text = env_document(snapshot, env_prefix(state.config), KEYS)
        if as_json:
            emit({"env": text})
        else:
            click.echo(text, nl=False)
    elif as_json:
        emit(config_document(snapshot))
    else:
        _print_snapshot(snapshot)


@click.command("adopt", cls=Command)
@json_option
@with_appcontext
def adopt(*, as_json: bool) -> None:
    """Let this installation send the mail of a database copied from another one."""
    state = current_state()
    before = state.settings.snapshot().instance
    name = state.settings.adopt()
    state.doorbell.ring_now()
    if as_json:
        emit({"instance": name, "before": before or None})
    else:
        was = f" (before: {before!r})" if before not in {"", name} else ""
        click.echo(f"The mail in this database belongs to {name!r}{was}.")


def _print_snapshot(snapshot: Snapshot) -> None:
    for server in snapshot.servers.values():
        click.echo(f"{click.style('Server ' + server.key, bold=True)}: {_state(server)}")
        _print_remarks(server.problems, server.warnings)
        click.echo(_fields(server.fields))
        click.echo()
    click.secho("Settings", bold=True)
    _print_remarks(snapshot.problems, snapshot.warnings)
    click.echo(_fields(snapshot.values))


def _state(server: Server) -> str:
    if server.problems:
        return click.style("MISCONFIGURED, its mail waits", fg="red", bold=True)
    if not server.configured:
        return click.style("not set up yet, its mail waits", fg="yellow")
    return server.state


def _print_remarks(problems: Iterable[Problem], warnings: Iterable[Problem]) -> None:
    for problem in problems:
        where = f"{problem.field.upper()}: " if problem.field else ""
        click.secho(f"  !! {where}{problem.message}", fg="red", bold=True)
    for warning in warnings:
        where = f"{warning.field.upper()}: " if warning.field else ""
        click.secho(f"   ! {where}{warning.message}", fg="yellow")


def _fields(fields: Mapping[str, Field]) -> str:
    rows = [("FIELD", "VALUE", "ORIGIN", "VARIABLE")]
    for name, field in fields.items():
        rows.append((name.upper(), _value(field), field.origin, field.variable or ""))
    return table(rows, indent="  ")


def _value(field: Field) -> str:
    shown = field.shown()
    if field.secret:
        return "set" if shown["set"] else "not set"
    if isinstance(shown, Mapping):
        return ", ".join(f"{name}={value}" for name, value in shown.items()) or "-"
    if isinstance(shown, tuple):
        return ", ".join(map(str, shown)) or "-"
    if isinstance(shown, float):
        return f"{shown:g}"
    if shown is None or isinstance(shown, bool):
        return {None: "keep", True: "true", False: "false"}[shown]
    return str(shown) or "-"

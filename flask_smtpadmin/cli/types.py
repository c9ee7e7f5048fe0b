"""``flask smtp types``: the kinds of mail that the app sends."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from flask_smtpadmin import catalogue
from flask_smtpadmin.catalogue import Known
from flask_smtpadmin.cli.output import Command, Group, emit, json_option, table
from flask_smtpadmin.state import current_state
from flask_smtpadmin.types_twin import TypesTwin

_name = click.argument("name")


@click.group("types", cls=Group, invoke_without_command=True)
@json_option
@with_appcontext
@click.pass_context
def types(context: click.Context, *, as_json: bool) -> None:
    """List the kinds of mail, show one, switch it on or off, go back to its own words."""
    if context.invoked_subcommand is not None:
        return
    found = catalogue.types(current_state())
    if as_json:
        emit({"types": [known.document() for known in found]})
    elif found:
        rows = [("NAME", "TRIGGER", "WORDS", "STATE", "LAST SENT", "FAILED")]
        click.echo(table([*rows, *map(_row, found)]))
    else:
        click.echo("The app has registered no e-mail types: see mail.email_type().")


@types.command("show", cls=Command)
@_name
@json_option
@with_appcontext
def show(*, name: str, as_json: bool) -> None:
    """Show a type with its variables and the words in force."""
    found = TypesTwin().get(name)
    if as_json:
        emit(found)
        return
    for key in ("name", "title", "trigger", "priority", "enabled", "last_sent", "failure"):
        if found[key] not in (None, ""):
            click.echo(f"{key.replace('_', ' '):<12}{found[key]}")
    click.echo(f"{'variables':<12}{', '.join(found['variables'])}")
    for language, texts in found["texts"].items():
        click.echo(f"\n--- {language or 'own language'}{' (changed)' if texts['saved'] else ''}")
        click.echo(f"Subject: {texts['subject']}")
        for part in ("html", "text"):
            if texts[part]:
                click.echo(f"\n[{part}]\n{texts[part]}")


@types.command("enable", cls=Command)
@_name
@json_option
@with_appcontext
def enable(*, name: str, as_json: bool) -> None:
    """Let mail of a type go out again."""
    _tell(TypesTwin().enable(name), "is switched on.", as_json=as_json)


@types.command("disable", cls=Command)
@_name
@json_option
@with_appcontext
def disable(*, name: str, as_json: bool) -> None:
    """Keep mail of a type back: it is stored as cancelled."""
    _tell(TypesTwin().disable(name), "is switched off.", as_json=as_json)


@types.command("reset", cls=Command)
@_name
@click.option("--locale", default="", metavar="TAG", help="Of this language, such as de.")
@json_option
@with_appcontext
def reset(*, name: str, locale: str, as_json: bool) -> None:
    """Go back to the words of the code; what was saved stays in the history."""
    _tell(TypesTwin().reset(name, locale), "has its own words again.", as_json=as_json)


def _row(known: Known) -> tuple[str, ...]:
    kind, last = known.kind, known.recent.last_sent
    words = "changed" if known.saved else "own" if kind.customizable else "fixed"
    state = "critical" if kind.critical else "on" if known.enabled else "off"
    return (
        kind.name,
        kind.trigger or "-",
        words,
        state,
        last.strftime("%Y-%m-%d %H:%M") if last else "-",
        str(known.recent.failed),
    )


def _tell(document: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        emit(document)
    else:
        click.echo(f"{document['title']} {what}")

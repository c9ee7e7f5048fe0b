"""``flask smtp audit``: who did what, and whether the trail of it is whole."""

from __future__ import annotations

from datetime import UTC, date
from itertools import islice
from typing import Final

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import FAILED, Command, Group, emit, json_option
from flask_smtpadmin.core.audit import Entry
from flask_smtpadmin.core.audit_chain import Verdict
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.audit_words import sentence
from flask_smtpadmin.core.dialogues import read_day
from flask_smtpadmin.state import current_state

_FEW: Final = 50


@click.group("audit", cls=Group, invoke_without_command=True)
@click.option("--since", metavar="DAY", help="Such as 2026-11-28 (UTC), and all days after it.")
@click.option("--until", metavar="DAY", help="This day and all before it.")
@click.option("--actor", metavar="NAME", default="", help="Only this person.")
@click.option("--action", metavar="NAME", default="", help="Such as server.save, or all of server.")
@click.option("--object", "object_", metavar="NAME", default="", help="Such as server:default.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=_FEW,
    show_default=True,
    help="Entries at most; 0: all.",
)
@json_option
@with_appcontext
@click.pass_context
def audit(  # noqa: PLR0913 - one for each option
    context: click.Context,
    *,
    since: str | None,
    until: str | None,
    actor: str,
    action: str,
    object_: str,
    limit: int,
    as_json: bool,
) -> None:
    """Print who did what, newest first."""
    if context.invoked_subcommand is not None:
        return
    sought = Sought(actor, action, object_, _day(since, "--since"), _day(until, "--until"))
    found = islice(current_state().trail.of(sought), limit or None)
    if as_json:
        emit({"entries": [entry.document() | {"text": sentence(entry)} for entry in found]})
        return
    nothing = True
    for entry in found:
        nothing = False
        click.echo(_line(entry))
    if nothing:
        click.echo("No entry matches.")


@audit.command("verify", cls=Command)
@click.option("--head", metavar="HASH", default="", help="A hash that an earlier run printed.")
@json_option
@with_appcontext
def verify(*, head: str, as_json: bool) -> None:
    """Read the whole trail; exit 1 when an entry was changed, removed, added or moved.

    Keep the hash that it prints in another place: with --head a later run proves that no entry up
    to that one is missing, even if the whole database was put back to an earlier state.
    """
    verdict = current_state().trail.verify(head.strip().lower())
    if as_json:
        emit(verdict.document())
    else:
        _conclude(verdict)
    if not verdict.ok:
        raise click.exceptions.Exit(FAILED)


def _conclude(verdict: Verdict) -> None:
    for warning in verdict.warnings:
        click.secho(f"Mind  {warning}", fg="yellow")
    if verdict.broken is not None:
        click.secho(f"BROKEN  {verdict.broken}", fg="red", bold=True)
        click.echo(f"The {verdict.entries} entries before it are as they were written.")
    elif verdict.since is None:
        click.echo("The trail has no entry yet.")
    else:
        since = verdict.since.replace(tzinfo=UTC).isoformat(" ", "seconds")
        click.echo(f"{verdict.entries} entries since {since} are as they were written.")
        click.echo(f"Hash of the last one: {verdict.head}")


def _line(entry: Entry) -> str:
    return f"{entry.number:>6}  {entry.at:%Y-%m-%d %H:%M:%S}  {sentence(entry)}"


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return read_day(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None

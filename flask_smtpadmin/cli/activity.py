"""``flask smtp activity``: the dialogues of a day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import Command, emit, json_option
from flask_smtpadmin.core.dialogues import Wanted, read_day
from flask_smtpadmin.state import current_state


@click.command("activity", cls=Command)
@click.option("--day", metavar="DAY", help="Such as 2026-11-28 (UTC); else today.")
@click.option("--server", metavar="KEY", help="Only this server.")
@click.option("--failures", is_flag=True, help="Only what holds a failure.")
@json_option
@with_appcontext
def activity(*, day: str | None, server: str | None, failures: bool, as_json: bool) -> None:
    """Print what was said with mail servers on one day, without secrets."""
    wanted = Wanted(day=_day(day), server=server, failures=failures)
    found = current_state().dialogues.of_day(wanted)
    if as_json:
        dialogues = [one.document() for one in found]
        emit({"day": wanted.day.isoformat(), "dialogues": dialogues})
        return
    nothing = True
    for one in found:
        nothing = False
        click.echo(one.printed())
    if nothing:
        click.echo(f"Nothing is recorded for {wanted.day.isoformat()} (UTC).")


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return read_day(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--day") from None

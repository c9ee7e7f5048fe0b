"""``flask smtp queue failures``, ``replay`` and ``history``: what failed, why, and when."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import Command, emit, json_option, table
from flask_smtpadmin.core.advice import causes
from flask_smtpadmin.queue_api import QueueAPI
from flask_smtpadmin.state import current_state

_api = QueueAPI()


@click.command("failures", cls=Command)
@json_option
@with_appcontext
def failures(*, as_json: bool) -> None:
    """Show what failed in 24 hours and still is so, by cause."""
    document = _api.failures()
    if as_json:
        emit(document)
        return
    rows = [
        (one["cause"], str(one["count"]), str(one["replayable"]), _what(one["cause"]))
        for one in document["failures"]
    ]
    if rows:
        click.echo(table([("CAUSE", "FAILED", "CAN BE REPLAYED", ""), *rows]))
    else:
        click.echo("Nothing failed in the last 24 hours.")


@click.command("replay", cls=Command)
@click.argument("cause", metavar="CAUSE")
@json_option
@with_appcontext
def replay(*, cause: str, as_json: bool) -> None:
    """Start over what is dead or uncertain for CAUSE, once that is put right."""
    document = _api.replay(cause)
    current_state().doorbell.ring_now()
    if as_json:
        emit(document)
    else:
        count = document["replayed"]
        click.echo(f"{count} {'message' if count == 1 else 'messages'} queued again.")


@click.command("history", cls=Command)
@json_option
@with_appcontext
def history(*, as_json: bool) -> None:
    """Show what was sent and failed by hour and by day, in UTC, and who refused recipients."""
    document = _api.history()
    if as_json:
        emit(document)
        return
    for name, heading in (("hours", "HOUR"), ("days", "DAY")):
        spans = [
            (one["begin"][: 16 if name == "hours" else 10], str(one["sent"]), str(one["failed"]))
            for one in document[name]
            if one["sent"] or one["failed"]
        ]
        click.echo(table([(heading, "SENT", "FAILED"), *spans]))
        click.echo()
    refused = document["refused_recipients"]
    click.echo(f"{refused['total']} recipients refused in 24 hours")
    for domain, count in refused["domains"].items():
        click.echo(f"  {domain}: {count}")


def _what(cause: str) -> str:
    known = causes().get(cause)
    return known.what if known else ""

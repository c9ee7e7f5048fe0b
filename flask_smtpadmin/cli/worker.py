"""``flask smtp-worker``: deliver what is due."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import nullcontext, redirect_stdout
from typing import Final

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import FAILED, Command, emit, json_option
from flask_smtpadmin.core.collecting import set_apart
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.delivery.events import Summary
from flask_smtpadmin.state import current_state
from flask_smtpadmin.worker.supervisor import DatabaseHangs, Supervisor

_MAX_CONNECTIONS: Final = 1000


@click.command("smtp-worker", cls=Command)
@click.option("--burst", is_flag=True, help="Deliver what is due, print what was done and end.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="S",
    help="With --burst: also wait up to S seconds for what is due later.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, _MAX_CONNECTIONS),
    metavar="N",
    help="Connections to each server at most; default: the server's pool size.",
)
@click.option("--name", metavar="NAME", help="Name on the pages; default: the host's name.")
@json_option
@with_appcontext
def smtp_worker(
    *, burst: bool, wait: float, connections: int | None, name: str | None, as_json: bool
) -> None:
    """Deliver queued mail until told to stop.

    SIGTERM or Ctrl-C finishes what is being handed over; a second one does not wait for it.
    """
    if wait and not burst:
        raise click.UsageError("--wait goes with --burst.")
    _log_to_stderr()
    options = Options(connections=connections, burst=burst, wait=wait)
    supervisor = Supervisor(current_state(), options, name)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # the console engine prints
        summary = _run(supervisor)
    if as_json:
        emit(summary.document())
    else:
        click.echo(_sentence(summary))


def _run(supervisor: Supervisor) -> Summary:
    try:
        with set_apart():  # the app and all that it imported
            return supervisor.run()
    except DatabaseHangs as error:
        click.echo(f"Error: {error}", err=True)
        logging.shutdown()
        os._exit(FAILED)  # the interpreter would wait for the thread that hangs


def _sentence(summary: Summary) -> str:
    figures = summary.document()
    next_due = figures.pop("next_due") or "nothing planned"
    return ", ".join(f"{name} {count}" for name, count in figures.items()) + f", next {next_due}"


def _log_to_stderr() -> None:
    """Show what the worker logs, unless the app has set up logging itself."""
    logger = logging.getLogger("flask_smtpadmin")
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

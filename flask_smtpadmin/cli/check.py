"""``flask smtp check`` and ``flask smtp test``: try a server step by step, here and now."""

from __future__ import annotations

from typing import Final

import click
from flask.cli import with_appcontext

from flask_smtpadmin.checkup import Order, run_here
from flask_smtpadmin.checkup.order import nobody
from flask_smtpadmin.cli.output import FAILED, Command, emit, json_option, say_why, system_user
from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.check import Scenario, Wish
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.report import STEP_NAMES, Report, Step
from flask_smtpadmin.state import current_state

_COLOURS: Final = {"ok": "green", "failed": "red", "skipped": None}
_WORDS: Final = {"ok": "OK", "failed": "FAILED", "skipped": "skipped"}


@click.command("check", cls=Command)
@click.argument("server", default="default")
@click.option("--to", metavar="ADDRESS", help="Also send a test message there.")
@json_option
@with_appcontext
def check(*, server: str, to: str | None, as_json: bool) -> None:
    """Try every step to SERVER (default: the default server); exit 1 when one fails.

    With a recipient, a test message goes there twice: handed over by hand, and through the queue
    where a worker is running.
    """
    _run(server, to, "ladder", as_json=as_json)


@click.command("test", cls=Command)
@click.argument("to")
@json_option
@with_appcontext
def test(*, to: str, as_json: bool) -> None:
    """Send a test message to TO through the default server, past the queue."""
    _run("default", to, "direct", as_json=as_json)


def _run(key: str, to: str | None, scenario: Scenario, *, as_json: bool) -> None:
    snapshot = current_state().settings.snapshot()
    server = snapshot.servers.get(key)
    if server is None:
        raise NotFound("server", key)
    if to is not None:
        to = parse_address(to, field="to").email
    order = Order(
        server=server,
        wish=Wish(to=to or "", scenario=scenario),
        progress=nobody if as_json else _show,
    )
    report = run_here(current_state(), order, actor=_actor())
    if as_json:
        emit(report.document())
    else:
        _conclude(report, to, server.preset or "")
    if not report.ok:
        raise click.exceptions.Exit(FAILED)


def _actor() -> str:
    """Return who is at the command line, in words for the list of tests."""
    user = system_user()
    return f"{user} (command line)" if user else "command line"


def _show(step: Step) -> None:
    word = click.style(f"{_WORDS[step.state]:<8}", fg=_COLOURS[step.state])
    tale = "  ".join(part for part in (step.detail, step.reply) if part)
    time = f"{step.ms:7.0f} ms" if step.state != "skipped" else " " * 10
    click.echo(f"{STEP_NAMES[step.name]:<19} {word} {time}  {tale}".rstrip())


def _conclude(report: Report, to: str | None, provider: str) -> None:
    for warning in report.warnings:
        click.echo(click.style(f"Mind           {warning}", fg="yellow"))
    if not report.ok:
        known = advice(report.cause, provider)
        click.echo()
        click.echo(f"What happened  {known.what} ({report.cause})")
        say_why(known)
    elif to:
        click.echo(f"\nThe server accepted the message for {to}. Check inbox and spam.")
    else:
        click.echo("\nThe server can be reached. Add --to ADDRESS to send a test message.")

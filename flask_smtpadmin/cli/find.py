"""``flask smtp find``: from an e-mail address to host, port and encryption."""

from __future__ import annotations

from typing import Final

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import FAILED, Command, emit, json_option
from flask_smtpadmin.core.findings import Finding, Probe, ProbeState
from flask_smtpadmin.delivery.finding import run_find
from flask_smtpadmin.delivery.policies import host_policy
from flask_smtpadmin.state import current_state

_WORDS: Final[dict[ProbeState, str]] = {
    "ok": "reachable",
    "refused": "refused",
    "timed_out": "timed out",
    "unreachable": "unreachable",
    "broken": "not usable",
    "unknown": "no such name",
    "forbidden": "not allowed",
}


@click.command("find", cls=Command)
@click.argument("address")
@json_option
@with_appcontext
def find(*, address: str, as_json: bool) -> None:
    """Look for the mail server of ADDRESS; exit 1 when none can be used.

    Tries ports 465, 587, 2525 and 25 of the likely hosts, at most 15 s in all. Signs in nowhere
    and sends nothing.
    """
    state = current_state()
    snapshot = state.settings.snapshot()
    state.note_find(address)
    found = run_find(
        address,
        resolver=state.resolver,
        policy=host_policy(snapshot),
        progress=None if as_json else _show,
        ca_file=snapshot.default.ca_file,
    )
    if as_json:
        emit(found.document())
    else:
        _conclude(found)
    if found.best is None:
        raise click.exceptions.Exit(FAILED)


def _show(probe: Probe) -> None:
    place = f"{probe.candidate.host}:{probe.candidate.port}"
    word = click.style(f"{_WORDS[probe.state]:<13}", fg="green" if probe.usable else None)
    offers = " ".join(
        part
        for part in (
            probe.tls_mode or "",
            probe.tls_version,
            f"AUTH {' '.join(probe.mechanisms)}" if probe.mechanisms else "",
            f"SIZE {probe.size}" if probe.size else "",
            probe.certificate,
            probe.detail,
        )
        if part
    )
    click.echo(f"{place:<34} {probe.ip:<24} {word} {probe.ms:7.0f} ms  {offers}".rstrip())


def _conclude(found: Finding) -> None:
    click.echo()
    for line in (found.why, *found.notes):
        if line:
            click.echo(line)
    if not found.complete:
        click.echo("The time ran out before everything had answered.")
    best = found.best
    if best is None:
        click.secho("No server answered in a way that could be used as it is.", fg="yellow")
        return
    preset = f"  (provider {found.preset})" if best.candidate.preset else ""
    click.secho("Best choice", bold=True)
    click.echo(
        f"  HOST={best.candidate.host}  PORT={best.candidate.port}  "
        f"TLS_MODE={best.tls_mode}{preset}"
    )

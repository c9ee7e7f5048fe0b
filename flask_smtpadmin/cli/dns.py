"""``flask smtp dns``: what stands in the DNS for the From domains, and what should."""

from __future__ import annotations

from typing import Final

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import FAILED, Command, emit, json_option
from flask_smtpadmin.core.deliverability.findings import Finding, Record, Report
from flask_smtpadmin.core.deliverability.orders import wanted
from flask_smtpadmin.state import current_state

_WORDS: Final = {
    "good": ("Good", "green"),
    "warning": ("Warning", "yellow"),
    "missing": ("MISSING", "red"),
    "wrong": ("WRONG", "red"),
    "unknown": ("Not known", None),
    "skipped": ("Not needed", None),
}
_MARGIN: Final = " " * 18


@click.command("dns", cls=Command)
@click.argument("domain", default="")
@click.option("--server", metavar="KEY", default="", help="As sent by this server only.")
@click.option("--selector", metavar="NAME", default="", help="Look up this DKIM selector too.")
@json_option
@with_appcontext
def dns(*, domain: str, server: str, selector: str, as_json: bool) -> None:
    """Check SPF, DKIM, DMARC, MX and PTR of DOMAIN (default: every From domain in use).

    Takes 10 seconds at most and exits with 1 when a record is missing or wrong. The page
    Deliverability shows the result until the next check.
    """
    state = current_state()
    orders = wanted(state.settings.snapshot().servers, domain, server, selector)
    reports = state.check_domains(orders)
    if as_json:
        emit(
            {
                "ok": all(report.ok for report in reports),
                "reports": [report.document() for report in reports],
            }
        )
    elif not reports:
        click.echo("No server has a From address yet. Name a domain: flask smtp dns example.com")
    else:
        for report in reports:
            _show(report)
    if not all(report.ok for report in reports):
        raise click.exceptions.Exit(FAILED)


def _show(report: Report) -> None:
    via = f"{report.server} ({report.provider})" if report.provider else report.server
    click.echo(f"{click.style(report.domain, bold=True)} via {via}")
    for finding in report.findings:
        _show_finding(finding)
    click.echo()


def _show_finding(finding: Finding) -> None:
    word, colour = _WORDS[finding.state]
    click.echo(f"{finding.check.upper():<6} {click.style(f'{word:<10}', fg=colour)} {finding.text}")
    for line in finding.found:
        click.echo(f"{_MARGIN}found    {line}")
    for note in finding.notes:
        click.echo(f"{_MARGIN}note     {note}")
    for record in finding.publish:
        click.echo(f"{_MARGIN}publish  {_line(record)}")


def _line(record: Record) -> str:
    if not record.value:
        return f"{record.name} {record.type} (the value comes from the provider or mail server)"
    value = f'"{record.value}"' if record.type == "TXT" else record.value
    return f"{record.name} {record.type} {value}"

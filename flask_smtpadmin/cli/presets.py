"""``flask smtp presets``: the mail providers whose settings are known."""

from __future__ import annotations

from collections.abc import Iterable

import click

from flask_smtpadmin.cli.output import Command, emit, json_option, table
from flask_smtpadmin.core.settings.presets import Match, Preset, find_preset, search


@click.command("presets", cls=Command)
@click.argument("query", default="")
@click.option("--show", metavar="KEY", help="Show everything that is known about one provider.")
@json_option
def list_presets(*, query: str, show: str | None, as_json: bool) -> None:
    """List the mail providers whose settings are known, or those that QUERY may mean.

    QUERY: a name, an older name, a host, an e-mail address or its domain.
    """
    if show is not None:
        preset, _region = find_preset(show)
        matches = [Match(preset)]
    else:
        matches = search(query)
    if as_json:
        emit({"presets": [_document(match) for match in matches]})
    elif show is not None:
        click.echo("\n".join(_details(matches[0].preset)))
    else:
        _print(matches, query)


def _document(match: Match) -> dict[str, object]:
    found = match.preset.document()
    if match.why:
        found["match"] = {"key": match.key, "why": match.why, "now": match.now or None}
    return found


def _print(matches: Iterable[Match], query: str) -> None:
    rows = [_row(match, asked=bool(query)) for match in matches]
    if not rows:
        click.echo(f"No provider is known by {query!r}.")
        return
    head = ("KEY", "NAME", "HOST", "RECOMMENDED", "OTHER PORTS")
    click.echo(table([(*head, "BECAUSE OF") if query else head, *rows]))
    for match in matches:
        if match.now:
            click.secho(match.now, fg="yellow")


def _row(match: Match, *, asked: bool) -> tuple[str, ...]:
    preset = match.preset
    region = preset.region(match.region)
    host = (region.host if region else preset.host) or "-"
    best = preset.recommended
    others = ", ".join(
        f"{offer.port} {offer.tls_mode}" for offer in preset.shown_ports if offer.port != best.port
    )
    row = (match.key, preset.name, host, f"{best.port} {best.tls_mode}", others)
    return (*row, match.why) if asked else row


def _details(preset: Preset) -> Iterable[str]:
    yield click.style(f"{preset.name} ({preset.key})", bold=True)
    if not preset.certain:
        yield "  Not confirmed by the provider's own pages: compare it with its guide."
    ports = ", ".join(f"{offer.port} {offer.tls_mode}" for offer in preset.shown_ports)
    facts = (
        ("Host", preset.host or "-"),
        ("Ports", ports),
        ("User name", preset.username_hint),
        ("Password", preset.password_hint),
        ("From address", preset.from_rule.text),
        ("Guide", preset.docs_url),
    )
    yield table([(name, value) for name, value in facts if value], indent="  ")
    parts = (
        ("Regions", [f"{r.key}: {r.host}" for r in preset.shown_regions]),
        ("Limits", preset.limit_lines),
        (
            "What changes",
            [f"{d.date + ': ' if d.date else ''}{d.text}" for d in preset.deprecations],
        ),
        ("Notes", preset.notes),
        ("Links", [f"{link.title}: {link.url}" for link in preset.links]),
    )
    if preset.steps:
        yield "Set it up"
        yield from (f"  {number}. {step}" for number, step in enumerate(preset.steps, 1))
    for title, lines in parts:
        if lines:
            yield title
            yield from (f"  {line}" for line in lines)

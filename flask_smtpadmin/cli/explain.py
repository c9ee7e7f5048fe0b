"""``flask smtp explain``: what a reply or an error means, and what to do about it."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from flask_smtpadmin.cli.output import Command, emit, json_option, say_why
from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.replies import STAGES, Judgement, judge, rules
from flask_smtpadmin.core.settings.presets import presets

_STAGES: Final = (
    "dns", "tcp", "proxy", "tls", "greeting", "ehlo", "starttls", "auth", "oauth", "mail_from",
    "rcpt_to", "data",
)  # fmt: skip
#: Mail servers by their own name: they have no words that the tables do not have.
_SOFTWARE: Final = frozenset(
    {
        "courier", "dovecot", "exim", "haraka", "hmailserver", "improvmx", "james", "mdaemon",
        "opensmtpd", "postfix", "qmail", "sendmail", "zimbra",
    }
)  # fmt: skip
#: How much of the standard input is read, in bytes; a reply is never as long.
_LONGEST: Final = 64 * 1024
_AGAIN: Final = {
    "transient": "tried again by itself",
    "permanent": "not before somebody changes something",
}
_SCOPE: Final = {
    "server": "this server: mail waits or takes another one",
    "account": "the login at this server: mail waits or takes another server",
    "sender": "this From address",
    "recipient": "this recipient alone",
    "message": "this message alone",
}


def _stages() -> list[str]:
    return sorted({*_STAGES, *STAGES})


def _providers() -> list[str]:
    known = {key for section in rules.providers() for key in section.keys}
    return sorted(known | presets().keys() | _SOFTWARE)


@click.command("explain", cls=Command)
@click.argument("text")
@click.option("--stage", help="Where it happened, such as auth, rcpt_to or data.")
@click.option("--provider", help="Whose server it was, such as gmail or ses.")
@click.option("--mechanism", help="How the session signed in, such as PLAIN or XOAUTH2.")
@json_option
def explain(
    *, text: str, stage: str | None, provider: str | None, mechanism: str | None, as_json: bool
) -> None:
    """Say what TEXT means, a server's reply or an error; "-" reads it from standard input."""
    _known("stage", stage, _stages())
    _known("provider", provider, _providers())
    said = sys.stdin.buffer.read(_LONGEST) if text == "-" else text
    found = judge(said, stage=stage, provider=provider, mechanism=mechanism)
    if as_json:
        emit(document(found))
    else:
        _say(found, provider or "")


def _known(name: str, value: str | None, choices: list[str]) -> None:
    if value is not None and value not in choices:
        raise click.BadOptionUsage(name, f"--{name} {value!r} is none of: {', '.join(choices)}.")


def document(found: Judgement) -> dict[str, Any]:
    """Return what ``--json`` prints; ``code`` and ``enhanced`` null where the text has none."""
    outcome = found.outcome
    return {
        "cause": outcome.cause,
        "family": found.family,
        "retry": outcome.retry,
        "scope": outcome.scope,
        "code": found.code or None,
        "enhanced": found.enhanced or None,
        "certain": outcome.certain,
        "rule": found.rule,
        "advice": outcome.advice,
    }


def _say(found: Judgement, provider: str) -> None:
    outcome = found.outcome
    known = advice(outcome.cause, provider)
    again = _AGAIN[outcome.retry]
    sure = "" if outcome.certain else " (a guess: it never holds a server)"
    click.echo(f"Cause          {outcome.cause}")
    click.echo(f"What happened  {known.what}")
    say_why(known)
    click.echo(f"Again          {again}")
    click.echo(f"Concerns       {_SCOPE[outcome.scope]}")
    click.echo(f"Decided by     {found.rule}{sure}")

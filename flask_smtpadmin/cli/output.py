"""What every command prints: one JSON document under ``--json``, else text for people.

Exit codes: 0 success, 1 a failed check or a database or key that cannot be used, 2 wrong usage.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
from sqlalchemy.exc import SQLAlchemyError

from flask_smtpadmin.core.advice import Advice
from flask_smtpadmin.core.audit import Who
from flask_smtpadmin.core.errors import (
    InvalidMessage,
    InvalidSearch,
    InvalidSettings,
    NotFound,
    SMTPAdminError,
    WrongState,
)
from flask_smtpadmin.storage.notes import as_actor

FAILED: Final = 1
WRONG_USAGE: Final = 2
_ASKED: Final = "flask_smtpadmin.json"
_USERS_FAULT: Final = (InvalidMessage, InvalidSearch, InvalidSettings, NotFound, WrongState)

#: ``--json`` as every command has it; the callback gets ``as_json``.
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def emit(document: Any) -> None:
    """Print ``document`` as JSON on stdout."""
    click.echo(json.dumps(document, indent=2, default=str))


def table(rows: Sequence[Sequence[str]], *, indent: str = "") -> str:
    """Return rows of text in aligned columns, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append((indent + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def say_why(known: Advice) -> None:
    """Print why something failed and, numbered, what to do."""
    click.echo(f"Why            {known.why}")
    for number, step in enumerate(known.steps, 1):
        click.echo(f"{'What to do' if number == 1 else '':<15}{number}. {step}")


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Turn errors into a sentence on stderr, or into ``{"error": ...}`` on stdout, and an exit.

    ``{"error": {"code", "message", "field"}}``; ``field`` may be null.
    """
    try:
        yield
    except click.UsageError as error:
        if not as_json:
            raise
        _report("usage", error.format_message(), _parameter(error), as_json=True)
        raise click.exceptions.Exit(WRONG_USAGE) from None
    except SMTPAdminError as error:
        _report(error.code, str(error), error.field, as_json=as_json)
        code = WRONG_USAGE if isinstance(error, _USERS_FAULT) else FAILED
        raise click.exceptions.Exit(code) from None
    except SQLAlchemyError as error:
        text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        _report("database", f"The database cannot be used: {text}", None, as_json=as_json)
        raise click.exceptions.Exit(FAILED) from None


class _Reporting(click.Command):
    """Reports errors in the form that was asked for, those in the arguments included."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        asked = "--json" in (args[: args.index("--")] if "--" in args else args)
        with reported(as_json=asked):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_ASKED] = asked
        return context

    def invoke(self, ctx: click.Context) -> Any:
        with reported(as_json=bool(ctx.meta.get(_ASKED))), as_actor(Who(system_user(), "cli")):
            return super().invoke(ctx)


class Command(_Reporting):
    """A command whose errors follow ``--json``; for ``@click.command(cls=Command)``."""


class Group(_Reporting, click.Group):
    """A group that reports the errors of its commands likewise."""


def system_user() -> str:
    """Return who is at the command line, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        return ""


def _report(code: str, message: str, field: str | None, *, as_json: bool) -> None:
    if as_json:
        emit({"error": {"code": code, "message": message, "field": field}})
    else:
        click.echo(f"Error: {message}", err=True)


def _parameter(error: click.UsageError) -> str | None:
    parameter = getattr(error, "param", None)
    return getattr(parameter, "name", None) or getattr(error, "option_name", None)

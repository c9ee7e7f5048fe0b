"""``flask smtp queue delete``, ``resend``, ``send-via`` ...: what else is done with messages."""

from __future__ import annotations

from typing import Any, Final

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import FAILED, Command, emit, json_option
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.states import STATES
from flask_smtpadmin.queue_api import QueueAPI
from flask_smtpadmin.state import current_state

_STATES = click.Choice((*STATES, "failed", "waiting"))
_api = QueueAPI()
#: Recipients that a question names.
_NAMED: Final = 5


@click.command("delete", cls=Command)
@click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
@click.option("--state", type=_STATES, help="All messages in this state instead.")
@click.option("--q", "--query", "-q", "q", default="", metavar="SEARCH", help="As on the page.")
@click.option("--yes", is_flag=True, help="Do not ask; needed with --json.")
@json_option
@with_appcontext
def delete(*, numbers: tuple[int, ...], state: Any, q: str, yes: bool, as_json: bool) -> None:
    """Remove messages and the records of their attempts for good."""
    wide = state is not None or bool(q.strip())
    if bool(numbers) == wide:
        raise click.UsageError("Give the ids of messages, or --state or --q.")
    if as_json and not yes:
        raise click.UsageError("Add --yes: with --json nobody is asked.")
    if not yes:
        what = "all that match" if wide else f"{len(numbers)} of the messages"
        click.confirm(f"Remove {what} for good?", abort=True, err=True)
    if wide:
        count = _api.delete_all(state=state, q=q)["deleted"]
    else:
        count = sum(_api.delete(number)["deleted"] for number in numbers)
    if as_json:
        emit({"deleted": count})
    else:
        click.echo(f"{count} {'message' if count == 1 else 'messages'} deleted.")


@click.command("release", cls=Command)
@click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
@click.option("--all", "wide", is_flag=True, help="All that were caught, or all of the search.")
@click.option("--q", "--query", "-q", "q", default="", metavar="SEARCH", help="As on the page.")
@click.option("--to", default="", metavar="ADDRESS", help="Only to this address, as a copy.")
@click.option("--yes", is_flag=True, help="Do not ask; needed with --json.")
@json_option
@with_appcontext
def release(  # noqa: PLR0913 - one for each option
    *, numbers: tuple[int, ...], wide: bool, q: str, to: str, yes: bool, as_json: bool
) -> None:
    """Let caught messages go out for real."""
    wide = wide or bool(q.strip())
    if bool(numbers) == wide:
        raise click.UsageError("Give the ids of messages, or --all or --q.")
    if to and wide:
        raise click.UsageError("--to goes with the ids of messages.")
    if as_json and not yes:
        raise click.UsageError("Add --yes: with --json nobody is asked.")
    if not yes:
        click.confirm(_release_question(numbers, q, to), abort=True, err=True)
    if wide:
        count = _api.release_all(q=q)["released"]
    else:
        count = len([_api.release(number, to=to) for number in numbers])
    current_state().doorbell.ring_now()
    if as_json:
        emit({"released": count})
    else:
        click.echo(f"{count} {'message' if count == 1 else 'messages'} released.")


def _release_question(numbers: tuple[int, ...], q: str, to: str) -> str:
    """Name how many go out, and to whom."""
    queue = current_state().queue
    if to:
        return f"Send {len(numbers)} of the messages to {to}?"
    if not numbers:
        found = queue.tally(Filter(state="caught", q=q))
        count = f"{found.total:,}" if found.exact else f"more than {found.total - 1:,}"
        return f"Send {count} caught messages for real to their recipients?"
    people = [one.address for number in numbers for one in queue.get(number).recipients]
    names = list(dict.fromkeys(people))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    people_named = ", ".join(names[:_NAMED]) + more
    return f"Send {len(numbers)} of the messages for real to {people_named}?"


@click.command("send-via", cls=Command)
@click.argument("server", metavar="SERVER")
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@json_option
@with_appcontext
def send_via(*, server: str, numbers: tuple[int, ...], as_json: bool) -> None:
    """Send messages that wait or have ended through SERVER, now."""
    _tell([_api.send_via(number, server) for number in numbers], as_json=as_json)


@click.command("mark-sent", cls=Command)
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@json_option
@with_appcontext
def mark_sent(*, numbers: tuple[int, ...], as_json: bool) -> None:
    """Settle uncertain messages as sent."""
    _tell([_api.mark_sent(number) for number in numbers], as_json=as_json)


@click.command("resend", cls=Command)
@click.argument("number", metavar="ID", type=int)
@click.option("--to", default="", metavar="ADDRESS", help="Only to this address.")
@json_option
@with_appcontext
def resend(*, number: int, to: str, as_json: bool) -> None:
    """Send a message again as a new one, linked to it."""
    _tell([_api.resend(number, to=to)], as_json=as_json)


@click.command("source", cls=Command)
@click.argument("number", metavar="ID", type=int)
@with_appcontext
@click.pass_context
def source(context: click.Context, *, number: int) -> None:
    """Print a message as mail programs read it (.eml); exit 1 when it is no longer kept."""
    found = _api.source(number)
    if found is None:
        click.echo("What the message says is no longer kept.", err=True)
        context.exit(FAILED)
    click.echo(found, nl=False)


def _tell(documents: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        emit({"messages": documents})
        return
    for row in documents:
        click.echo(f"Message {row['id']} is {row['state']}.")

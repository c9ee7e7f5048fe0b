"""``flask smtp status`` and ``flask smtp queue ...``: the twin of the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.cli import with_appcontext

from flask_smtpadmin.cli.output import FAILED, Command, Group, emit, json_option, table
from flask_smtpadmin.core.audit_details import filtered
from flask_smtpadmin.core.figures import Allowance, Status, WorkerRow
from flask_smtpadmin.core.rows import RANGES, Detail, Filter, MessageRow, Page, Range
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.states import STATES, State
from flask_smtpadmin.core.table import documents, exported, lines
from flask_smtpadmin.state import current_state

_STATES = click.Choice((*STATES, "failed"))


_search = click.option(
    "--q",
    "--query",
    "-q",
    "q",
    default="",
    metavar="SEARCH",
    help="As on the page: to: from: subject: type: server: error: after: before: id: key:, words.",
)


@click.command("status", cls=Command)
@json_option
@with_appcontext
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show figures, servers and workers; exit 1 when waiting mail cannot go out."""
    found = current_state().status()
    if as_json:
        emit(found.document())
    else:
        click.echo(_status_text(found))
    if not found.healthy:
        context.exit(FAILED)


@click.group("queue", cls=Group)
def queue() -> None:
    """List, export, retry, cancel and remove messages; pause and resume sending."""


@queue.command("list", cls=Command)
@click.option("--state", type=_STATES, help="Only this state; failed: whatever went wrong.")
@_search
@click.option("--type", "type_", metavar="NAME", help="Only this e-mail type.")
@click.option("--server", metavar="KEY", help="Only this server.")
@click.option("--range", "range_", type=click.Choice(RANGES), help="How far back.")
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True)
@click.option("--cursor", help="Go on where the last list ended.")
@json_option
@with_appcontext
def list_messages(  # noqa: PLR0913 - one for each option
    *,
    state: Any,
    q: str,
    type_: str | None,
    server: str | None,
    range_: Range | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List messages, newest first."""
    wanted = Filter(state=state, q=q, type=type_, server=server, range=range_)
    page = current_state().queue.list(wanted, cursor, limit)
    if as_json:
        emit(page.document())
    else:
        click.echo(_page_text(page))


@queue.command("show", cls=Command)
@click.argument("number", metavar="ID", type=int)
@json_option
@with_appcontext
def show(*, number: int, as_json: bool) -> None:
    """Show one message with its recipients and attempts."""
    detail = current_state().queue.get(number)
    if as_json:
        emit(detail.document())
    else:
        click.echo(_detail_text(detail))


@queue.command("export", cls=Command)
@click.option("--state", type=_STATES, help="Only this state; failed: whatever went wrong.")
@_search
@click.option("--type", "type_", metavar="NAME", help="Only this e-mail type.")
@click.option("--server", metavar="KEY", help="Only this server.")
@click.option("--range", "range_", type=click.Choice(RANGES), help="How far back.")
@json_option
@with_appcontext
def export(  # noqa: PLR0913 - one for each option
    *,
    state: Any,
    q: str,
    type_: str | None,
    server: str | None,
    range_: Range | None,
    as_json: bool,
) -> None:
    """Print all messages that match as CSV, or as JSON."""
    wanted = Filter(state=state, q=q, type=type_, server=server, range=range_)
    form = "json" if as_json else "csv"
    told = {"format": form, "filter": filtered(wanted)}
    current_state().audit.record("queue.download", "queue", told)
    rows = (exported(row, str) for row in current_state().queue.export(wanted))
    parts = documents(rows) if as_json else lines(rows)
    for part in parts:
        click.echo(part, nl=False)


@queue.command("retry", cls=Command)
@click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
@click.option("--state", type=_STATES, help="All messages in this state instead.")
@_search
@json_option
@with_appcontext
def retry(*, numbers: tuple[int, ...], state: Any, q: str, as_json: bool) -> None:
    """Start messages over, or send now those that wait."""
    verbs = current_state().queue
    if _all_of(numbers, state, q):
        count = verbs.retry_all(Filter(state=state, q=q))
    else:
        count = len([verbs.retry(number) for number in numbers])
    current_state().doorbell.ring_now()
    _tell("retried", count, as_json=as_json)


@queue.command("cancel", cls=Command)
@click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
@click.option("--state", type=_STATES, help="All messages in this state instead.")
@_search
@json_option
@with_appcontext
def cancel(*, numbers: tuple[int, ...], state: Any, q: str, as_json: bool) -> None:
    """Stop messages that wait."""
    verbs = current_state().queue
    if _all_of(numbers, state, q):
        count = verbs.cancel_all(Filter(state=state, q=q))
    else:
        count = len([verbs.cancel(number) for number in numbers])
    _tell("cancelled", count, as_json=as_json)


@queue.command("purge", cls=Command)
@click.option("--state", type=click.Choice(STATES), help="Only this state; else all that ended.")
@click.option("--days", type=click.FloatRange(min=0), metavar="N", help="Only older ones.")
@click.option("--yes", is_flag=True, help="Do not ask; needed with --json.")
@json_option
@with_appcontext
def purge(*, state: State | None, days: float | None, yes: bool, as_json: bool) -> None:
    """Remove messages for good."""
    if as_json and not yes:
        raise click.UsageError("Add --yes: with --json nobody is asked.")
    if not yes:
        what = f"all {state} messages" if state else "all messages that ended"
        older = f" older than {days:g} days" if days is not None else ""
        click.confirm(f"Remove {what}{older} for good?", abort=True, err=True)
    before = None if days is None else datetime.now(UTC) - timedelta(days=days)
    _tell("purged", current_state().queue.purge(state=state, before=before), as_json=as_json)


@queue.command("pause", cls=Command)
@click.argument("server", required=False)
@json_option
@with_appcontext
def pause(*, server: str | None, as_json: bool) -> None:
    """Stop handing mail to SERVER, or to any; mail is still taken."""
    current_state().pause(server)
    _tell_paused(server, paused=True, as_json=as_json)


@queue.command("resume", cls=Command)
@click.argument("server", required=False)
@json_option
@with_appcontext
def resume(*, server: str | None, as_json: bool) -> None:
    """Take back a pause."""
    current_state().resume(server)
    current_state().doorbell.ring_now()
    _tell_paused(server, paused=False, as_json=as_json)


@queue.command("wake", cls=Command)
@json_option
@with_appcontext
@click.pass_context
def wake(context: click.Context, *, as_json: bool) -> None:
    """Ring for the workers; they find due mail by themselves within seconds, too."""
    bell = current_state().doorbell
    rung = bell.ring_now()
    if as_json:
        emit({"rung": rung})
    elif rung:
        click.echo("The workers were told.")
    elif bell.redis_url:
        click.echo("The queue server does not answer; workers find due mail by polling.")
    else:
        click.echo("There is no queue server (SMTPADMIN_REDIS_URL); workers poll the database.")
    if bell.redis_url and not rung:
        context.exit(FAILED)


def _all_of(numbers: tuple[int, ...], state: str | None, q: str) -> bool:
    """Say whether a filter was given, and not ids; one of the two has to be."""
    filtered = state is not None or bool(q.strip())
    if bool(numbers) == filtered:
        raise click.UsageError("Give the ids of messages, or --state or --q.")
    return filtered


def _tell(verb: str, count: int, *, as_json: bool) -> None:
    if as_json:
        emit({verb: count})
    else:
        click.echo(f"{count} {'message' if count == 1 else 'messages'} {verb}.")


def _tell_paused(server: str | None, *, paused: bool, as_json: bool) -> None:
    if as_json:
        emit({"server": server, "paused": paused})
    else:
        what = f"Server {server}" if server else "Sending"
        click.echo(f"{what} is {'paused' if paused else 'on'}.")


def _status_text(found: Status) -> str:
    figures = found.figures
    mean = "-" if figures.mean_seconds is None else f"{figures.mean_seconds:.1f} s"
    if figures.mean_wait_seconds is not None:
        mean += f", {figures.mean_wait_seconds:.1f} s of it until a server was ready"
    rows = [
        ("Sent (24 h)", f"{figures.sent_24h:,}"),
        ("Failed (24 h)", f"{figures.failed_24h:,}"),
        ("Queued", f"{figures.queued:,}{_oldest(figures.oldest_waiting_at)}"),
        ("Dead letter", f"{figures.dead:,}"),
        ("Mean time to acceptance", mean),
        ("Sending", "paused" if found.paused else "on"),
        ("Mode", found.mode_note or found.mode),
        ("Queue server", {"none": "none, workers poll"}.get(found.redis, found.redis)),
    ]
    lines = [table(rows), ""]
    servers = [
        (f"Server {one.key}", _word(one) + _rationed(found.allowances.get(one.key)))
        for one in found.servers
    ]
    lines += [table(servers), ""]
    live = [worker for worker in found.workers if worker.live]
    lines += [line for one in live for line in _worker_lines(one)]
    lines += [] if live else ["No worker is running."]
    return "\n".join([*lines, *(f"!! {problem}" for problem in found.problems)])


def _rationed(allowance: Allowance | None) -> str:
    if allowance is None:
        return ""
    used = [f"{used:,} of {most:,} {name}" for name, (most, used) in allowance.limits.items()]
    return f" ({', '.join(used)})"


def _worker_lines(worker: WorkerRow) -> list[str]:
    window = f"{worker.in_flight} of {worker.window} in flight"
    lines = [f"Worker {worker.name} ({worker.host}, {window}, {worker.sent:,} sent)"]
    if worker.stuck:
        lines.append(f"  nothing came back for {worker.stalled:.0f} s")
    if worker.journal:
        lines.append(f"  no journal for database outages: {worker.journal}")
    return lines


def _word(server: Server) -> str:
    if not server.configured:
        return "not set up yet"
    return f"{server.state}: {server.reason}" if server.reason else server.state


def _oldest(since: datetime | None) -> str:
    if since is None:
        return ""
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    return f" (oldest waits since {timedelta(seconds=seconds)})"


def _page_text(page: Page) -> str:
    if not page.messages:
        return _more(page) if page.unfinished else "No messages match."
    rows = [("ID", "STATE", "TO", "SUBJECT", "CREATED", "ERROR")]
    text = table([*rows, *map(_line, page.messages)])
    return f"{text}\n\n{_more(page)}" if page.next else text


def _more(page: Page) -> str:
    words = "The search stopped after a moment. Further back" if page.unfinished else "More"
    return f"{words}: --cursor {page.next}"


def _line(row: MessageRow) -> tuple[str, ...]:
    more = f" +{row.recipients_total - 1}" if row.recipients_total > 1 else ""
    state = f"{row.state} ({row.waiting_for})" if row.waiting_for else row.state
    created = row.created_at.isoformat(" ", "seconds")
    to = f"{row.first_recipient}{more}"
    return str(row.id), state, to, row.subject[:50], created, (row.error or "")[:60]


def _detail_text(detail: Detail) -> str:
    document = detail.message.document()
    shown = {
        name: value for name, value in document.items() if not (value is None or value is False)
    }
    fields = [(name, str(value)) for name, value in shown.items()]
    recipients = [(one.kind, one.address, one.state, one.reply or "") for one in detail.recipients]
    lines = [table(fields), "", table(recipients, indent="  ")]
    for one in detail.attempts:
        reply = one.reply or one.cause or ""
        end = one.outcome or "never came back"
        when = one.started_at.isoformat(" ", "seconds")
        lines.append(f"  {one.n}. {when} via {one.server}: {one.phase}, {end} {reply}".rstrip())
    return "\n".join(lines)

"""Run the demo: ``python -m example_app.demo [--json]``; ``PORT=8000`` fixes the app's port."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from example_app.demo.signals import Presses, StopAsked

if TYPE_CHECKING:
    from example_app.demo.supervisor import Demo, Running

HURRIED = 130


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON line.")
def main(*, as_json: bool) -> None:
    """Run Tidepool with queue server, worker, mail catcher and inbox until Ctrl-C."""
    presses = Presses()
    presses.listen()
    # Imported now: half a second of imports is half a second in which Ctrl-C would be a traceback.
    from example_app.demo.supervisor import Demo, scrub_environment

    scrub_environment()
    port = _port(os.environ.get("PORT", ""))
    folder = Path(tempfile.mkdtemp(prefix="tidepool-"))
    try:
        sys.exit(_run(Demo(folder, port, presses=presses, say=_say), presses, as_json=as_json))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(demo: Demo, presses: Presses, *, as_json: bool) -> int:
    from example_app.demo.children import ChildDied

    code = 0
    try:
        running = demo.start()
        click.echo(json.dumps(running.document()) if as_json else _box(running))
        demo.watch()
    except StopAsked:
        _say("Stopping. Press Ctrl-C again to stop at once.")
    except ChildDied as died:
        click.echo(f"\n{died} Its last lines:\n{demo.last_lines()}\n", err=True)
        code = 1
    finally:
        demo.stop()
    return HURRIED if presses.count > 1 else code


def _say(line: str) -> None:
    click.echo(f"  {line}", err=True)


def _port(text: str) -> int:
    """Return the port that ``PORT`` names, or a free one."""
    from example_app.demo.supervisor import free_port

    if text and not (text.isdecimal() and 0 < int(text) < 2**16):
        raise click.ClickException(f"PORT={text} is not a port (1 to 65535).")
    try:
        return free_port(int(text or 0))
    except OSError as error:
        raise click.ClickException(f"PORT={text} cannot be used: {error.strerror}.") from error


def _box(running: Running) -> str:
    rows = [
        "Tidepool is running.",
        "",
        f"The app             {running.app}",
        f"E-mail back office  {running.back_office}",
        f"The inbox           {running.inbox}",
        f"Sign in as          {running.email}",
        f"Password            {running.password}",
        "",
        "First click: open the inbox, then ask for a new password in the app",
        '("Forgot your password?"); the mail is there within a second.',
        "Then the back office: two dead letters wait for a retry.",
        "",
        f"Logs are in {running.folder}. Ctrl-C stops everything.",
    ]
    width = max(map(len, rows))
    edge = "─" * (width + 2)
    return "\n".join([f"┌{edge}┐", *(f"│ {row:<{width}} │" for row in rows), f"└{edge}┘"])


if __name__ == "__main__":
    main()

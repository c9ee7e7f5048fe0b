"""``flask smtp-worker``: deliver what is due."""

from __future__ import annotations

import click
from flask.cli import with_appcontext


@click.command("smtp-worker")
@click.option("--burst", is_flag=True, help="Deliver what is due, print a summary and exit.")
@click.option(
    "--wait", type=float, default=0.0, metavar="S", help="With --burst: also wait S s for mail."
)
@click.option("--connections", type=int, metavar="N", help="Connections in all (default 10).")
@click.option("--name", metavar="NAME", help="Name shown on the pages (default: host name).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def smtp_worker(
    *, burst: bool, wait: float, connections: int | None, name: str | None, as_json: bool
) -> None:
    """Deliver queued mail until told to stop."""
    del burst, wait, connections, name, as_json

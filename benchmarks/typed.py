"""A mail of a kind to many people, each with values of their own: templates, MIME and rows.

``send_type`` takes turns with django-post_office's ``send_many`` with a stored template; both fill
in the same words and store what is to be delivered. Ours puts its header, footer and the layout
around the words and makes a mail of two parts; the peer stores the two texts.
"""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.enqueue import peer, timed
from benchmarks.options import Options, parse
from benchmarks.result import Line, Result, circumstances, ratio
from benchmarks.servers import DATABASES, Servers


def typed(servers: Servers, options: Options) -> tuple[list[list[str]], list[Line]]:
    """Compare the two, in mails per second."""
    count = options.mails
    rates: dict[str, list[float]] = {}
    for _ in range(options.runs):
        for database in DATABASES:
            with servers.site(database) as site:
                seconds = timed(sys.executable, "site", "typed", count, **site.environ)
                rates.setdefault(f"send_type, {database}", []).append(count / seconds)
            with servers.database(database) as url:
                seconds = peer("post_office", "typed", count, BENCH_DATABASE=url)
                name = f"django-post_office send_many with a template, {database}"
                rates.setdefault(name, []).append(count / seconds)
    lines = []
    for database in DATABASES:
        ours = rates[f"send_type, {database}"]
        theirs = rates[f"django-post_office send_many with a template, {database}"]
        what = f"send_type against django-post_office's templates, {database}"
        lines.append(ratio(what, ours, theirs, 3))
    table = [
        [name, f"{median(one):,.0f}", f"{min(one):,.0f} to {max(one):,.0f}"]
        for name, one in rates.items()
    ]
    return table, lines


def main() -> None:
    """Measure and save the result."""
    options = parse(__doc__, mails=10_000)
    with Servers() as servers:
        told = circumstances()
        table, lines = typed(servers, options)
    Result(
        name="send_type",
        title=f"send_type, {options.mails:,} people in one call, each with values of their own",
        columns=("what", "mails/s", "lowest to highest"),
        rows=table,
        lines=lines,
        circumstances=told,
    ).save()


if __name__ == "__main__":
    main()

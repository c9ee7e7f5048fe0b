"""A mail of a kind to many people, each with values of their own: templates, MIME and rows.

``send_type`` takes turns with django-post_office's ``send_many`` with a stored template; both fill
in the same words and store what is to be delivered. Ours puts its header, footer and the layout
around the words and makes a mail of two parts; the peer stores the two texts.
"""

from __future__ import annotations

from benchmarks.enqueue import spread, turn
from benchmarks.options import Options, parse
from benchmarks.result import Line, Result, circumstances, ratio
from benchmarks.servers import DATABASES, Servers

_PEER = "django-post_office send_many with a template"


def typed(servers: Servers, options: Options) -> tuple[list[list[str]], list[Line]]:
    """Compare the two, in mails per second."""
    rates: dict[str, list[float]] = {}
    for _ in range(options.runs):
        for database in DATABASES:
            ours, theirs = turn(servers, database, "typed", options.mails)
            rates.setdefault(f"send_type, {database}", []).append(ours)
            rates.setdefault(f"{_PEER}, {database}", []).append(theirs)
    lines = [
        ratio(
            f"send_type against django-post_office's templates, {database}",
            rates[f"send_type, {database}"],
            rates[f"{_PEER}, {database}"],
            3,
        )
        for database in DATABASES
    ]
    return spread(rates), lines


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

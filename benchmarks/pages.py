"""The pages with 1,000, 100,000 and a million messages: milliseconds each, lists by filter.

Pages are asked for through Flask's test client, as a browser would, templates and all. ``--full``
adds the million.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from flask.testing import FlaskClient

from benchmarks.archive import fill_archive, local_part
from benchmarks.options import parse
from benchmarks.result import Line, Result, circumstances, percentile
from benchmarks.servers import DATABASES, Servers
from benchmarks.site import Site

SMALLEST = 1000
#: Milliseconds that a page may take, and how much longer with the largest table.
BOUND, GROWTH = 50.0, 1.5
_PREFIX = "/admin/email"
#: Requests that come before the measurement, and in it.
_WARM, _TIMES = 3, 40
#: What is asked for, by the name that the report gives it: a list's filter, or the whole path.
#: ``{n}`` is a message in the middle and ``{user}`` its recipient's local part.
FILTERS = {
    "overview": "/",
    "detail": "/messages/{n}",
    "detail, among the sent": "/messages/{n}?state=sent",
    "all": "",
    "all, 100 a page": "?per_page=100",
    "state dead": "?state=dead",
    "state failed": "?state=failed",
    "state queued": "?state=queued",
    "state cancelled": "?state=cancelled",
    "last 24 hours": "?range=today",
    "sent, last 30 days": "?state=sent&range=30d",
    "id": "?q=id:{n}",
    "Message-ID": "?q=<m{n}@example.com>",
    "address": "?q=to:{user}@mail.example",
    "address, bare": "?q={user}@mail.example",
    "domain, common": "?q=to:mail.example",
    "domain, rare": "?q=to:rare.example",
    "type, common": "?type=welcome",
    "type, rare": "?type=gdpr",
    "server, common": "?server=default",
    "server, rare": "?server=old",
    "cause, common": "?q=error:recipient_unknown",
    "cause, rare": "?q=error:cert_untrusted_ca",
    "created in a week": "?q=after:{week}+before:{later}",
    "dead, of a type": "?state=dead&type=reset",
    "dead, of a domain": "?state=dead&q=to:rare.example",
    "words, common": "?q=order",
    "words, rare": "?q=needle",
    "words in errors": "?q=error:unknown",
}


def address(site: Site, query: str, size: int) -> str:
    """Return the address of a page; what it looks for is in the middle of the table."""
    middle = size // 2 + (1 - (size // 2) % 3) % 3  # of mail.example
    table = site.state.models.table("Message")
    with site.state.database.read() as connection:
        week = connection.execute(
            table.select().with_only_columns(table.c.created_at).where(table.c.id == middle)
        ).scalar_one()
    day, later = f"{week:%Y-%m-%d}", f"{week.replace(day=min(28, week.day + 7)):%Y-%m-%d}"
    path = query if query.startswith("/") else f"/messages{query}"
    user = local_part(middle)
    return _PREFIX + path.format(n=middle, user=user, week=day, later=later)


def timed(client: FlaskClient, path: str) -> float:
    """Return how long a request took, in milliseconds."""
    began = time.perf_counter()
    response = client.get(path)
    took = (time.perf_counter() - began) * 1000
    if response.status_code != 200:
        raise RuntimeError(f"{path}: {response.status_code}")
    return took


def measure(
    servers: Servers, database: str, sizes: Sequence[int]
) -> dict[int, dict[str, list[float]]]:
    """Measure all filters on one database; the sizes take turns, so that noise meets all alike."""
    found: dict[int, dict[str, list[float]]] = {size: {} for size in sizes}
    with ExitStack() as stack:
        clients, paths = {}, {}
        for size in sizes:
            site = stack.enter_context(servers.site(database, redis=False, BENCH_MAX_QUEUE="0"))
            site.mail.access_check(lambda _right: True)
            fill_archive(site, size)
            clients[size] = site.app.test_client()
            paths[size] = {name: address(site, query, size) for name, query in FILTERS.items()}
        for name in FILTERS:
            for turn in range(-_WARM, _TIMES):
                for size in sizes:
                    took = timed(clients[size], paths[size][name])
                    if turn >= 0:
                        found[size].setdefault(name, []).append(took)
    return found


def cell(times: Sequence[float]) -> str:
    """Return p50 and p95."""
    return f"{percentile(times, 50):.1f} / {percentile(times, 95):.1f}"


def main() -> None:
    """Measure on both databases and keep the table."""
    options = parse(__doc__, mails=0, runs=1)
    sizes = [SMALLEST, 100_000, *([1_000_000] if options.full else [])]
    rows, lines = [], []
    with ExitStack() as stack:
        servers = stack.enter_context(Servers())
        for database in DATABASES:
            found = measure(servers, database, sizes)
            for name in FILTERS:
                cells = [cell(found[size][name]) for size in sizes]
                rows.append([f"{name}, {database}", *cells])
            lines += promises(database, found[sizes[-1]], found[sizes[0]], sizes[-1])
    Result(
        name="pages",
        title="The pages, milliseconds each (p50 / p95)",
        columns=("filter", *(f"{size:,} messages" for size in sizes)),
        rows=rows,
        lines=lines,
        notes=("Words are searched for 35 ms; what is older is a click away.",),
        circumstances=circumstances(),
    ).save()


def promises(
    database: str, large: dict[str, list[float]], small: dict[str, list[float]], size: int
) -> list[Line]:
    """Hold the slowest filter, and the one that grew most, against what was promised."""
    by_index = [name for name in FILTERS if not name.startswith("words")]
    slowest = max(by_index, key=lambda name: percentile(large[name], 95))
    grown = {name: percentile(large[name], 50) / percentile(small[name], 50) for name in by_index}
    most = max(by_index, key=lambda name: grown[name])
    what = f"{size:,} messages, {database}"
    return [
        Line(
            what=f"slowest p95 ({slowest}), {what}",
            value=percentile(large[slowest], 95),
            bound=BOUND,
            unit="ms",
            at_most=True,
        ),
        Line(
            what=f"p50 against {SMALLEST:,} ({most}), {what}",
            value=grown[most],
            bound=GROWTH,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    main()

"""A history of months: messages as an app leaves them behind, made inside the database.

Of 1,000 messages about 978 were sent, 20 are dead letters, one is uncertain and one was cancelled;
the last 200 wait. Types, servers, addresses and causes occur often, seldom and once in a while. In
a small table what is seldom is more frequent: enough of it for a page, as in the large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.copies import CHUNK, numbers
from benchmarks.site import Site
from flask_smtpadmin.storage.database import utcnow

#: The time that the messages are spread over.
_SPAN: Final = timedelta(days=36)
_WAITING: Final = 200
_USERS: Final = 200_003


@dataclass(frozen=True, slots=True)
class Shares:
    """One of how many messages is dead, ended otherwise, seldom, or dead for a seldom cause."""

    dead: int
    ended: int
    rare: int
    rare_cause: int

    @classmethod
    def of(cls, count: int) -> Shares:
        """Return the shares in a table of ``count``; none leaves a page less than full."""
        dead = max(5, min(50, count // 200))
        return cls(
            dead=dead,
            ended=max(25, min(1000, count // 40)),
            rare=max(20, min(5000, count // 50)),
            rare_cause=dead * max(5, min(400, count // 2500)),
        )


def fill_archive(site: Site, count: int) -> None:
    """Store ``count`` messages, each with a recipient and, where tried, an attempt."""
    began = utcnow() - _SPAN
    for start in range(0, count, CHUNK):
        with site.state.database.write() as connection:
            last = min(count, start + CHUNK)
            series = numbers(connection, start + 1, last)
            _store(site, connection, series, count, began)
            if connection.dialect.name == "postgresql":  # ids were given, not drawn
                sequence = sa.func.pg_get_serial_sequence("smtpadmin_message", "id")
                connection.execute(sa.select(sa.func.setval(sequence, last)))
    # as autovacuum would do: statistics, and which pages need no second look
    words = {"postgresql": "VACUUM ANALYZE"}.get(site.state.database.dialect, "ANALYZE")
    with site.state.database.write_at_once() as connection:
        connection.exec_driver_sql(words)


def local_part(number: int) -> str:
    """Return the local part of the address that message ``number`` goes to."""
    return f"user{number % _USERS}"


def _store(
    site: Site, connection: Connection, series: sa.FromClause, count: int, began: datetime
) -> None:
    n = series.c.n
    created, shares = _moment(connection, n, count, began), Shares.of(count)
    for name, values in (
        ("Message", _message(n, n > count - _WAITING, created, shares)),
        ("Recipient", _recipient(n, shares)),
        ("Attempt", _attempt(n, created, shares)),
    ):
        table = site.state.models.table(name)
        rows = sa.select(*values.values()).select_from(series)
        if name == "Attempt":
            rows = rows.where(n <= count - _WAITING)
        connection.execute(sa.insert(table).from_select(list(values), rows, include_defaults=False))


def _message(n: Any, waits: Any, created: Any, shares: Shares) -> dict[str, Any]:
    never = {"has_reply_to", "smtputf8", "eight_bit", "cleared"}
    kinds = [(n % 3 == at, kind) for at, kind in enumerate(("welcome", "reset", "digest"))]
    return {
        "id": n,
        "message_id": sa.literal("<m") + _text(n) + "@example.com>",
        "state_at": created,
        "created_at": created,
        "due_at": created,
        "run_at": sa.case((waits, created), else_=sa.null()),
        "priority": sa.literal(1),
        "type": sa.case((n % shares.rare == 7, "gdpr"), *kinds),
        "subject": sa.case((n % shares.rare == 5, "A needle, "), else_="Your order ") + _text(n),
        "sender": sa.literal("shop@example.com"),
        "size": sa.literal(2000),
        "recipients_total": sa.literal(1),
        "first_recipient": _address(n, shares),
        **dict.fromkeys(never, sa.false()),
        **_end(n, waits, shares),
    }


def _end(n: Any, waits: Any, shares: Shares) -> dict[str, Any]:
    """Return what became of messages."""
    dead, uncertain, cancelled = (
        n % shares.dead == 0,
        n % shares.ended == 1,
        n % shares.ended == 3,
    )
    state = sa.case(
        (waits, "queued"),
        (dead, "dead"),
        (uncertain, "uncertain"),
        (cancelled, "cancelled"),
        else_="sent",
    )
    sent = sa.not_(sa.or_(waits, dead, uncertain, cancelled))
    cause = sa.case((n % shares.rare_cause == 0, "cert_untrusted_ca"), else_="recipient_unknown")
    return {
        "state": state,
        "attempts": sa.case((waits, 0), else_=1),
        "failures": sa.case((dead, 3), else_=0),
        "crashes": sa.literal(0),
        "cause": sa.case((dead, cause), else_=sa.null()),
        "error": sa.case((dead, "550 5.1.1 User unknown: " + _address(n, shares)), else_=sa.null()),
        "sent_via": sa.case(
            (sa.and_(sent, n % shares.rare == 9), "old"),
            (sa.and_(sent, n % 10 == 3), "spare"),
            (sent, "default"),
            else_=sa.null(),
        ),
    }


def _recipient(n: Any, shares: Shares) -> dict[str, Any]:
    return {
        "message": n,
        "kind": sa.literal("to"),
        "address": _address(n, shares),
        "sought": _domain(n, shares) + "@user" + _text(n % _USERS),
        "state": sa.literal("accepted"),
    }


def _attempt(n: Any, created: Any, shares: Shares) -> dict[str, Any]:
    return {
        "message": n,
        "n": sa.literal(1),
        "worker_id": sa.literal("w"),
        "server_key": sa.literal("default"),
        "started_at": created,
        "finished_at": created,
        "phase": sa.literal("done"),
        "outcome": sa.case((n % shares.dead == 0, "dead"), else_="sent"),
    }


def _domain(n: Any, shares: Shares) -> Any:
    rare = sa.case((n % shares.rare == 11, "rare.example"), else_="mail.example")
    return sa.case((n % 3 == 0, "d" + _text(n % 5003) + ".example"), else_=rare)


def _address(n: Any, shares: Shares) -> Any:
    return "user" + _text(n % _USERS) + "@" + _domain(n, shares)


def _text(number: Any) -> Any:
    return sa.cast(number, sa.String)


def _moment(connection: Connection, n: Any, count: int, began: datetime) -> Any:
    each = _SPAN.total_seconds() / count
    if connection.dialect.name == "postgresql":
        return sa.literal(began) + n * sa.cast(sa.literal(timedelta(seconds=each)), sa.Interval)
    epoch = (began - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - naive UTC
    seconds = epoch + n * each
    moment = sa.func.strftime("%Y-%m-%d %H:%M:%f000", seconds, "unixepoch")
    return sa.type_coerce(moment, sa.String)

"""Reading messages: which ones a filter means, pages by key, one with all that belongs to it."""

from __future__ import annotations

import base64
import binascii
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.deeds import Tally
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.mail.mime import Built, Recipient
from flask_smtpadmin.core.rows import (
    AttemptRow,
    Detail,
    Filter,
    MessageRow,
    Page,
    RecipientRow,
)
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.core.states import FINAL, PRIORITY_NAMES, State
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.matching import Meaning
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.walk import Walk, one_of

MAX_PER_PAGE: Final = 100
#: What ``purge`` removes when it is told no state.
ENDED: Final[tuple[State, ...]] = FINAL
#: Seconds after which a search that has not filled a page yet is stopped.
PATIENCE: Final = 0.035
#: Messages that are counted together.
_COUNTED: Final = 1000


def page(
    connection: Connection,
    models: Models,
    wanted: Filter,
    cursor: str | None,
    per_page: int,
) -> Page:
    """Return a page of at most ``per_page`` (1 to 100) messages, newest first.

    Raises:
        InvalidSearch: ``wanted.q`` cannot be meant.
    """
    size = max(1, min(per_page, MAX_PER_PAGE))
    back, number = _read_cursor(cursor)
    meaning = Meaning.of(models, wanted, utcnow(), connection.dialect.name)
    walk = Walk(connection, meaning, back=back, beyond=number)
    rows, stopped = _rows_of(walk, size)
    found = [_message(row) for row in rows]
    more, found = len(found) > size, found[:size]
    last = found[-1].id if more else stopped
    if back:
        found.reverse()
    beyond = "newer" if back else "older"
    goes_on = None if last is None else _cursor(beyond, last)
    first = (found[0].id if not back else found[-1].id) if found else None
    back_to = None
    if number is not None:
        start = first if first is not None else number + (1 if back else -1)
        back_to = _cursor("older" if back else "newer", start)
    ahead, behind = (back_to, goes_on) if back else (goes_on, back_to)
    return Page(tuple(found), next=ahead, previous=behind, unfinished=stopped is not None)


def some(connection: Connection, models: Models, numbers: Sequence[int]) -> tuple[MessageRow, ...]:
    """Return the messages with these ids that are there, newest first."""
    column = models.table("Message").c.id
    among = one_of(column, numbers, connection.dialect.name)
    query = _rows(models).where(among).order_by(column.desc())
    return tuple(_message(row) for row in connection.execute(query))


def neighbours(
    connection: Connection, models: Models, wanted: Filter, number: int
) -> tuple[int | None, int | None]:
    """Return the ids of the next newer and the next older message that ``wanted`` means."""
    ways = (_cursor(way, number) for way in ("newer", "older"))
    pages = [page(connection, models, wanted, cursor, 1).messages for cursor in ways]
    newer, older = (found[0].id if found else None for found in pages)
    return newer, older


def _rows_of(walk: Walk, size: int) -> tuple[list[Row[Any]], int | None]:
    """Return the next ``size`` rows and one more; and where the walk stopped if time ran out."""
    models, connection = walk.meaning.models, walk.connection
    table, dialect = models.table("Message"), connection.dialect.name
    order = table.c.id.asc() if walk.back else table.c.id.desc()
    query = _rows(models).where(*walk.meaning.conditions()).order_by(order)
    rows: list[Row[Any]] = []
    began = time.monotonic()
    ends = began + PATIENCE
    for piece in walk.pieces(2 * size):
        part = query.where(piece.among(table.c.id, dialect)).limit(size + 1 - len(rows))
        rows += connection.execute(part).all()
        if len(rows) > size:
            return rows, None
        before, began = began, time.monotonic()
        if piece.last is not None and began + (began - before) > ends:  # another one takes as long
            return rows, piece.last
    return rows, None


def tally(
    connection: Connection, models: Models, wanted: Filter, most: int, patience: float
) -> Tally:
    """Count what ``wanted`` means by state, up to ``most`` and for ``patience`` seconds.

    Not in the least patient (0) means that one piece is looked at, of 1,000 messages.
    """
    table, dialect = models.table("Message"), connection.dialect.name
    meaning = Meaning.of(models, wanted, utcnow(), dialect)
    kind = (table.c.state.label("state"), is_over(table, utcnow()).label("over"))
    query = sa.select(*kind).where(*meaning.conditions())
    counts: Counter[tuple[State, bool]] = Counter()
    ends = time.monotonic() + patience
    for piece in Walk(connection, meaning).pieces(min(most, _COUNTED)):
        left = most + 1 - counts.total()
        some = query.where(piece.among(table.c.id, dialect)).limit(left).subquery()
        grouped = sa.select(*some.c, sa.func.count()).group_by(*some.c)
        for row in connection.execute(grouped):
            counts[row[0], bool(row[1])] += row[2]
        if counts.total() > most or (piece.last is not None and time.monotonic() > ends):
            return Tally(counts, exact=False)
    return Tally(counts)


def is_over(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """Return whether a message's own time is over, ``expires_at``; never NULL."""
    return sa.and_(table.c.expires_at.is_not(None), table.c.expires_at <= now)


def some_ids(walk: Walk, most: int, *also: sa.ColumnElement[bool]) -> tuple[list[int], int | None]:
    """Return the next ids, ``most`` at most, and the one to go on behind; None: these are all."""
    table, dialect = walk.meaning.models.table("Message"), walk.connection.dialect.name
    order = table.c.id.asc() if walk.back else table.c.id.desc()
    query = sa.select(table.c.id).where(*walk.meaning.conditions(), *also).order_by(order)
    found: list[int] = []
    for piece in walk.pieces(most):
        part = query.where(piece.among(table.c.id, dialect)).limit(most - len(found))
        found += walk.connection.execute(part).scalars()
        if len(found) == most:
            return found, found[-1]
    return found, None


def known_id(number: int) -> int:
    """Return ``number`` where it can be an id at all, else raise NotFound."""
    if not 0 < number <= LARGEST_ID:
        raise NotFound("message", number)
    return number


def detail(connection: Connection, models: Models, number: int) -> Detail:
    """Return one message with recipients and attempts, or raise NotFound."""
    table = models.table("Message")
    row = connection.execute(_rows(models).where(table.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("message", number)
    recipient, attempt = models.table("Recipient"), models.table("Attempt")
    recipients = connection.execute(
        sa.select(recipient).where(recipient.c.message == number).order_by(recipient.c.id)
    )
    attempts = connection.execute(
        sa.select(attempt).where(attempt.c.message == number).order_by(attempt.c.n, attempt.c.id)
    )
    again = connection.execute(
        sa.select(table.c.id).where(table.c.resent_from == number).order_by(table.c.id)
    )
    return Detail(
        _message(row),
        tuple(map(_recipient, recipients)),
        tuple(map(_attempt, attempts)),
        tuple(again.scalars()),
    )


def stored(connection: Connection, models: Models, number: int) -> Built | None:
    """Return a message as it was stored, sealed where it is secret; None without its content.

    Raises NotFound.
    """
    table, recipient = models.table("Message"), models.table("Recipient")
    row = connection.execute(sa.select(table).where(table.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("message", number)
    content = models.table("Sealed" if row.secret else "Content")
    body = connection.execute(sa.select(content.c.body).where(content.c.id == number)).scalar()
    if not body:
        return None
    people = sa.select(recipient).where(recipient.c.message == number).order_by(recipient.c.id)
    return Built(
        message_id=row.message_id,
        subject=row.subject,
        sender=row.sender,
        has_reply_to=row.has_reply_to,
        content=bytes(body),
        recipients=tuple(Recipient(one.address, one.kind) for one in connection.execute(people)),
        smtputf8=row.smtputf8,
        eight_bit=row.eight_bit,
        envelope_from=row.envelope_from,
    )


_HIDDEN: Final = frozenset({"key_digest", "lease_token", "lease_until"})


def _rows(models: Models) -> sa.Select[Any]:
    table, attempt = models.table("Message"), models.table("Attempt")
    last = (
        sa.select(attempt.c.server_key)
        .where(attempt.c.message == table.c.id)
        .order_by(attempt.c.n.desc(), attempt.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    shown = (column for column in table.c if column.name not in _HIDDEN)
    bodies = [models.table(name).c.id for name in ("Content", "Sealed")]
    kept = sa.or_(*(sa.exists().where(number == table.c.id) for number in bodies))
    ended = sa.or_(table.c.secret.is_(True), table.c.state.in_(FINAL))
    wiped = sa.and_(ended, ~kept)
    return sa.select(*shown, last.label("last_server"), wiped.label("wiped"))


def _message(row: Row[Any]) -> MessageRow:
    return MessageRow(
        id=row.id,
        message_id=row.message_id,
        key=row.key,
        state=row.state,
        state_at=row.state_at.replace(tzinfo=UTC),
        waiting_for=row.waiting_for,
        priority=PRIORITY_NAMES[row.priority],
        type=row.type,
        subject=row.subject,
        sender=row.sender,
        size=row.size,
        recipients_total=row.recipients_total,
        first_recipient=row.first_recipient,
        server=row.server_key,
        sent_via=row.sent_via,
        last_server=row.last_server,
        created_at=row.created_at.replace(tzinfo=UTC),
        next_try_at=_aware(row.run_at),
        expires_at=_aware(row.expires_at),
        attempts=row.attempts,
        failures=row.failures,
        worker_id=row.worker_id,
        cause=row.cause,
        error=row.error,
        on_uncertain=row.on_uncertain,
        resent_from=row.resent_from,
        secret=bool(row.secret),
        wiped=bool(row.wiped),
    )


def _recipient(row: Row[Any]) -> RecipientRow:
    return RecipientRow(
        id=row.id,
        kind=row.kind,
        address=row.address,
        state=row.state,
        code=row.code,
        reply=row.reply,
    )


def _attempt(row: Row[Any]) -> AttemptRow:
    return AttemptRow(
        id=row.id,
        n=row.n,
        worker_id=row.worker_id,
        server=row.server_key,
        address=row.address,
        started_at=row.started_at.replace(tzinfo=UTC),
        finished_at=_aware(row.finished_at),
        phase=row.phase,
        outcome=row.outcome,
        cause=row.cause,
        code=row.code,
        enhanced=row.enhanced,
        reply=row.reply,
        tls=row.tls,
        ms=row.ms,
        session=row.session,
    )


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _cursor(direction: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{direction}:{number}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[bool, int | None]:
    """Return (backwards, id); a cursor that somebody made up counts as none."""
    try:
        padded = (cursor or "") + "=" * (-len(cursor or "") % 4)
        direction, _, number = base64.urlsafe_b64decode(padded).decode().partition(":")
        wanted = int(number)
    except (ValueError, binascii.Error):
        return False, None
    return direction == "newer", wanted if 0 <= wanted <= LARGEST_ID else None

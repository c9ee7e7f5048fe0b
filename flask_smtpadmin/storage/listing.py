"""Reading messages: which ones a filter means, pages by key, one with all that belongs to it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.rows import (
    AttemptRow,
    Detail,
    Filter,
    MessageRow,
    Page,
    Range,
    RecipientRow,
)
from flask_smtpadmin.core.states import FINAL, PRIORITY_NAMES, State
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.standing import in_states

MAX_PER_PAGE: Final = 100
#: The largest id that a column holds; drivers raise errors of their own beyond it.
LARGEST_ID: Final = 2**63 - 1
#: What ``purge`` removes when it is told no state.
ENDED: Final[tuple[State, ...]] = FINAL
#: ``today`` is the last 24 hours: the same for every viewer's time zone, and as on the tiles.
_SPANS: Final[dict[Range, timedelta]] = {
    "today": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


def conditions(models: Models, wanted: Filter, now: datetime) -> list[sa.ColumnElement[bool]]:
    """Return what a row of ``smtpadmin_message`` must fulfil; ``now`` naive UTC."""
    table = models.table("Message")
    found: list[sa.ColumnElement[bool]] = []
    if "\0" in f"{wanted.q}{wanted.type}{wanted.server}":  # no text holds it; PostgreSQL refuses
        return [sa.false()]
    if wanted.states:
        found.append(in_states(table, wanted.states))
    if wanted.type:
        found.append(table.c.type == wanted.type)
    if wanted.server:
        found.append(sa.or_(table.c.server_key == wanted.server, table.c.sent_via == wanted.server))
    if wanted.range:
        found.append(table.c.state_at >= now - _SPANS[wanted.range])
    if wanted.q.strip():
        found.append(_mentions(models, wanted.q.strip()))
    return found


def page(
    connection: Connection, models: Models, wanted: Filter, cursor: str | None, per_page: int
) -> Page:
    """Return a page of at most ``per_page`` (1 to 100) messages, newest first."""
    table = models.table("Message")
    size = max(1, min(per_page, MAX_PER_PAGE))
    back, number = _read_cursor(cursor)
    order = table.c.id.asc() if back else table.c.id.desc()
    beyond: sa.ColumnElement[bool] = sa.true()
    if number is not None:
        beyond = table.c.id > number if back else table.c.id < number
    query = _rows(models).order_by(order).limit(size + 1)
    if len(wanted.states) > 1 or "sending" in wanted.states:
        alone = (conditions(models, replace(wanted, state=s), utcnow()) for s in wanted.states)
        chosen = [sa.select(table.c.id).where(*one, beyond) for one in alone]
        # what workers hold is little, and no index has it by id
        parts = zip(wanted.states, chosen, strict=True)
        first = [p if s == "sending" else p.order_by(order).limit(size + 1) for s, p in parts]
        query = query.where(table.c.id.in_(_either(first)))
    else:
        query = query.where(*conditions(models, wanted, utcnow()), beyond)
    found = [_message(row) for row in connection.execute(query)]
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    older = more or back
    newer = number is not None and (more or not back)
    return Page(
        tuple(found),
        next=_cursor("older", found[-1].id) if found and older else None,
        previous=_cursor("newer", found[0].id) if found and newer else None,
    )


def _either(chosen: Sequence[sa.Select[Any]]) -> sa.Select[Any]:
    """Return one SELECT of all that several limited ones find: each walks an index by itself."""
    parts = [sa.select(part.subquery().c.id) for part in chosen]
    return sa.select(sa.union_all(*parts).subquery().c.id)


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
    return Detail(_message(row), tuple(map(_recipient, recipients)), tuple(map(_attempt, attempts)))


def _mentions(models: Models, text: str) -> sa.ColumnElement[bool]:
    message, recipient = models.table("Message"), models.table("Recipient")
    to = sa.exists().where(
        recipient.c.message == message.c.id, recipient.c.address.icontains(text, autoescape=True)
    )
    columns: Sequence[sa.Column[Any]] = (message.c.subject, message.c.message_id, message.c.key)
    return sa.or_(*(column.icontains(text, autoescape=True) for column in columns), to)


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
    return sa.select(*shown, last.label("last_server"))


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

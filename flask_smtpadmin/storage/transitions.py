"""The only module that writes a message's state.

Every change is one guarded ``UPDATE``: it names the states it may come from, and a row that is
not in one of them (or no longer under our lease) is left alone. ``rowcount`` says how many moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from flask_smtpadmin.core.rows import RETRYABLE
from flask_smtpadmin.core.states import INITIAL, TRANSITIONS, State, sources


class ForbiddenTransition(ValueError):
    """The table in ``core/states.py`` does not allow this step: a mistake in our own code."""


def entering(to: State, now: datetime) -> dict[str, Any]:
    """Return the columns of a new row that starts in ``to``."""
    if to not in INITIAL:
        raise ForbiddenTransition(f"a message cannot start as {to!r}")
    return {"state": to, "state_at": now}


def move(
    table: sa.Table,
    to: State,
    now: datetime | sa.BindParameter[datetime],
    *,
    came_from: Iterable[State] | None = None,
) -> sa.Update:
    """Return the guarded UPDATE that moves rows of ``table`` into ``to``.

    Add ``.where(...)`` for the rows meant (with ``lease_token = :mine`` wherever a lease is held)
    and ``.values(...)`` for what goes with the step.

    Args:
        table: ``smtpadmin_message``.
        to: the state to enter.
        now: naive UTC, written as ``state_at``; or the parameter that will bring it.
        came_from: the states the rows may be in; every state the table allows when omitted.

    Raises:
        ForbiddenTransition: one of ``came_from`` may not be followed by ``to``.
    """
    before = sources(to) if came_from is None else tuple(came_from)
    refused = [state for state in before if to not in TRANSITIONS[state]]
    if refused or not before:
        raise ForbiddenTransition(f"{', '.join(refused) or 'nothing'} cannot become {to}")
    guard = table.c.state == before[0] if len(before) == 1 else table.c.state.in_(before)
    return sa.update(table).where(guard).values(state=to, state_at=now)


def start_over(table: sa.Table, now: datetime) -> sa.Update:
    """Return the guarded UPDATE that queues what has ended, with no failures counted.

    A secret message keeps its own end: a link that has lapsed helps nobody.
    """
    columns = table.c
    nothing = dict.fromkeys(("waiting_for", "worker_id", "lease_token", "lease_until"))
    return move(table, "queued", now, came_from=RETRYABLE).values(
        due_at=now,
        run_at=now,
        failures=0,
        crashes=0,
        expires_at=sa.case((columns.secret.is_(True), columns.expires_at), else_=None),
        **nothing,
    )

"""Which messages are in a state, said the way the indexes know it.

The index over states holds no message that a worker has: what goes through a worker's hands leaves
it once and enters it once. Who is ``sending`` is found by its worker.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from flask_smtpadmin.core.states import State


def in_states(message: sa.Table, states: Collection[State]) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``smtpadmin_message`` is in one of ``states``."""
    at_rest = [state for state in states if state != "sending"]
    worker = message.c.worker_id
    ways: list[sa.ColumnElement[bool]] = []
    if at_rest:
        ways.append(worker.is_(None) & message.c.state.in_(at_rest))
    if len(at_rest) < len(states):
        ways.append(worker.is_not(None))
    return sa.or_(sa.false(), *ways)


def settled(message: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what is true of every message that nothing will happen to: one index holds these."""
    return message.c.run_at.is_(None), message.c.worker_id.is_(None)

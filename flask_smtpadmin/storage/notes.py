"""What the audit trail needs from those who change something: who acts, and a note of each act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

from sqlalchemy.engine import Connection

from flask_smtpadmin.core.audit import Details, Who

_ACTOR: Final[ContextVar[Who]] = ContextVar("smtpadmin_actor", default=Who())  # noqa: B039 - it is frozen


def acting() -> Who:
    """Return who acts outside of pages: the app itself, unless :func:`as_actor` says otherwise."""
    return _ACTOR.get()


@contextmanager
def as_actor(who: Who) -> Iterator[None]:
    """Let ``who`` be the one who acts inside the block, in this thread."""
    before = _ACTOR.set(who)
    try:
        yield
    finally:
        _ACTOR.reset(before)


class Note(Protocol):
    """Adds an entry to the trail; ``details`` hold no secrets."""

    def __call__(
        self,
        connection: Connection,
        action: str,
        object: str,  # noqa: A002 - the column's name
        details: Details | None = None,
        *,
        actor: str | None = None,
    ) -> None:
        """Add it in the caller's open transaction, as the last thing that is locked there."""


def unkept(
    connection: Connection,
    action: str,
    object: str,  # noqa: A002 - as in Note
    details: Details | None = None,
    *,
    actor: str | None = None,
) -> None:
    """Keep no trail: for stores that are used without an app."""

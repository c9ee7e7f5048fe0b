"""When a new message belongs to the caller's transaction, and what waits for its commit.

A session is in use when somebody will have to commit it: its transaction was begun explicitly or
is nested, objects wait to be flushed, or anything but a SELECT ran on one of its connections. The
last is seen by a listener on each connection that such a session takes; one listener sees what
the ORM flushed and what went straight through ``session.connection()``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session, SessionTransaction, SessionTransactionOrigin, scoped_session

_KEY: Final = "flask_smtpadmin.joining"
_READS: Final = re.compile(
    r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
    r"(?:(?:select|values|show|explain|describe|savepoint|release|rollback)\b|pragma\b[^=]*$)",
    re.IGNORECASE | re.DOTALL,
)
_WITH: Final = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*with\b", re.IGNORECASE | re.DOTALL)
#: What may hold one of those words without changing anything: text, names, comments, row locks.
_NOISE: Final = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|\bfor\s+(?:no\s+key\s+)?update\b",
    re.IGNORECASE | re.DOTALL,
)
_CHANGES: Final = re.compile(r"\b(?:insert|update|delete|merge)\b", re.IGNORECASE)

_classes: WeakSet[type[Session]] = WeakSet()
_sessions: WeakSet[Session] = WeakSet()


@dataclass(slots=True)
class _Waiting:
    """What to call when the transaction that ``transaction`` belongs to is over."""

    transaction: SessionTransaction
    committed: Callable[[], None]
    undone: Callable[[], None]


@dataclass(slots=True)
class _Ledger:
    """What we know of one session's transaction; in ``session.info``, empty between two."""

    wrote: bool = False
    committed: SessionTransaction | None = None
    connections: list[Connection] = field(default_factory=list)
    waiting: list[_Waiting] = field(default_factory=list)

    def on_execute(self, connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        """Note whether ``statement`` changes anything."""
        if statement.startswith("SAVEPOINT") and connection.dialect.name == "sqlite":
            _begin_before_savepoint(connection, cursor)
        if not self.wrote:
            self.wrote = changes(statement)


def _begin_before_savepoint(connection: Connection, cursor: Any) -> None:
    """Open the transaction that SQLite's driver leaves out in front of a SAVEPOINT.

    Without it the savepoint is the outermost transaction, and its release commits what the
    session may roll back later: a message would go out that nobody committed. (SQLAlchemy,
    SQLite dialect, "Serializable isolation / Savepoints / Transactional DDL".)
    """
    if not getattr(connection.connection.dbapi_connection, "in_transaction", True):
        cursor.execute("BEGIN")


def changes(statement: str) -> bool:
    """Say whether an SQL text is anything but a read or a savepoint."""
    if _WITH.match(statement):
        return _CHANGES.search(_NOISE.sub(" ", statement)) is not None
    return _READS.match(statement) is None


def watch(target: type[Session] | Session) -> None:
    """Follow the transactions of a session class, or of one session; again is no matter."""
    known: WeakSet[Any] = _classes if isinstance(target, type) else _sessions
    if target in known or any(cls in _classes for cls in type(target).__mro__):
        return
    known.add(target)
    sa.event.listen(target, "after_begin", _after_begin)
    # first in line: what a listener of the app's does after a commit is not part of it any more
    sa.event.listen(target, "after_commit", _after_commit, insert=True)
    sa.event.listen(target, "after_transaction_end", _after_transaction_end)


def watch_scoped(sessions: scoped_session[Any]) -> None:
    """Follow every session that ``db.session`` will make."""
    watch(sessions.session_factory.class_)


def session_to_join(
    given: Session | scoped_session[Any] | None,
    default: scoped_session[Any],
    *,
    mapped: Any,
    bind: Engine | Connection,
) -> Session | None:
    """Return the session whose transaction the message becomes part of, or None.

    Args:
        given: ``session=`` of the caller, always joined.
        default: ``db.session``; it is joined when in use, and not made when there is none.
        mapped: the message class, to find the session's connection for it.
        bind: what ``db.session`` would take connections from: an engine, or in a test a
            connection with a transaction that is going to be rolled back.
    """
    if given is not None:
        session = given() if isinstance(given, scoped_session) else given
        watch(session)
        return session
    if not (default.registry.has() or _begun_outside(bind)):
        return None
    session = default()
    watch(session)
    return session if in_use(session, mapped) else None


def in_use(session: Session, mapped: Any) -> bool:
    """Say whether somebody has to commit this session for its work to last."""
    transaction = session.get_transaction()
    ledger: _Ledger | None = session.info.get(_KEY)
    if transaction is not None:
        if ledger is not None and ledger.committed is transaction:
            return False  # in a listener after its commit: it takes nothing more
        explicit = transaction.origin is not SessionTransactionOrigin.AUTOBEGIN
        if explicit or session.in_nested_transaction():
            return True
    if session.new or session.dirty or session.deleted or (ledger is not None and ledger.wrote):
        return True
    return _begun_outside(session.get_bind(mapper=mapped))


def connection_of(session: Session, mapped: Any) -> Connection:
    """Return the session's connection for our tables; flushes and expires nothing."""
    return session.connection(bind_arguments={"mapper": mapped})


def when_over(
    session: Session, *, committed: Callable[[], None], undone: Callable[[], None]
) -> None:
    """Call ``committed`` after the outermost commit, or ``undone`` once it cannot come any more.

    A released SAVEPOINT commits nothing yet; a rolled back one undoes what was added inside it.
    """
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None:
        raise RuntimeError("when_over() needs a session that is in a transaction")
    _ledger(session).waiting.append(_Waiting(transaction, committed, undone))


def _begun_outside(bind: Engine | Connection) -> bool:
    return isinstance(bind, Connection) and bind.in_transaction()


def _ledger(session: Session) -> _Ledger:
    ledger: _Ledger = session.info.setdefault(_KEY, _Ledger())
    return ledger


def _after_begin(session: Session, _transaction: Any, connection: Connection) -> None:
    ledger = _ledger(session)
    if connection not in ledger.connections:
        ledger.connections.append(connection)
        sa.event.listen(connection, "before_cursor_execute", ledger.on_execute)


def _after_commit(session: Session) -> None:
    ledger: _Ledger | None = session.info.get(_KEY)
    if ledger is not None:
        ledger.committed = session.get_nested_transaction() or session.get_transaction()


def _after_transaction_end(session: Session, transaction: SessionTransaction) -> None:
    ledger: _Ledger | None = session.info.get(_KEY)
    outermost = transaction.parent is None
    if ledger is None or not (outermost or transaction.nested):
        return  # the flush's own inner step
    mine = [item for item in ledger.waiting if item.transaction is transaction]
    committed = ledger.committed is transaction
    if outermost:
        _forget(session, ledger)
    elif committed:
        for item in mine:
            item.transaction = _enclosing(transaction)
        return
    else:
        ledger.waiting = [item for item in ledger.waiting if item.transaction is not transaction]
    for item in mine:
        (item.committed if committed else item.undone)()


def _enclosing(transaction: SessionTransaction) -> SessionTransaction:
    parent = transaction.parent
    while parent is not None and parent.parent is not None and not parent.nested:
        parent = parent.parent
    return parent or transaction


def _forget(session: Session, ledger: _Ledger) -> None:
    session.info.pop(_KEY, None)
    for connection in ledger.connections:
        sa.event.remove(connection, "before_cursor_execute", ledger.on_execute)

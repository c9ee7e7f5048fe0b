"""The app's own database, through a small connection pool of our own.

Nothing here touches ``db.session``: what we write is committed in transactions of our own, and
SMTP never runs inside one. The pool is a copy of the app's (same creator, same connect hooks),
made lazily and per process, so that a preloaded server may fork after ``init_app``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError

from flask_smtpadmin.core.errors import SchemaMissing
from flask_smtpadmin.storage.models import Models

_BY_INDEX = ", ".join(
    f"set_config('enable_{way}', 'off', true)" for way in ("seqscan", "mergejoin")
)
#: Pages in SQLite's log (16 MB) at which a commit that wrote much copies them to the file. With
#: SQLite's own 1,000 every other thousand of mails would pay for a copy.
_CHECKPOINT_PAGES = 4000
#: seconds that a write waits for another writer
BUSY_TIMEOUT = 5.0
#: Seconds after which a server ends a transaction that does nothing: its process is frozen, and
#: what it holds could be rescued by nobody.
IDLE_TIMEOUT = 90


def utcnow() -> datetime:
    """Return the time as the tables hold it: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class Database:
    """Connections to the app's database for one role (web process or worker).

    Args:
        source: returns the app's own engine; called in an app context, once per process.
        models: the mapped tables.
        wal: whether SQLite may be switched to write-ahead logging (this stays with the file).
        busy_timeout: seconds that a write waits for another writer.
    """

    def __init__(
        self,
        source: Callable[[], Engine],
        models: Models,
        *,
        wal: bool = True,
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        self.models = models
        self.busy_timeout = busy_timeout
        self._source = source
        self._wal = wal
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._engine: Engine | None = None
        self._pid = 0

    @property
    def engine(self) -> Engine:
        """The engine of this process; made at the first use."""
        if self._engine is None or self._pid != os.getpid():
            with self._lock:
                if self._engine is None or self._pid != os.getpid():
                    self._engine = _own_engine(
                        self._source(), wal=self._wal, busy_timeout=self.busy_timeout
                    )
                    self._writing = threading.Lock()
                    self._pid = os.getpid()
        return self._engine

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql``, ``mysql``, ``mariadb`` ..."""
        return self.engine.dialect.name

    @property
    def in_memory(self) -> bool:
        """Whether this is an in-memory SQLite database: one connection, one process."""
        return is_in_memory(self.engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection to read from; whatever it did is rolled back."""
        with self.engine.connect() as connection, schema_errors():
            yield connection

    @contextmanager
    def write(self, *, bounded: bool = True, much: bool = False) -> Iterator[Connection]:
        """Open a transaction, committed at the end; takes SQLite's write lock at once.

        Taking the lock first (``BEGIN IMMEDIATE``) lets SQLite wait for another writer; a reader
        that turns into a writer half-way would fail at once instead. A row that another
        transaction holds is waited for as long, and no longer.

        Args:
            bounded: set this bound on PostgreSQL, which has none of its own. It costs a round
                trip: not worth it where nothing is written that others could hold.
            much: let SQLite's log grow, for what is written would fill it.
        """
        single = self.engine.dialect.name == "sqlite" and not self.in_memory
        turn = self._turn() if single else nullcontext()
        with turn, self.engine.connect() as connection, schema_errors():
            connection.begin()  # not only when SQLAlchemy sees a statement: some go by the driver
            if single:
                _begin_immediate(connection, much=much)
            elif bounded and connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT {self._bound}")
            yield connection
            connection.commit()

    @contextmanager
    def write_at_once(self) -> Iterator[Connection]:
        """Open a connection whose statements are committed one by one, as they end.

        Where one statement does it all, its round trip is the only one: none for BEGIN and COMMIT.
        """
        with self.engine.connect() as connection, schema_errors():
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def _bound(self) -> str:
        milliseconds = max(1, int(self.busy_timeout * 1000))  # 0 would be no bound at all
        return (
            f"set_config('lock_timeout', '{milliseconds}', true), "
            f"set_config('idle_in_transaction_session_timeout', '{IDLE_TIMEOUT}s', true)"
        )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other thread of this process writes.

        SQLite lets those who wait try again now and then: among fifty threads some never hit the
        moment. Who has waited long enough here goes on and asks SQLite itself.
        """
        came = self._writing.acquire(timeout=self.busy_timeout)
        try:
            yield
        finally:
            if came:
                self._writing.release()

    @contextmanager
    def work(self) -> Iterator[Connection]:
        """Open a transaction as :meth:`write` does, for statements about rows found by index.

        PostgreSQL plans by statistics that lag behind: for a queue that was empty a moment ago
        it would read the whole table. It is told not to, in this transaction only.
        """
        with self.write(bounded=False) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT {self._bound}, {_BY_INDEX}")
            yield connection

    def dispose(self) -> None:
        """Close the pooled connections of this process."""
        if self._engine is not None and self._pid == os.getpid() and not self.in_memory:
            self._engine.dispose()


def is_in_memory(engine: Engine) -> bool:
    """Say whether ``engine`` is an in-memory SQLite database."""
    if engine.dialect.name != "sqlite":
        return False
    name = engine.url.database or ""
    return name in {"", ":memory:"} or "mode=memory" in str(engine.url) or ":memory:" in name


def _own_engine(users: Engine, *, wal: bool, busy_timeout: float) -> Engine:
    if is_in_memory(users):
        return users
    engine = Engine(users.pool.recreate(), users.dialect, users.url)
    if engine.dialect.name == "sqlite":
        locked = engine.dialect.loaded_dbapi.OperationalError
        pragmas = _sqlite_pragmas(locked, wal=wal, busy_timeout=busy_timeout)
        sa.event.listen(engine, "connect", pragmas)
        return engine
    if engine.dialect.name in {"mysql", "mariadb"}:
        sa.event.listen(engine, "connect", _mysql_session(engine.dialect, busy_timeout))
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def _mysql_session(dialect: Dialect, busy_timeout: float) -> Callable[[Any, Any], None]:
    """Set what PostgreSQL is told with each transaction once, for each is a round trip here.

    And a connection that is dead then shows it at a statement, where SQLAlchemy looks for that.
    """

    def on_connect(connection: Any, _record: Any) -> None:
        dialect.set_isolation_level(connection, "READ COMMITTED")
        with closing(connection.cursor()) as cursor:  # MariaDB's own bound is 50 s
            cursor.execute(
                f"SET SESSION innodb_lock_wait_timeout = {max(1, round(busy_timeout))} "
                f"/*M!100300 , idle_write_transaction_timeout = {IDLE_TIMEOUT} */"
            )

    return on_connect


def _sqlite_pragmas(
    locked: type[Exception], *, wal: bool, busy_timeout: float
) -> Callable[[Any, Any], None]:
    def on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        if wal:
            # The switch needs the file to itself. Never wait for that: the caller of send() may
            # hold the lock in this very thread. The next connection tries again.
            cursor.execute("PRAGMA busy_timeout = 0")
            with suppress(locked):
                cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        cursor.close()

    return on_connect


def _begin_immediate(connection: Connection, *, much: bool) -> None:
    driver: Any = connection.connection.dbapi_connection
    if driver.in_transaction:  # a driver that always keeps one open (autocommit=False)
        connection.exec_driver_sql("ROLLBACK")
    if much:
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def schema_errors() -> Iterator[None]:
    """Turn 'no such table' of our tables into an error that names the command."""
    try:
        yield
    except DBAPIError as error:
        text = str(error.orig).lower()
        missing = any(
            words in text
            for words in ("no such table", "does not exist", "doesn't exist", "undefinedtable")
        )
        if missing and "smtpadmin_" in text:
            raise SchemaMissing(
                "The smtpadmin_* tables are not in the database yet. Create them with "
                "`flask db migrate` and `flask db upgrade` (Flask-Migrate), or with "
                "db.create_all() inside an app context."
            ) from error
        raise

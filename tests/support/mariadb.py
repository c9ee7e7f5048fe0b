"""A private MariaDB from the system's mariadbd; one per test process."""

from __future__ import annotations

import itertools
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy as sa

from support.processes import end, wait_until
from support.requirements import program

_SHARE = Path("/usr/share/mysql")
_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")


class MariaDB:
    """A server that listens on a unix socket only; ``new_database()`` gives an empty one."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="smtpadmin-my-"))
        self._socket = self._folder / "sock"
        self._log = self._folder / "log"
        self._bootstrap()
        self._process = self._run()
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._admin = sa.create_engine(self._url("mysql"), isolation_level="AUTOCOMMIT")
        wait_until(self._answers, timeout=60)

    def new_database(self) -> str:
        """Create an empty database and return its URL for PyMySQL."""
        name = next(self._names)
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self._url(name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove the database of ``url``."""
        name = sa.make_url(url).database
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")

    def crash(self) -> None:
        """End it with SIGKILL; :meth:`start` brings it back."""
        self._process.kill()
        end(self._process)

    def start(self) -> None:
        """Start it again after :meth:`crash`."""
        self._process = self._run()
        self._admin.dispose()
        wait_until(self._answers, timeout=60)

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after :meth:`freeze`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._admin.dispose()
        end(self._process, grace=15)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self, *extra: str) -> list[str]:
        server = program("mariadbd", "mysqld")
        assert server is not None
        return [
            server,
            "--no-defaults",
            "--user=root",
            f"--datadir={self._folder / 'data'}",
            f"--tmpdir={self._folder}",  # a server that starts clears it of what others have there
            f"--lc-messages-dir={_SHARE}",
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=2",  # a killed server forgets nothing it confirmed
            "--innodb-lock-wait-timeout=10",
            *extra,
        ]

    def _bootstrap(self) -> None:
        """Fill the system tables, which mariadb-install-db does where it is installed whole."""
        (self._folder / "data").mkdir()
        sql = "create database mysql;\nuse mysql;\n"
        sql += "".join((_SHARE / name).read_text() for name in _TABLES)
        done = subprocess.run(
            self._command("--bootstrap", "--silent-startup"),
            input=sql.encode(),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"mariadbd --bootstrap: {done.stderr.decode()[-2000:]}")

    def _run(self) -> subprocess.Popen[bytes]:
        command = self._command(
            f"--socket={self._socket}", "--skip-networking", "--skip-grant-tables"
        )
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"mariadbd ended: {self._log.read_text()[-2000:]}")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._socket)) == 0

    def _url(self, database: str) -> sa.URL:
        query = {"unix_socket": str(self._socket), "charset": "utf8mb4"}
        return sa.URL.create(
            "mysql+pymysql", username="root", host="localhost", database=database, query=query
        )

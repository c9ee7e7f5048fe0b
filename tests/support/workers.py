"""A site on disk whose worker runs as a process of its own, as a user would start it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flask_smtpadmin import Message
from support.apps import Site
from support.nursery import Command
from support.processes import end, wait_until

#: SQLAlchemy found a connection closed as it put it back: nothing that anybody has to see to.
_CLOSED = re.compile(r"^Exception during reset or similar\n(?:(?!\d{4}-).*\n)*", re.MULTILINE)

_APP = """
import os
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_smtpadmin import SMTPAdmin

app = Flask("site")
app.config.update(SECRET_KEY="tests only", SQLALCHEMY_DATABASE_URI={url!r}, **{config!r})
db = SQLAlchemy(app)
mail = SMTPAdmin(app, db)
"""


class WorkerSite:
    """A site, and workers for it; ``stop()`` ends those that still run."""

    def __init__(self, site: Site, folder: Path, url: str, config: dict[str, Any]) -> None:
        self.site = site
        self.state = site.app.extensions["smtpadmin"]
        self.folder = folder
        site.app.instance_path = str(folder / "instance")  # where the worker processes have theirs
        (folder / "worker_app.py").write_text(_APP.format(url=url, config=config))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log = folder / "worker.log"

    def send(
        self,
        count: int,
        *,
        size: int = 200,
        recipients: int = 1,
        sender: str = "me@example.com",
        **options: Any,
    ) -> list[int]:
        """Queue ``count`` messages and return their ids."""
        messages = [
            Message(
                f"Number {n}",
                [f"r{n}@example{r or ''}.com" for r in range(recipients)],
                body="x" * size,
                sender=sender,
            )
            for n in range(count)
        ]
        with self.site.app.app_context():
            return [queued.id for queued in self.site.mail.send_many(messages, **options)]

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start ``flask smtp-worker`` with these arguments and environment variables."""
        with self.log.open("ab") as log:
            process = Command(
                ["--app", "worker_app", "smtp-worker", *arguments],
                cwd=self.folder,
                env={**os.environ, **environ},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def burst(self, *arguments: str, **environ: str) -> dict[str, Any]:
        """Run ``--burst --json`` to its end and return the summary."""
        process = self.start("--burst", "--json", *arguments, **environ)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 0, self.log.read_text()
        summary: dict[str, Any] = json.loads(output)
        return summary

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a worker with SIGKILL."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def rows(self, model: str = "Message") -> list[sa.Row[Any]]:
        """Return all rows of a table in order of id."""
        table = self.state.models.table(model)
        with self.state.database.read() as connection:
            return list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))

    def states(self) -> Counter[str]:
        """Count the messages by state."""
        return Counter(row.state for row in self.rows())

    def wait_for_states(self, timeout: float = 45.0, **expected: int) -> None:
        """Wait until the messages are in these states, and no others."""
        try:
            wait_until(lambda: self.states() == expected, timeout=timeout, every=0.05)
        except TimeoutError as error:
            told = self.log.read_text() if self.log.exists() else ""
            raise AssertionError(f"{self.states()} is not {expected}\n{told}") from error

    def tracebacks(self) -> int:
        """Count the tracebacks in the workers' log, SQLAlchemy's of closed connections aside."""
        return _CLOSED.sub("", self.log.read_text()).count("Traceback")

    def stop(self) -> None:
        """End every worker that still runs."""
        for process in self.processes:
            if process.stdout is not None and not process.stdout.closed:
                end(process)

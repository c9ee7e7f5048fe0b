"""The parent: starts everything in order, watches it, stops it in the opposite order."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import urlopen

from flask import Flask

from example_app import create_app
from example_app.demo import queue_server
from example_app.demo.catcher import LOOPBACK, Catcher, Mailbox
from example_app.demo.children import POLL, Child
from example_app.demo.inbox import InboxPages
from example_app.demo.seed import ADMIN, PASSWORD, MailPorts, seed
from example_app.demo.signals import Presses
from example_app.extensions import db
from flask_smtpadmin.state import current_state

ANSWER_WITHIN = 45.0  # seconds; a busy machine is slow, a broken child ends at once
GRACE = 12.0
#: what the person's own shell says about these must not reach the demo: no mail may leave it
SCRUBBED = ("SMTPADMIN_", "FLASK_", "TIDEPOOL_")


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything is; what ``--json`` prints."""

    app: str
    back_office: str
    inbox: str
    email: str
    password: str
    folder: str
    queue_server: str
    pids: dict[str, int]

    def document(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return asdict(self)


class Demo:
    """The demo in ``folder``, the web app on ``port``.

    ``say`` is called with one line about each step; ``presses`` interrupt the waiting. What the
    app begins with is :meth:`furnish`'s affair, which another beginning replaces.
    """

    #: what ``flask --app`` is told
    app = "example_app"

    def __init__(
        self, folder: Path, port: int, *, presses: Presses, say: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self._presses = presses
        self._say = say
        self._children: list[Child] = []
        self.mailbox = Mailbox()
        self.stack = contextlib.ExitStack()
        self._web_address = f"http://{LOOPBACK}:{port}"
        self._port = port
        self.config = {
            "SECRET_KEY": f"demo-{secrets.token_urlsafe(32)}",
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'tidepool.db'}",
            "SMTPADMIN_REDIS_URL": f"unix://{self._queue_socket}",
            "SMTPADMIN_BASE_URL": self._web_address,
        }

    def start(self) -> Running:
        """Start all of it and wait until each part answers.

        Raises:
            ChildDied: a part ended or does not answer.
            StopAsked: Ctrl-C came first.
        """
        program = self._start_queue_server()
        inbox = self._start_inbox()
        self.furnish()
        self._start_worker_and_web()
        return Running(
            app=f"{self._web_address}/",
            back_office=f"{self._web_address}/admin/email/",
            inbox=f"http://{LOOPBACK}:{inbox}/",
            email=ADMIN,
            password=PASSWORD,
            folder=str(self.folder),
            queue_server=program,
            pids={child.name: child.pid for child in self._children},
        )

    def watch(self) -> None:
        """Return never; raise ``ChildDied`` or ``StopAsked``."""
        while True:
            self._presses.check()
            for child in self._children:
                child.check()
            time.sleep(POLL)

    def stop(self) -> None:
        """Stop web, worker and queue server, then the inbox; a further press makes it hurry."""
        enough = min(self._presses.count, 1) + 1
        for child in reversed(self._children):
            child.stop(grace=GRACE, hurry=lambda: self._presses.count >= enough)
        self.stack.close()

    def last_lines(self) -> str:
        """Return the end of the log of each child that is not there any more."""
        dead = [child for child in self._children if not child.running] or self._children[-1:]
        return "\n".join(f"--- {child.name} ---\n{child.last_lines()}" for child in dead)

    def furnish(self) -> None:
        """Start the mail servers of the demo and fill its database."""
        catcher = Catcher(self.mailbox)
        smtp_port = catcher.start()
        self.stack.callback(catcher.stop)
        silent = self.stack.enter_context(socket.create_server((LOOPBACK, 0)))
        ports = MailPorts(catcher=smtp_port, silent=silent.getsockname()[1])
        self.fill(lambda app: seed(app, ports))

    def fill(self, seed_app: Callable[[Flask], None]) -> None:
        """Fill the database with an app of this process, which stays in ``here``."""
        self._say("Filling the database")
        self.here = create_app(self.config)
        self.stack.callback(_let_go, self.here)
        seed_app(self.here)

    def worker_answers(self) -> bool:
        """Say whether the worker has sent its first mail."""
        return bool(self.mailbox.newest_first())

    @property
    def _queue_socket(self) -> Path:
        return self.folder / "queue.sock"

    def _start_queue_server(self) -> str:
        program = queue_server.executable()
        self._say(f"Starting the queue server ({Path(program).name})")
        child = self._spawn("queue", queue_server.command(program, self._queue_socket))
        self._wait(child, lambda: queue_server.answers(self._queue_socket))
        return program

    def _start_inbox(self) -> int:
        self._say("Starting the inbox")
        pages = InboxPages(self.mailbox)
        port = pages.start()
        self.stack.callback(pages.stop)
        return port

    def _start_worker_and_web(self) -> None:
        self._say("Starting the worker")
        worker = self._spawn("worker", self._flask("smtp-worker"))
        self._say("Starting the web app")
        web = self._spawn("web", self._flask("run", "--host", LOOPBACK, "--port", str(self._port)))
        self._wait(web, self._web_answers)
        self._wait(worker, self.worker_answers)

    def _flask(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", self.app, *words]

    def _web_answers(self) -> bool:
        try:
            with urlopen(f"{self._web_address}/log-in", timeout=5) as answer:  # noqa: S310 - http
                return bool(answer.status == 200)  # noqa: PLR2004 - OK
        except OSError:
            return False

    def _spawn(self, name: str, command: list[str]) -> Child:
        self._presses.check()
        child = Child(name, command, folder=self.folder, environ=self._environ())
        self._children.append(child)
        return child

    def _wait(self, child: Child, answers: Callable[[], bool]) -> None:
        child.wait_until(answers, timeout=ANSWER_WITHIN, meanwhile=self._presses.check)

    def _environ(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not _scrubbed(name)}
        settings = {f"TIDEPOOL_{name}": value for name, value in self.config.items()}
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, clean.get("PYTHONPATH")]))
        return clean | settings | {"PYTHONPATH": path, "FLASK_SKIP_DOTENV": "1"}


def _let_go(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
        current_state().database.dispose()


def scrub_environment() -> None:
    """Forget what the shell says about Flask, Tidepool and mail servers."""
    for name in filter(_scrubbed, list(os.environ)):
        del os.environ[name]


def free_port(port: int = 0) -> int:
    """Return ``port``, or with 0 a free one.

    Raises:
        OSError: something listens there already.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        found: int = probe.getsockname()[1]
        return found


def _scrubbed(name: str) -> bool:
    return name.startswith(SCRUBBED)

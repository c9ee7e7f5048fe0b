"""How fast mail travels here: into the outbox, and from there to an SMTP server.

``python benchmarks/road.py [MESSAGES]`` queues them one by one and in one ``send_many``, then lets
``flask smtp-worker --burst`` deliver them to an aiosmtpd on this machine. That server is the
slowest part: the figure is a floor, good for comparing two commits on one machine.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_smtpadmin import Message, SMTPAdmin


class Counter:
    """An SMTP server that counts and forgets."""

    received = 0

    async def handle_DATA(self, _server, _session, _envelope):  # noqa: N802 - aiosmtpd's name
        self.received += 1
        return "250 counted"


def create_app(folder: str) -> tuple[Flask, SMTPAdmin]:
    app = Flask("bench", instance_path=folder)
    app.config.update(SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/bench.db")
    app.config.update(SMTPADMIN_MAX_QUEUE=0)
    db = SQLAlchemy(app)
    mail = SMTPAdmin(app, db)
    with app.app_context():
        db.create_all()
    return app, mail


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def message(number: int) -> Message:
    body = "Good to have you.\n" * 100
    return Message(f"Number {number}", recipients=[f"r{number}@example.com"], body=body)


def rate(count: int, seconds: float) -> str:
    return f"{count / seconds:8,.0f} /s"


def deliver(folder: str, port: int) -> dict[str, int]:
    environment = os.environ | {
        "BENCH_FOLDER": folder,
        "SMTPADMIN_HOST": "127.0.0.1",
        "SMTPADMIN_PORT": str(port),
        "SMTPADMIN_TLS_MODE": "none",
        "SMTPADMIN_FROM_EMAIL": "bench@example.com",
    }
    command = [sys.executable, "-m", "flask", "--app", f"{Path(__file__)}:worker_app"]
    done = subprocess.run(
        [*command, "smtp-worker", "--burst", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def worker_app() -> Flask:
    return create_app(os.environ["BENCH_FOLDER"])[0]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    counter = Counter()
    port = free_port()
    server = Controller(counter, hostname="127.0.0.1", port=port)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            app, mail = create_app(folder)
            with app.app_context():
                start = time.perf_counter()
                for number in range(count):
                    mail.send(message(number))
                print("send()       ", rate(count, time.perf_counter() - start))
                start = time.perf_counter()
                mail.send_many([message(number) for number in range(count)])
                print("send_many()  ", rate(count, time.perf_counter() - start))
            start = time.perf_counter()
            summary = deliver(folder, port)
            print("delivered    ", rate(counter.received, time.perf_counter() - start), summary)
    finally:
        server.stop()


if __name__ == "__main__":
    main()

"""Mails per second from end to end: claim, hand over on pooled connections, commit in groups.

Run: python benchmarks/delivery.py [--mails N] [--connections N] [--database URL]

Queues N messages of 2 KB on SQLite (or ``--database``), starts a sink in a process of its own,
then one worker in another (``flask smtp-worker --burst``), and divides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = """
import os
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_smtpadmin import SMTPAdmin

app = Flask("bench")
app.config.update(SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=os.environ["BENCH_DATABASE"],
                  SMTPADMIN_MAX_QUEUE=0)
db = SQLAlchemy(app)
mail = SMTPAdmin(app, db)
"""


class Sink(asyncio.Protocol):
    """Says yes to everything, in as few steps as a server can."""

    accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""
        self.in_data = False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        out = []
        while True:
            if self.in_data:
                end = self.buffer.find(b"\r\n.\r\n")
                if end < 0:
                    self.buffer = self.buffer[-4:]
                    break
                self.buffer = self.buffer[end + 5 :]
                self.in_data = False
                Sink.accepted += 1
                out.append(b"250 2.0.0 taken\r\n")
                continue
            line, found, rest = self.buffer.partition(b"\r\n")
            if not found:
                break
            self.buffer = rest
            out.append(self.answer(line[:4].upper()))
        self.transport.write(b"".join(out))

    def answer(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
        if verb == b"DATA":
            self.in_data = True
            return b"354 go on\r\n"
        return b"221 bye\r\n" if verb == b"QUIT" else b"250 2.1.0 ok\r\n"


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def run_sink() -> None:
    try:
        import uvloop

        uvloop.run(serve())
    except ImportError:
        asyncio.run(serve())


def fill(folder: Path, mails: int) -> None:
    sys.path.insert(0, str(folder))
    from bench_app import app, db, mail

    from flask_smtpadmin import Message

    with app.app_context():
        db.create_all()
        began = time.perf_counter()
        for start in range(0, mails, 500):
            mail.send_many(
                [
                    Message(
                        f"Bench {start + n}",
                        sender="bench@example.com",
                        recipients=[f"r{start + n}@example.com"],
                        body="x" * 70 + "\n" * 1 + ("y" * 70 + "\n") * 26,
                    )
                    for n in range(min(500, mails - start))
                ]
            )
        seconds = time.perf_counter() - began
    print(f"queued     {mails} mails in {seconds:.2f} s: {mails / seconds:,.0f}/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--database", help="SQLAlchemy URL; default: an SQLite file")
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.sink:
        run_sink()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_app.py").write_text(APP)
        os.environ["BENCH_DATABASE"] = args.database or f"sqlite:///{folder / 'bench.db'}"
        sink = subprocess.Popen([sys.executable, __file__, "--sink"], stdout=subprocess.PIPE)
        try:
            port = sink.stdout.readline().decode().strip()
            fill(folder, args.mails)
            deliver(folder, port, args)
        finally:
            sink.terminate()
            sink.wait()
            sink.stdout.close()


def deliver(folder: Path, port: str, args: argparse.Namespace) -> None:
    environ = {
        **os.environ,
        "SMTPADMIN_HOST": "127.0.0.1",
        "SMTPADMIN_PORT": port,
        "SMTPADMIN_TLS_MODE": "none",
        "FLASK_APP": str(folder / "bench_app.py"),
    }
    command = [sys.executable, "-m", "flask", "smtp-worker", "--burst", "--json"]
    command += ["--connections", str(args.connections)]
    began = time.perf_counter()
    subprocess.run([*command[:4], "--help"], env=environ, capture_output=True, check=True)
    start_up = time.perf_counter() - began
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, check=False)
    seconds = time.perf_counter() - began - start_up
    if done.returncode:
        sys.exit(done.stderr.decode())
    sent = json.loads(done.stdout)["sent"]
    print(f"delivered  {sent} mails in {seconds:.2f} s: {sent / seconds:,.0f}/s", end=" ")
    print(f"({args.connections} connections, one worker, start-up {start_up:.2f} s taken off)")


if __name__ == "__main__":
    main()

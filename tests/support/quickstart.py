"""Run the README's quickstart as a reader would: paste it into an empty folder, type the commands.

``python -m support.quickstart PATH_OF_FLASK`` does it with another environment's ``flask``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller

from support.documents import ROOT, blocks
from support.processes import free_port


class Catcher:
    """An SMTP server that keeps what it is given; no TLS, no sign-in, this machine only."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the message."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 kept"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def environment(port: int) -> dict[str, str]:
    """Return the reader's environment with the catcher as the mail server."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SMTPADMIN_", "FLASK_", "PYTHON"))
    }
    return clean | {
        "SMTPADMIN_HOST": "127.0.0.1",
        "SMTPADMIN_PORT": str(port),
        "SMTPADMIN_TLS_MODE": "none",
        "SMTPADMIN_FROM_EMAIL": "hello@example.com",
    }


def run(folder: Path, flask: str) -> list[EmailMessage]:
    """Paste, queue, deliver; return what arrived.

    Raises:
        subprocess.CalledProcessError: a command failed; its output has been printed.
    """
    (code,) = [block.code for block in blocks(ROOT / "README.md", "python")]
    (folder / "app.py").write_text(code, encoding="utf-8")
    with Catcher() as catcher:
        for command in (["hello"], ["smtp-worker", "--burst"]):
            done = subprocess.run(
                [flask, *command],
                cwd=folder,
                env=environment(catcher.port),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            sys.stdout.write(f"$ flask {' '.join(command)}\n{done.stdout}{done.stderr}")
            done.check_returncode()
        return catcher.mails


def main() -> int:
    """Run it once and say what arrived; 1 when it was not the one welcome mail."""
    with tempfile.TemporaryDirectory() as folder:
        mails = run(Path(folder), str(Path(sys.argv[1]).absolute()))
    arrived = [f"{mail['Subject']} to {mail['To']}" for mail in mails]
    sys.stdout.write(f"arrived: {arrived}\n")
    return 0 if arrived == ["Welcome to ada@example.com"] else 1


if __name__ == "__main__":
    sys.exit(main())

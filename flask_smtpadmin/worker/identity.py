"""Who a worker process is, and whether another one on this host is still there."""

from __future__ import annotations

import os
import secrets
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Final

from flask_smtpadmin.storage.workers import Identity

#: Field 22 of /proc/<pid>/stat, counted from behind the command in parentheses (proc(5)).
_START_TIME: Final = 19
_NAME_LENGTH: Final = 128


def own_identity(name: str | None = None) -> Identity:
    """Return the identity of this process; every call makes a worker of its own."""
    host = socket.gethostname()
    pid = os.getpid()
    return Identity(
        id=f"{host[:32]}.{pid}.{secrets.token_hex(6)}",
        name=(name or host)[:_NAME_LENGTH],
        host=host[:255],
        pid=pid,
        process=describe(pid),
        version=version("flask-smtpadmin"),
    )


def describe(pid: int) -> str:
    """Return boot id, pid namespace, pid and start time of a process of this host.

    Together they never mean another process. "" where the system does not tell them.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        started = stat.rpartition(")")[2].split()[_START_TIME]
    except (OSError, IndexError):
        return ""
    return f"{boot}:{namespace}:{pid}:{started}"


def is_gone(process: str) -> bool:
    """Say whether a process is known to have ended; False when that cannot be known from here."""
    own = describe(os.getpid())
    if not process or not own:
        return False
    boot, namespace, pid, _ = process.split(":")
    own_boot, own_namespace, _, _ = own.split(":")
    if (boot, namespace) != (own_boot, own_namespace):
        return False
    return describe(int(pid)) != process or _is_zombie(int(pid))


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}

"""A key of this installation's own, for an app in debug mode that has no SECRET_KEY yet.

Whoever tries the extension out has a page to open before a key to think about. The key lies in
the instance folder, so that pages, worker and command line of one computer share it; outside
debug mode none is ever made, and the pages name SECRET_KEY instead.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

NAME: Final = "smtpadmin.key"


def read_key(folder: str | Path) -> str | None:
    """Return the key in ``folder``, or None when there is none that can be read."""
    try:
        return Path(folder, NAME).read_text("ascii").strip() or None
    except (OSError, UnicodeError):
        return None


def make_key(folder: str | Path) -> str | None:
    """Return the key in ``folder``, made (mode 0600) when missing; None: it cannot be written."""
    path = Path(folder, NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(folder)
    except OSError:
        return None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    return read_key(folder)

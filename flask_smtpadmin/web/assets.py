"""Our static files, each under an address that names its content, so that browsers may keep it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from flask import url_for

FOLDER: Final = Path(__file__).with_name("static")


def asset(name: str) -> str:
    """Return the address of a file in ``static/``."""
    return url_for(".static", filename=name, v=_version(name))


@cache
def _version(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]

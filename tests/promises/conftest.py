"""Fixtures of the promises' tests; how to write one stands in :mod:`support.promises`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.apps import Site
from support.outages import Fragile, LockedFile, Outage
from support.promises import DATABASE, FULL, PROMISES, SEED, TIME_SCALE, Report, databases
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite

_OUTCOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(*names): the promises that a test measures")
    config.addinivalue_line("markers", "full_size: not part of the small runs")
    for name in PROMISES:
        config.addinivalue_line("markers", f"{name.lower()}: measures {name}")


def pytest_report_header() -> str:
    size = "full" if FULL else "small"
    return f"promises: {size} size, waits divided by {TIME_SCALE:g}, SMTPADMIN_CHAOS_SEED={SEED}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a run at full size measures."""
    left_out = [item for item in items if not FULL and item.get_closest_marker("full_size")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_itemcollected(item: pytest.Item) -> None:
    if FULL and "promises" in item.path.parts:
        item.add_marker(pytest.mark.timeout(3 * 3600))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    if outcome.when == "call" or outcome.failed:
        item.stash[_OUTCOME] = outcome.outcome
    return outcome


@pytest.fixture(params=databases(everywhere=True))
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database; the test runs once on each of the three."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=databases(everywhere=False))
def any_database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database: all three at full size, SQLite alone otherwise."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def outage(request: pytest.FixtureRequest, database_url: str) -> Iterator[Outage]:
    """Return what takes the database of ``database_url`` away."""
    chosen = request.node.callspec.params["database_url"]
    if chosen == "sqlite":
        of: Fragile = LockedFile(database_url)
    else:
        of = request.getfixturevalue(f"{chosen}_server")
    yield Outage(database_url, of)
    of.thaw()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Return a source of chance of this test's own; the seed is in the header and in the report."""
    print(f"SMTPADMIN_CHAOS_SEED={SEED}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(f"{SEED}:{request.node.name}")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """``report(lost=0, ...)`` keeps figures for the table of results."""
    made = Report(request.node)
    yield made
    names = [name for name in ("database_url", "any_database_url") if name in request.fixturenames]
    chosen = request.node.callspec.params[names[0]] if names else DATABASE or "sqlite"
    made.write(chosen, request.node.stash.get(_OUTCOME, "failed"))


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """Run a real SMTP server without TLS or sign-in."""
    with mail_server(pipelining=True, timeout=7200) as server:  # it may be slow on purpose
        yield server


@pytest.fixture
def worker_site(
    make_app: Callable[..., Site], tmp_path: Path, smtp: MailServer
) -> Iterator[Callable[..., WorkerSite]]:
    """``worker_site(url, **config)``: a site whose default server is ``smtp``, without limit."""
    with ExitStack() as ends:

        def build(database_url: str, **config: Any) -> WorkerSite:
            config = {
                "SMTPADMIN_HOST": "127.0.0.1",
                "SMTPADMIN_PORT": smtp.port,
                "SMTPADMIN_TLS_MODE": "none",
                "SMTPADMIN_MAX_QUEUE": 0,
                **config,
            }
            made = WorkerSite(make_app(database_url, **config), tmp_path, database_url, config)
            ends.callback(made.stop)
            return made

        yield build

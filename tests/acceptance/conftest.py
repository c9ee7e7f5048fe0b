"""One running demo for the tests that only use it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from support.demo import DemoProcess, Visitor


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """Run the demo for this module."""
    process = DemoProcess(tmp_path_factory.mktemp("demo"))
    try:
        yield process.wait_until_ready()
    finally:
        process.close()


@pytest.fixture
def visitor(demo: DemoProcess) -> Visitor:
    """Return somebody who is not signed in."""
    return Visitor(demo.at["app"])


@pytest.fixture
def admin(demo: DemoProcess) -> Visitor:
    """Return the demo's admin, signed in."""
    visitor = Visitor(demo.at["app"])
    visitor.log_in(demo.at["email"], demo.at["password"])
    return visitor


@pytest.fixture
def address() -> str:
    """Return an address that nobody used before."""
    return f"eve.{uuid4().hex[:12]}@tidepool.example"

"""A shop on each database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from support.apps import Site
from support.shop import Shop, open_shop


@pytest.fixture
def make_shop(make_app: Callable[..., Site]) -> Iterator[Callable[..., Shop]]:
    """``make_shop(database_url, **config)`` returns a Shop; its app context stays pushed."""
    with ExitStack() as contexts:

        def build(database_url: str | None = None, **config: Any) -> Shop:
            site = make_app(database_url, **config)
            contexts.enter_context(site.app.app_context())
            return open_shop(*site)

        yield build


@pytest.fixture
def shop(database_url: str, make_shop: Callable[..., Shop]) -> Shop:
    """Return a shop; the test runs once on each of the three databases."""
    return make_shop(database_url)


@pytest.fixture
def sqlite_shop(sqlite_url: str, make_shop: Callable[..., Shop]) -> Shop:
    """Return a shop on an SQLite file."""
    return make_shop(sqlite_url)

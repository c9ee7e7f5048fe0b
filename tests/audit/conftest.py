"""A site with its audit trail, on one of the three databases or on SQLite."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from support.apps import Site

from flask_smtpadmin.core.audit import Entry
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.state import State


@dataclass
class Book:
    """One site inside its context, and its audit trail."""

    site: Site

    @property
    def state(self) -> State:
        """The site's state."""
        state: State = self.site.app.extensions["smtpadmin"]
        return state

    @property
    def entries(self) -> list[Entry]:
        """All entries, oldest first."""
        return list(self.state.trail.of(Sought()))[::-1]

    @property
    def actions(self) -> list[str]:
        """What was done, oldest first."""
        return [entry.action for entry in self.entries]

    def tamper(self, statement: str, **values: Any) -> None:
        """Change the tables as somebody with the database alone could."""
        with self.state.database.write() as connection:
            connection.execute(sa.text(statement), values)

    def fill(self, count: int) -> None:
        """Add entries."""
        for number in range(count):
            self.state.audit.record("message.read", f"message:{number}")

    def run(self, line: str) -> Any:
        """Run a command and return its result."""
        return self.site.app.test_cli_runner().invoke(args=shlex.split(line))

    def document(self, line: str) -> Any:
        """Run a command with ``--json`` and return its document."""
        return json.loads(self.run(f"{line} --json").stdout)


@pytest.fixture
def make_book(make_app: Callable[..., Site]) -> Iterator[Callable[..., Book]]:
    """Build sites, each inside its own context, with further ``app.config`` keys."""
    contexts = []

    def build(url: str | None = None, **config: Any) -> Book:
        key = config.pop("SECRET_KEY", "tests only")
        site = make_app(url, **config)
        site.app.config["SECRET_KEY"] = key
        contexts.append(site.app.app_context())
        contexts[-1].push()
        return Book(site)

    yield build
    for context in reversed(contexts):
        context.pop()


@pytest.fixture
def book(make_book: Callable[..., Book]) -> Book:
    """Return a site on SQLite."""
    return make_book()

"""Settings read from plain dicts: no app, and a database only where one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.core.settings.origins import Stored
from flask_smtpadmin.core.settings.resolve import resolve
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.models import build_models
from flask_smtpadmin.storage.settings import Settings
from flask_smtpadmin.storage.surroundings import read_context
from flask_smtpadmin.storage.vault import Vault

VAULT = Vault(secret_key="tests only")


def read(
    environ: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    stored: Stored | None = None,
    app_name: str = "site",
) -> Snapshot:
    """Resolve settings from these three places alone."""
    context = read_context(config or {}, environ or {}, app_name=app_name, secrets=VAULT)
    return resolve(context, stored or Stored())


@pytest.fixture(name="read")
def _read() -> Callable[..., Snapshot]:
    return read


@pytest.fixture
def vault() -> Vault:
    return VAULT


@dataclass
class Place:
    """A database with its tables, and the settings of as many processes as a test wants."""

    database: Database
    environ: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def settings(self) -> Settings:
        """Return the settings of a new process."""
        return Settings(
            self.database,
            config=self.config,
            environ=self.environ,
            app_name="site",
            vault=Vault.from_config({"SECRET_KEY": "tests only", **self.config}, self.environ),
        )

    def rows(self) -> str:
        """Return everything that the two tables hold, as text."""
        with self.database.read() as connection:
            tables = (self.database.models.table(name) for name in ("Setting", "Server"))
            return repr([connection.execute(sa.select(table)).all() for table in tables])


def place_at(url: str) -> Iterator[Place]:
    """Yield a place on an empty database and close its connections."""
    engine = sa.create_engine(url)
    models = build_models(sa.MetaData())
    models.metadata.create_all(engine)
    database = Database(lambda: engine, models)
    yield Place(database)
    database.dispose()
    engine.dispose()


@pytest.fixture
def place(sqlite_url: str) -> Iterator[Place]:
    yield from place_at(sqlite_url)


@pytest.fixture
def any_place(database_url: str) -> Iterator[Place]:
    yield from place_at(database_url)

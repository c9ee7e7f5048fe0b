"""Flask-Migrate sees the tables, and after the upgrade finds nothing left to change."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from support.shop import letter

from flask_smtpadmin import SMTPAdmin


@pytest.fixture(autouse=True)
def _loggers_kept() -> Iterator[None]:
    """Undo what Alembic's ``fileConfig`` does to the process: it disables every other logger."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.mark.filterwarnings("ignore:'get_engine' is deprecated")  # Flask-Migrate's own template
def test_autogenerate_twice(database_url: str, tmp_path: Path) -> None:
    """`flask db migrate` writes a migration without our types; a second one finds no change."""
    app = Flask("site")
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=database_url)
    db = SQLAlchemy(app)
    mail = SMTPAdmin(app, db)
    flask_migrate.Migrate(app, db, directory=str(tmp_path / "migrations"))
    with app.app_context():
        flask_migrate.init()
        flask_migrate.migrate(message="mail")
        (written,) = (tmp_path / "migrations" / "versions").glob("*.py")
        text = written.read_text()
        assert "smtpadmin_message" in text
        assert "flask_smtpadmin" not in text
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, db.metadata) == []
        assert mail.send(letter()).created
        db.session.remove()
        db.engine.dispose()
    app.extensions["smtpadmin"].database.dispose()

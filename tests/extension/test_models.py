"""The tables live on the user's own ``db``, whatever its base class looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from support.shop import letter

from flask_smtpadmin import SMTPAdmin

TABLES = {
    "smtpadmin_attempt",
    "smtpadmin_check",
    "smtpadmin_content",
    "smtpadmin_message",
    "smtpadmin_recipient",
    "smtpadmin_server",
    "smtpadmin_setting",
    "smtpadmin_worker",
    "smtpadmin_finding",
    "smtpadmin_quota",
    "smtpadmin_dialogue",
    "smtpadmin_job",
    "smtpadmin_hour",
    "smtpadmin_audit",
    "smtpadmin_sealed",
    "smtpadmin_template",
}
MakeDb = Callable[..., SQLAlchemy]
Start = Callable[..., tuple[Flask, SMTPAdmin]]


@pytest.fixture
def start(sqlite_url: str) -> Iterator[Start]:
    """``start(db, bind_key=..., **config)`` returns an app in its context, and its mail."""
    with ExitStack() as contexts:

        def build(
            db: SQLAlchemy, *, bind_key: str | None = None, **config: Any
        ) -> tuple[Flask, SMTPAdmin]:
            app = Flask("site")
            app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=sqlite_url)
            app.config.update(config)
            db.init_app(app)
            mail = SMTPAdmin(app, db, bind_key=bind_key)
            contexts.callback(app.extensions["smtpadmin"].database.dispose)
            contexts.enter_context(app.app_context())
            contexts.callback(_close, db)
            return app, mail

        yield build


def _close(db: SQLAlchemy) -> None:
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()


def _user_model(db: SQLAlchemy) -> Any:
    class Message(db.Model):
        __tablename__ = "message"
        id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
        text: Mapped[str] = mapped_column(sa.String(20))

    return Message


def test_create_all_and_send(make_db: MakeDb, start: Start) -> None:
    """``db.create_all()`` makes the tables; a user's own ``Message`` does not clash."""
    db = make_db()
    _app, mail = start(db)
    Message = _user_model(db)  # noqa: N806 - a class
    db.create_all()
    assert set(sa.inspect(db.engine).get_table_names()) == TABLES | {"message"}
    db.session.add(Message(id=1, text="mine"))
    mail.send(letter())
    assert mail.queue.list()["messages"] == []
    db.session.commit()
    assert mail.queue.list()["messages"][0]["subject"] == "Hello"
    assert db.session.scalars(sa.select(mail.models.Message.subject)).all() == ["Hello"]
    assert db.session.get_one(Message, 1).text == "mine"


def test_dataclass_models(start: Start) -> None:
    """A user's model that is a dataclass on its own lives beside ours, on 2.0 and 2.1."""

    class Base(DeclarativeBase):
        pass

    db = SQLAlchemy(model_class=Base)
    _app, mail = start(db)

    class Message(MappedAsDataclass, db.Model):
        __tablename__ = "message"
        id: Mapped[int] = mapped_column(init=False, primary_key=True)
        text: Mapped[str] = mapped_column(sa.String(20))

    db.create_all()
    db.session.add(Message(text="mine"))
    mail.send(letter())
    db.session.commit()
    assert len(mail.queue.list()["messages"]) == 1


def test_user_model_first(make_db: MakeDb, start: Start) -> None:
    """It does not matter who declares ``Message`` first."""
    db = make_db()
    _user_model(db)
    _app, mail = start(db)
    db.create_all()
    assert mail.send(letter()).created


def test_naming_convention(make_db: MakeDb, start: Start) -> None:
    """The user's naming convention names our constraints as well."""
    convention = {
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
    db = make_db(metadata=sa.MetaData(naming_convention=convention))
    _app, mail = start(db)
    db.create_all()
    key = sa.inspect(db.engine).get_pk_constraint("smtpadmin_content")
    assert key["name"] == "pk_smtpadmin_content"
    assert mail.send(letter()).created


def test_bind_key(make_db: MakeDb, start: Start, tmp_path: Path) -> None:
    """With a bind key the tables, the mail and a joined transaction live in that database."""
    db = make_db()
    binds = {"mail": f"sqlite:///{tmp_path / 'mail.db'}"}
    _app, mail = start(db, bind_key="mail", SQLALCHEMY_BINDS=binds)
    Message = _user_model(db)  # noqa: N806 - a class
    db.create_all()
    assert set(sa.inspect(db.engines["mail"]).get_table_names()) == TABLES
    assert sa.inspect(db.engine).get_table_names() == ["message"]
    mail.send(letter())
    db.session.add(Message(id=1, text="mine"))
    mail.send(letter())
    db.session.rollback()
    assert len(mail.queue.list()["messages"]) == 1
    assert mail.models.Message.__table__.metadata is db.metadatas["mail"]


def test_same_classes_for_the_same_db(make_db: MakeDb, start: Start) -> None:
    """A second SMTPAdmin on the same ``db`` maps nothing again."""
    db = make_db()
    _app, mail = start(db)
    assert SMTPAdmin(db=db).models is mail.models


@pytest.mark.postgresql
def test_schema(make_db: MakeDb, postgresql_url: str, start: Start) -> None:
    """A metadata with a schema puts our tables into it, and they are found there."""
    db = make_db(metadata=sa.MetaData(schema="post"))
    _app, mail = start(db, SQLALCHEMY_DATABASE_URI=postgresql_url)
    with db.engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema("post"))
    db.create_all()
    assert set(sa.inspect(db.engine).get_table_names("post")) == TABLES
    first = mail.send(letter(), key="k")
    db.session.begin()
    assert mail.send(letter(), key="k").id == first.id
    db.session.rollback()
    mail.queue.cancel(first.id)
    assert mail.queue.purge() == {"purged": 1}

"""The extension owns no app: factories, several apps, one registration each."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from support.apps import Site
from support.shop import letter

import flask_smtpadmin
from flask_smtpadmin import Actor, ConfigurationError, SMTPAdmin
from flask_smtpadmin.state import current_state


def factory(db: SQLAlchemy, mail: SMTPAdmin, url: str, name: str = "site") -> Flask:
    """Make an app as a factory does."""
    app = Flask(name)
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=url)
    db.init_app(app)
    mail.init_app(app)
    return app


def close(app: Flask, db: SQLAlchemy) -> None:
    """Give back every connection."""
    with app.app_context():
        db.engine.dispose()
    app.extensions["smtpadmin"].database.dispose()


def test_exported_names() -> None:
    """``__all__`` is sorted, complete, and each name is there."""
    names = flask_smtpadmin.__all__
    assert names == sorted(names, key=str.swapcase) or names == sorted(names)
    public = {
        name
        for name, value in vars(flask_smtpadmin).items()
        if not name.startswith("_")
        and not hasattr(value, "__path__")
        and type(value).__name__ != "module"
        and name != "annotations"
    }
    assert public == set(names)


def test_several_apps(tmp_path: Path) -> None:
    """One ``mail`` serves many apps; each has its own queue, settings and state."""
    db = SQLAlchemy()
    mail = SMTPAdmin(db=db)
    one = factory(db, mail, f"sqlite:///{tmp_path / 'one.db'}", "one")
    two = factory(db, mail, f"sqlite:///{tmp_path / 'two.db'}", "two")
    for app in (one, two):
        with app.app_context():
            db.create_all()
    with one.app_context():
        mail.send(letter())
        assert len(mail.queue.list()["messages"]) == 1
        with two.app_context():
            assert mail.queue.list()["messages"] == []
            assert current_state() is two.extensions["smtpadmin"]
            mail.send(letter(), session=db.session)
            db.session.rollback()
    assert one.extensions["smtpadmin"] is not two.extensions["smtpadmin"]
    close(one, db)
    close(two, db)


def test_never_stores_the_app(tmp_path: Path) -> None:
    """An app that nobody else holds is garbage, whatever ``mail`` did for it."""
    db = SQLAlchemy()
    mail = SMTPAdmin(db=db)
    app = factory(db, mail, f"sqlite:///{tmp_path / 'app.db'}")
    with app.app_context():
        db.create_all()
        mail.send(letter())
        db.session.remove()
    close(app, db)
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None
    assert mail.queue is not None


def test_second_registration(make_app: Callable[..., Site]) -> None:
    """A second registration on one app says what to do instead."""
    app, db, mail = make_app(create=False)
    for again in (lambda: mail.init_app(app), lambda: SMTPAdmin(app, db)):
        with pytest.raises(ConfigurationError, match="remove the second call"):
            again()


def test_without_a_database() -> None:
    """Without ``db`` it says how to pass one."""
    with pytest.raises(ConfigurationError, match=r"SMTPAdmin\(app, db\)"):
        SMTPAdmin(Flask("site"))


def test_database_found_in_the_app(sqlite_url: str) -> None:
    """The app's Flask-SQLAlchemy object is found when none is passed."""
    app = Flask("site")
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=sqlite_url)
    db = SQLAlchemy(app)
    mail = SMTPAdmin(app)
    with app.app_context():
        db.create_all()
        assert mail.send(letter()).created
        assert mail.models.Message.__tablename__ == "smtpadmin_message"
    close(app, db)


def test_init_touches_no_database() -> None:
    """``init_app`` neither connects nor makes tables: a database out of reach is no matter."""
    app = Flask("site")
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=url)
    before = threading.active_count()
    SMTPAdmin(app, SQLAlchemy(app))
    assert threading.active_count() == before


def test_no_extension() -> None:
    """An app without the extension says what is missing."""
    with Flask("site").app_context(), pytest.raises(ConfigurationError, match="init_app"):
        current_state()


def test_hooks(make_app: Callable[..., Site]) -> None:
    """Decorators return the function, and count whenever they are applied."""
    app, _db, mail = make_app(create=False)
    hooks = app.extensions["smtpadmin"].hooks
    assert (hooks.access_check, hooks.actor_loader) == (None, None)

    @mail.access_check
    def may(right: str) -> bool:
        return right == "view"

    @mail.actor_loader
    def who() -> Actor:
        return Actor("7", email="ada@example.com")

    assert (hooks.access_check, hooks.actor_loader) == (may, who)
    assert str(who()) == "ada@example.com"


def test_unknown_bind(sqlite_url: str) -> None:
    """A bind key that the config does not have is named."""
    app = Flask("site")
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=sqlite_url)
    mail = SMTPAdmin(app, SQLAlchemy(app), bind_key="mail")
    with app.app_context(), pytest.raises(ConfigurationError, match="SQLALCHEMY_BINDS"):
        mail.send(letter())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # the very case
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_fork(make_app: Callable[..., Site]) -> None:
    """After a fork (gunicorn preload) the child makes connections of its own."""
    app, _db, mail = make_app()
    with app.app_context():
        mail.send(letter())
        engine = current_state().database.engine
        child = os.fork()
        if child == 0:
            fresh = current_state().database.engine is not engine
            created = fresh and mail.send(letter()).created
            os._exit(0 if created else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(mail.queue.list()["messages"]) == 2

"""An app in debug mode without a SECRET_KEY: the pages work, and nothing is weaker elsewhere."""

from __future__ import annotations

import stat

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_smtpadmin import SMTPAdmin
from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.settings import Endpoint
from flask_smtpadmin.state import State

ENDPOINT = Endpoint("default", "mail.example.com", 465, "me", "implicit")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that makes the app as another process would, in the same folder."""

    def make(*, debug: bool, **config) -> State:
        monkeypatch.setenv("FLASK_DEBUG", "1" if debug else "0")
        app = Flask(__name__, instance_path=str(tmp_path / "instance"))
        app.config.update(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/app.db", **config)
        SMTPAdmin(app, SQLAlchemy(app))
        return app.extensions["smtpadmin"]

    return make


def test_debug_mode_keeps_one_key(start, tmp_path):
    """The key survives a restart, and nobody else on the computer may read it."""
    first, second = (start(debug=True).config["SECRET_KEY"] for _ in range(2))
    assert first == second
    mode = (tmp_path / "instance" / "smtpadmin.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_worker_that_was_there_first_finds_the_key(start):
    """What a debugging page sealed is opened by a worker without debug mode, started before."""
    worker = start(debug=False)
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        worker.vault.seal("s3cret", ENDPOINT)
    token = start(debug=True).vault.seal("s3cret", ENDPOINT)
    assert worker.vault.open(token, ENDPOINT) == "s3cret"


def test_outside_debug_mode_no_key_is_made(start, tmp_path):
    """Production without SECRET_KEY stays without one: pages say what to set."""
    assert start(debug=False).config["SECRET_KEY"] is None
    assert not (tmp_path / "instance" / "smtpadmin.key").exists()


def test_a_secret_key_of_the_app_wins(start, tmp_path):
    """An app that has a SECRET_KEY keeps it, and no file is written."""
    assert start(debug=True, SECRET_KEY="its own").config["SECRET_KEY"] == "its own"
    assert not (tmp_path / "instance" / "smtpadmin.key").exists()


def test_a_folder_that_cannot_be_written_is_no_crash(start, tmp_path):
    """Without a place for the key the app starts, and the pages name SECRET_KEY."""
    (tmp_path / "instance").write_text("a file is in the way")
    assert start(debug=True).config["SECRET_KEY"] is None

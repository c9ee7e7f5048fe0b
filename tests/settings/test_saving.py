"""Saving and trying out settings, on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from flask_smtpadmin.core.errors import InvalidSettings, NotFound, SchemaMissing
from flask_smtpadmin.core.settings.sources import variable_name
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.models import build_models
from flask_smtpadmin.storage.settings import Settings
from flask_smtpadmin.storage.vault import Vault

SMTP = {"host": "a.example", "port": "465", "username": "ada", "password": "s3cret"}


def test_saved_values_are_in_force_everywhere(any_place):
    """One process saves, another one sees it with its origin and a new revision."""
    first, second = any_place.settings(), any_place.settings()
    before = second.snapshot()
    server = first.save_server("default", SMTP, preset="fastmail", actor="ada")
    assert (server.host, server.password, server.preset) == ("a.example", "s3cret", "fastmail")
    assert server.fields["host"].origin == "database"
    after = second.snapshot()
    assert after.default == server
    assert after.revision == second.revision() == before.revision + 1
    first.save_server("default", {"host": "b.example", "password": "x", "port": ""})
    assert second.snapshot().default.port == 465
    assert second.snapshot().default.fields["port"].origin == "preset"


def test_servers_come_and_go(any_place):
    """Add, pause, disable, delete; the default server cannot be removed, only emptied."""
    settings = any_place.settings()
    settings.save_server("acme", {}, create=True)
    settings.set_paused("acme", paused=True)
    settings.set_enabled("acme", enabled=False)
    acme = settings.snapshot().servers["acme"]
    assert (acme.paused, acme.enabled, acme.state) == (True, False, "disabled")
    with pytest.raises(InvalidSettings, match="already"):
        settings.save_server("acme", {}, create=True)
    settings.delete_server("acme")
    settings.save_server("default", SMTP)
    settings.delete_server("default")
    assert list(settings.snapshot().servers) == ["default"]
    assert settings.snapshot().default.host == ""
    for key in ("acme", "nosuch"):
        with pytest.raises(NotFound):
            settings.save_server(key, {})


def test_global_values_and_pause(any_place):
    """Queue, retry and retention values are stored, removed and refused by name."""
    settings = any_place.settings()
    settings.save_values({"max_queue": "50", "retention_audit": "keep", "app_name": "Shop"})
    settings.set_paused(None, paused=True)
    snapshot = settings.snapshot()
    assert (snapshot["MAX_QUEUE"], snapshot["RETENTION_AUDIT"], snapshot.paused) == (50, None, True)
    assert snapshot.default.from_name == "Shop"
    settings.save_values({"max_queue": ""})
    settings.set_paused(None, paused=False)
    assert settings.snapshot()["MAX_QUEUE"] == 10_000
    assert not settings.snapshot().paused
    with pytest.raises(InvalidSettings) as caught:
        settings.save_values({"max_queue": "x", "redis_url": "redis://evil"})
    assert [problem.field for problem in caught.value.problems] == ["max_queue", "redis_url"]


def test_changes_at_the_same_time_are_all_counted(any_place):
    """Eight threads on an empty database: no save is lost, each one is a revision."""
    errors = []

    def save(number):
        try:
            any_place.settings().save_server("default", {"port": str(1000 + number)})
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert any_place.settings().revision() == 8


def test_two_selects_make_a_snapshot(place):
    """A load costs two SELECTs, and a fresh enough one is used again until something is saved."""
    settings = place.settings()
    statements = []
    engine = place.database.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    settings.snapshot(max_age=60)
    assert len(statements) == 2
    settings.snapshot(max_age=60)
    assert len(statements) == 2
    settings.save_server("default", {"host": "b.example"})
    assert settings.snapshot(max_age=60).default.host == "b.example"
    settings.set_paused(None, paused=True)
    assert settings.snapshot(max_age=60).paused


def test_a_load_is_cheap(place):
    """Resolving two servers takes well under ten milliseconds, if it is not disturbed."""
    settings = place.settings()
    settings.save_server("default", SMTP)
    settings.save_server("acme", SMTP, create=True)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        settings.snapshot()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


def test_missing_tables_name_the_command(tmp_path):
    """Without the tables, loading and saving say what to run."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    database = Database(lambda: engine, build_models(sa.MetaData()))
    settings = Settings(database, config={}, environ={}, vault=Vault(secret_key="k"))
    with pytest.raises(SchemaMissing, match="flask db upgrade"):
        settings.snapshot()
    with pytest.raises(SchemaMissing):
        settings.save_server("default", SMTP)
    assert settings.boot()["QUEUE_NAME"] == "smtpadmin"
    database.dispose()
    engine.dispose()


def test_nothing_is_saved_when_one_value_is_wrong(place):
    """All or nothing; every wrong field is named at once."""
    settings = place.settings()
    wrong = {"host": "b.example", "port": "x", "from_email": "nobody", "hots": "x"}
    with pytest.raises(InvalidSettings) as caught:
        settings.save_server("default", wrong, preset="nosuch")
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["port", "from_email", "hots", "preset"]
    assert settings.snapshot().default.host == ""
    assert settings.revision() == 0
    with pytest.raises(InvalidSettings, match="a-z, 0-9"):
        settings.save_server("Bad Key", {}, create=True)


@pytest.mark.parametrize("key", ["default", "acme"])
def test_locked_fields_are_ignored_and_kept_underneath(place, key):
    """What the environment sets is left alone; the database value below comes back later."""
    settings = place.settings()
    settings.save_server(key, {"host": "a.example"}, create=key != "default")
    variable = variable_name("SMTPADMIN_", key, "HOST")
    place.environ[variable] = "env.example"
    server = settings.save_server(key, {"host": "evil.example", "port": "26"})
    assert (server.host, server.port) == ("env.example", 26)
    del place.environ[variable]
    assert settings.snapshot().servers[key].host == "a.example"


def test_a_blank_secret_is_kept_and_removed_only_by_name(place):
    """Saving the rest of the form does not lose the password."""
    settings = place.settings()
    settings.save_server("default", SMTP | {"proxy_url": "socks5://u:p@proxy"})
    blank = {"password": "", "proxy_url": None, "from_name": "Ada"}
    server = settings.save_server("default", blank)
    assert (server.password, server.proxy_url) == ("s3cret", "socks5://u:p@proxy")
    server = settings.save_server("default", {}, remove_password=True, remove=["proxy_url"])
    assert (server.password, server.proxy_url) == ("", "")
    assert [problem.field for problem in server.problems] == ["password"]


def test_google_app_password_is_saved_without_spaces(place):
    """The 16 letters are sealed as one word."""
    settings = place.settings()
    values = {"username": "a@gmail.com", "password": "abcd efgh ijkl mnop"}
    server = settings.save_server("default", values, preset="gmail")
    assert (server.host, server.password) == ("smtp.gmail.com", "abcdefghijklmnop")


def test_a_password_needs_its_host(place):
    """A password is bound to a host, so it cannot come first."""
    with pytest.raises(InvalidSettings, match="host"):
        place.settings().save_server("default", {"username": "a", "password": "x"})


def test_a_draft_writes_nothing(place):
    """The server as typed, for a test before saving."""
    settings = place.settings()
    settings.save_server("default", SMTP)
    before = place.rows()
    draft = settings.draft("default", {"from_name": "Eve", "password": "typed"})
    assert (draft.from_name, draft.password, draft.problems) == ("Eve", "typed", ())
    assert settings.draft("default", {"from_name": "Eve"}).password == "s3cret"
    fresh = settings.draft("new", {"host": "n.example", "port": "x"})
    assert (fresh.key, fresh.host, fresh.usable) == ("new", "n.example", False)
    assert place.rows() == before

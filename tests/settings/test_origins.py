"""For every field of a server: environment > database > app.config > preset > default."""

from __future__ import annotations

from typing import Any

import pytest

from flask_smtpadmin.config import EDITABLE, KEYS
from flask_smtpadmin.core.settings import Endpoint
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS
from flask_smtpadmin.core.settings.origins import Stored, StoredServer
from flask_smtpadmin.core.settings.sources import variable_name

#: field -> two texts that can be used, and the value of the first
SAMPLES: dict[str, tuple[str, str, Any]] = {
    "NAME": ("Main", "Other", "Main"),
    "DESCRIPTION": ("one\ntwo", "note", "one\ntwo"),
    "HOST": ("A.example", "b.example", "a.example"),
    "PORT": ("2525", "26", 2525),
    "TLS_MODE": ("STARTTLS", "none", "starttls"),
    "AUTH": ("none", "password", "none"),
    "USERNAME": ("ada", "bob", "ada"),
    "PASSWORD": (" s3cret ", "other", " s3cret "),
    "FROM_EMAIL": ("ada@Example.com", "bob@example.com", "ada@example.com"),
    "FROM_NAME": ("Ada", "Bob", "Ada"),
    "REPLY_TO": ("ada@example.com", "bob@example.com", "ada@example.com"),
    "SUBJECT_PREFIX": ("[A] ", "[B]", "[A] "),
    "HELO_NAME": ("a.example", "b.example", "a.example"),
    "VERIFY_CERT": ("off", "yes", False),
    "CA_FILE": ("/etc/hostname", "/etc/hosts", "/etc/hostname"),
    "CLIENT_CERT_FILE": ("/etc/hostname", "/etc/hosts", "/etc/hostname"),
    "PROXY_URL": ("socks5://u:p@proxy:1080", "http://proxy", "socks5://u:p@proxy:1080"),
    "TIMEOUT": ("12.5", "9", 12.5),
    "DATA_TIMEOUT": ("60", "90", 60.0),
    "ENGINE": ("smtplib", "console", "smtplib"),
    "ENVELOPE_FROM": ("bounce@example.com", "b@example.com", "bounce@example.com"),
    "FORCE_FROM": ("1", "0", True),
    "POOL_SIZE": ("4", "5", 4),
    "MESSAGES_PER_CONNECTION": ("100", "50", 100),
    "IDLE_TIMEOUT": ("0", "12.5", 0.0),
    "PRIORITY": ("7", "8", 7),
    "WEIGHT": ("2", "3", 2),
    "ROUTES": ("Ada@A.Example, b.example", "c.example", ("ada@a.example", "@b.example")),
    "LIMITS": ("per_day=5", "per_day=6", {"per_day": 5}),
    "TEST_ADDRESS": ("ada@example.com", "bob@example.com", "ada@example.com"),
    "REGISTERED_ADDRESSES": (
        "203.0.113.15, 2001:db8::/48",
        "198.51.100.0/24",
        ("203.0.113.15/32", "2001:db8::/48"),
    ),
    "ALLOW_PLAINTEXT_AUTH": ("true", "false", True),
}
KEYS_OF_SERVERS = ("default", "acme_2")
#: presets that give a field a value, and which
FROM_PRESET = {
    "HOST": ("ses:eu-west-1", "email-smtp.eu-west-1.amazonaws.com"),
    "PORT": ("sendgrid", 587),
    "TLS_MODE": ("sendgrid", "starttls"),
    "USERNAME": ("sendgrid", "apikey"),
    "AUTH": ("outlook", "oauth2"),
    "LIMITS": (
        "gmail",
        {"per_day": 500, "recipients_per_message": 100, "message_bytes": 26214400},
    ),
    "POOL_SIZE": ("microsoft365", 3),
    "MESSAGES_PER_CONNECTION": ("sendgrid", 5000),
}


def environment(key, name, text):
    return {variable_name("SMTPADMIN_", key, name): text}


def app_config(key, name, text):
    if key == "default":
        return {f"SMTPADMIN_{name}": text}
    return {"SMTPADMIN_SERVERS": {key: {name.lower(): text}}}


def database(vault, key, name, text, preset=None):
    """Store one value; a password together with the user it needs, sealed for its endpoint."""
    values = {name: text}
    if name == "PROXY_URL":
        values = {name: vault.write(text)}
    if name == "PASSWORD":
        endpoint = Endpoint(key, "h.example", 465, "u", "implicit")
        values = {name: vault.seal(text, endpoint), "HOST": "h.example", "USERNAME": "u"}
    return Stored({f"server:{key}": values}, {key: StoredServer(preset)})


def test_every_field_has_a_sample():
    """A field that is added must be added to this table, too."""
    assert SAMPLES.keys() == SERVER_FIELDS.keys()


@pytest.mark.parametrize("key", KEYS_OF_SERVERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_environment_beats_everything_and_locks(read, vault, name, key):
    """A variable wins over database and app.config, and pages cannot change the field."""
    text, other, value = SAMPLES[name]
    stored = database(vault, key, name, other)
    server = read(environment(key, name, text), app_config(key, name, other), stored).servers[key]
    field = server.fields[name.lower()]
    assert (field.value, field.origin, field.locked) == (value, "environment", True)
    assert field.variable == variable_name("SMTPADMIN_", key, name)
    assert field.stored
    assert getattr(server, name.lower()) == value


@pytest.mark.parametrize("key", KEYS_OF_SERVERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_file_variant_is_read_with_its_last_newline_cut(read, tmp_path, name, key):
    """NAME_FILE names a file whose text is the value, one newline at its end cut off."""
    text, _, value = SAMPLES[name]
    path = tmp_path / "value"
    path.write_text(f"{text}\n")
    variable = variable_name("SMTPADMIN_", key, name) + "_FILE"
    field = read({variable: str(path)}).servers[key].fields[name.lower()]
    assert (field.value, field.origin, field.variable) == (value, "environment", variable)


@pytest.mark.parametrize("key", KEYS_OF_SERVERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_database_beats_app_config(read, vault, name, key):
    """A stored value wins over app.config and can be changed."""
    text, other, value = SAMPLES[name]
    stored = database(vault, key, name, text)
    config = app_config(key, name, other)
    if name == "PASSWORD":
        stored = database(vault, key, name, text)
    field = read({}, config, stored).servers[key].fields[name.lower()]
    assert (field.value, field.origin, field.locked) == (value, "database", False)
    assert (field.variable, field.stored) == (None, True)


@pytest.mark.parametrize("key", KEYS_OF_SERVERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_app_config_beats_the_default(read, name, key):
    """app.config wins where neither environment nor database say anything."""
    text, _, value = SAMPLES[name]
    field = read({}, app_config(key, name, text)).servers[key].fields[name.lower()]
    assert (field.value, field.origin, field.locked) == (value, "app_config", False)
    assert field.variable is not None
    assert name in field.variable.upper()


@pytest.mark.parametrize("name", FROM_PRESET)
def test_a_preset_fills_what_nothing_sets(read, vault, name):
    """A saved preset gives its value, and gives way to app.config."""
    preset, value = FROM_PRESET[name]
    stored = Stored({}, {"default": StoredServer(preset)})
    field = read({}, {}, stored).default.fields[name.lower()]
    assert (field.value, field.origin, field.variable) == (value, "preset", None)
    text, _, own = SAMPLES[name]
    field = read({}, app_config("default", name, text), stored).default.fields[name.lower()]
    assert (field.value, field.origin) == (own, "app_config")


@pytest.mark.parametrize("name", SAMPLES)
def test_empty_means_not_set(read, name):
    """An empty variable, or an empty key, leaves the built-in default."""
    server = read(environment("default", name, ""), app_config("default", name, "")).default
    field = server.fields[name.lower()]
    expected = "site" if name == "FROM_NAME" else SERVER_FIELDS[name].default
    assert (field.value, field.origin, field.variable) == (expected, "default", None)
    assert server.problems == ()


GLOBAL = {
    "MAX_QUEUE": ("5", 5),
    "RETRY_DELAY": ("2.5", 2.5),
    "APP_NAME": ("Shop", "Shop"),
    "RETENTION_SENT": ("keep", None),
    "ON_UNCERTAIN": ("hold", "hold"),
}


@pytest.mark.parametrize("name", GLOBAL)
def test_global_settings_have_the_same_origins(read, name):
    """Queue, retry and retention values follow the same order."""
    text, value = GLOBAL[name]
    stored = Stored({"app": {name: text}})
    variable = f"SMTPADMIN_{name}"
    for places, origin in (
        (({variable: text}, {}, Stored({"app": {name: "9"}})), "environment"),
        (({}, {variable: "9"}, stored), "database"),
        (({}, {variable: text}, None), "app_config"),
    ):
        field = read(*places).values[name]
        assert (field.value, field.origin) == (value, origin)


@pytest.mark.parametrize("name", sorted(KEYS.keys() - {"SERVERS", "ENV_PREFIX"}))
def test_every_key_may_come_from_the_environment(read, name):
    """Each app.config key is a variable too; an unusable one is named and may hold mail."""
    snapshot = (
        read({f"SMTPADMIN_{name}": "\n"})
        if KEYS[name].exact
        else read({f"SMTPADMIN_{name}": "\x07"})
    )
    assert snapshot.values[name].origin == "environment"
    assert [problem.variable for problem in snapshot.problems] == [f"SMTPADMIN_{name}"]
    assert (snapshot.default.state == "misconfigured") is KEYS[name].holds


def test_the_database_cannot_change_what_pages_may_not(read):
    """A row for a key that is not editable counts for nothing."""
    assert "REDIS_URL" not in EDITABLE
    snapshot = read({}, {}, Stored({"app": {"REDIS_URL": "redis://evil"}}))
    assert snapshot["REDIS_URL"] == ""

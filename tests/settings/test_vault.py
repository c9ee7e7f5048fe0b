"""Secrets at rest: bound to their endpoint, opened by every key at hand, shown nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.errors import ConfigurationError, SecretMismatch, SecretUnreadable
from flask_smtpadmin.core.settings import Endpoint
from flask_smtpadmin.storage.vault import Vault

HERE = Endpoint("default", "a.example", 465, "ada", "implicit")
CANARY = "canary-7f3a"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_round_trip(secret):
    """Any text comes back as it was."""
    vault = Vault(secret_key="k")
    assert vault.open(vault.seal(secret, HERE), HERE) == secret


@pytest.mark.parametrize(
    "change",
    [
        {"server": "other"},
        {"host": "evil.example"},
        {"port": 587},
        {"username": "eve"},
        {"tls_mode": "none"},
    ],
)
def test_a_moved_secret_opens_nothing(change):
    """Server, host, port, user name or TLS mode changed: the error names the old endpoint."""
    vault = Vault(secret_key="k")
    token = vault.seal(CANARY, HERE)
    with pytest.raises(SecretMismatch, match=r"password was saved for a\.example:465") as caught:
        vault.open(token, replace(HERE, **change))
    assert caught.value.saved_for == "a.example:465"
    assert CANARY not in str(caught.value)


def test_host_names_are_compared_without_case():
    """A.EXAMPLE is a.example."""
    vault = Vault(secret_key="k")
    assert vault.open(vault.seal("x", replace(HERE, host="A.Example")), HERE) == "x"


@pytest.mark.parametrize(
    ("vault", "advice"),
    [
        (Vault(secret_key="new"), "SECRET_KEY_FALLBACKS"),
        (Vault([Fernet.generate_key().decode()]), "SMTPADMIN_ENCRYPTION_KEYS"),
        (Vault(), "set SECRET_KEY"),
    ],
)
def test_wrong_key_is_a_clear_state(vault, advice):
    """Never a blank password: an error that says what to do."""
    token = Vault(secret_key="old").seal(CANARY, HERE)
    with pytest.raises(SecretUnreadable, match=advice):
        vault.open(token, HERE)


@pytest.mark.parametrize("token", ["", "x", "gAAAA", "ü"])
def test_garbage_is_unreadable(token):
    """A damaged row is no crash."""
    with pytest.raises(SecretUnreadable):
        Vault(secret_key="k").open(token, HERE)


def test_another_secret_of_ours_is_no_password():
    """A token without an endpoint inside opens no sign-in."""
    vault = Vault(secret_key="k")
    with pytest.raises(SecretUnreadable):
        vault.open(vault.write("text"), HERE)


def test_former_keys_decrypt_and_the_first_encrypts():
    """SECRET_KEY_FALLBACKS and later ENCRYPTION_KEYS open old tokens; rotate() renews them."""
    token = Vault(secret_key="old").seal("x", HERE)
    assert Vault(secret_key=b"new", fallbacks=["old"]).open(token, HERE) == "x"
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    old = Vault([first]).seal("x", HERE)
    renewed = Vault([second, first]).rotate(old)
    assert Vault([second]).open(renewed, HERE) == "x"
    with pytest.raises(SecretUnreadable):
        Vault([first]).open(renewed, HERE)


def test_it_says_where_its_key_comes_from():
    """Pages tell a derived key from a given one."""
    assert Vault(secret_key="k").from_derived_key
    assert not Vault([Fernet.generate_key().decode()]).from_derived_key


@pytest.mark.parametrize("keys", ["short", "x" * 44, f"{'A' * 43}=,bad"])
def test_unusable_encryption_keys_are_a_problem(keys):
    """No crash, no fall back to the derived key; the variable is named, the key is not."""
    vault = Vault.from_config({"SECRET_KEY": "k"}, {"SMTPADMIN_ENCRYPTION_KEYS": keys})
    problem = vault.problems[0]
    assert (problem.field, problem.variable) == ("encryption_keys", "SMTPADMIN_ENCRYPTION_KEYS")
    assert keys not in problem.message
    assert not vault.from_derived_key
    with pytest.raises(ConfigurationError):
        vault.seal("x", HERE)


def test_unreadable_key_file_is_a_problem(tmp_path):
    """A key file that is missing never means the derived key."""
    variable = "SMTPADMIN_ENCRYPTION_KEYS_FILE"
    vault = Vault.from_config({"SECRET_KEY": "k"}, {variable: str(tmp_path / "no")})
    assert [problem.variable for problem in vault.problems] == [variable]
    with pytest.raises(SecretUnreadable):
        vault.decrypt(Vault(secret_key="k").encrypt(b"x"))


def test_keys_come_from_app_config_and_files(tmp_path):
    """Newest first, separated by commas or lines."""
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    path = tmp_path / "keys"
    path.write_text("\n".join(keys) + "\n")
    token = Vault([keys[1]]).seal("x", HERE)
    for config, environ in (
        ({"SMTPADMIN_ENCRYPTION_KEYS": keys}, {}),
        ({"SMTPADMIN_ENCRYPTION_KEYS": ",".join(keys)}, {}),
        ({}, {"SMTPADMIN_ENCRYPTION_KEYS_FILE": str(path)}),
    ):
        assert Vault.from_config(config, environ).open(token, HERE) == "x"

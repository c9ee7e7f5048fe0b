"""Secrets at rest: encrypted with Fernet, each bound to the endpoint it was typed for.

Fernet has no associated data, so the endpoint stands inside the encrypted JSON and is compared at
use: a token that was copied to another row, or whose host was changed underneath, opens nothing.
The first key encrypts, every key decrypts (``MultiFernet``).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flask_smtpadmin.core.audit import Keyring
from flask_smtpadmin.core.errors import ConfigurationError, SecretMismatch, SecretUnreadable
from flask_smtpadmin.core.settings import Endpoint, Problem
from flask_smtpadmin.core.words import mark, said
from flask_smtpadmin.storage.surroundings import read_boot

_INFO: Final = b"flask-smtpadmin vault 1"
_AUDIT_INFO: Final = b"flask-smtpadmin audit 1"
_NO_KEY: Final = mark(
    "There is no key to encrypt secrets with: set SECRET_KEY or SMTPADMIN_ENCRYPTION_KEYS."
)


class Vault:
    """Seals and opens secrets with the keys at hand.

    Args:
        keys: Fernet keys, newest first.
        secret_key: ``SECRET_KEY``, from which a key is derived when ``keys`` is empty; or a
            function that is asked for one until it has one.
        fallbacks: ``SECRET_KEY_FALLBACKS``, derived too, to decrypt only.
        variable: where ``keys`` came from, for problems.
        problems: why ``keys`` could not be read at all.

    Keys that cannot be used never raise here: they are in ``problems``, and with them nothing is
    encrypted or decrypted.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        *,
        secret_key: str | bytes | Callable[[], str | None] | None = None,
        fallbacks: Iterable[str | bytes] = (),
        variable: str | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        given = tuple(keys)
        self.problems = problems
        #: Whether the key comes from SECRET_KEY; pages say so.
        self.from_derived_key = not given and not problems
        fernets: list[Fernet] = []
        if given and not problems:
            fernets, self.problems = _read_keys(given, variable)
        elif secret_key and not callable(secret_key) and not problems:
            fernets = [_derived(key) for key in (secret_key, *fallbacks) if key]
        self._known = MultiFernet(fernets) if fernets else None
        self._material: tuple[str | bytes, ...] = ()
        if fernets:
            late = () if callable(secret_key) else (secret_key, *fallbacks)
            self._material = tuple(key for key in given or late if key)
        self._late_key = secret_key if callable(secret_key) and self.from_derived_key else None
        self._given: dict[str, Any] = {}
        self._read: Callable[[], dict[str, Any]] | None = None

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        environ: Mapping[str, str] = os.environ,
        *,
        late_key: Callable[[], str | None] | None = None,
    ) -> Vault:
        """Return the vault of an app: its keys from the environment or ``app.config``.

        ``late_key`` is asked for a key while there is no ``SECRET_KEY`` either.
        """
        return cls._reading(partial(_given, config, environ, late_key))

    @classmethod
    def _reading(cls, read: Callable[[], dict[str, Any]]) -> Vault:
        given = read()
        vault = cls(**given)
        vault._given, vault._read = given, read
        return vault

    def renewed(self) -> Vault:
        """Return this vault, or another one when the keys that it was made from have changed.

        A key file may be rotated, or missing for a while, under a process that runs for weeks.
        """
        if self._read is None or self._read() == self._given:
            return self
        return self._reading(self._read)

    def __repr__(self) -> str:
        return f"<Vault from_derived_key={self.from_derived_key}>"

    @property
    def _fernet(self) -> MultiFernet | None:
        if self._known is None and self._late_key is not None and (key := self._late_key()):
            self._known = MultiFernet([_derived(key)])
            self._material = (key,)
        return self._known

    def seal(self, secret: str, endpoint: Endpoint) -> str:
        """Return ``secret`` encrypted, to be opened for ``endpoint`` only.

        Raises:
            ConfigurationError: there is no usable key.
        """
        content = {"value": secret, **_parts(endpoint)}
        return self.encrypt(json.dumps(content).encode()).decode()

    def open(self, token: str, endpoint: Endpoint) -> str:
        """Return the secret that was sealed for ``endpoint``.

        Raises:
            SecretUnreadable: no key at hand opens it.
            SecretMismatch: it was sealed for another endpoint.
        """
        try:
            content = json.loads(self.decrypt(token.encode()))
            sealed = {name: content[name] for name in _parts(endpoint)}
            value = content["value"]
        except (ValueError, KeyError, TypeError):
            raise SecretUnreadable(self._advice()) from None
        now = _parts(endpoint)
        if sealed != now:
            raise SecretMismatch(
                _moved(sealed, now), saved_for=f"{sealed['host']}:{sealed['port']}"
            )
        return str(value)

    def write(self, text: str) -> str:
        """Return ``text`` encrypted, bound to nothing."""
        return self.encrypt(text.encode()).decode()

    def read(self, token: str) -> str:
        """Return a text that :meth:`write` encrypted; raises SecretUnreadable."""
        return self.decrypt(token.encode()).decode()

    def encrypt(self, content: bytes) -> bytes:
        """Return ``content`` as a Fernet token made with the newest key."""
        if self._fernet is None:
            raise self._no_key()
        return self._fernet.encrypt(content)

    def decrypt(self, token: bytes) -> bytes:
        """Return what a token holds, whichever of the keys made it.

        Raises:
            SecretUnreadable: no key at hand opens it.
        """
        if self._fernet is None:
            raise SecretUnreadable(self._no_key().args[0])
        try:
            return self._fernet.decrypt(token)
        except InvalidToken:
            raise SecretUnreadable(self._advice()) from None

    def rotate(self, token: str) -> str:
        """Return the same secret encrypted with the newest key; raises SecretUnreadable."""
        if self._fernet is None:
            raise self._no_key()
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(self._advice()) from None

    def audit_keys(self) -> Keyring:
        """Return the keys that sign the audit trail, one made from each key at hand."""
        if self._fernet is None:
            return Keyring()
        return Keyring(tuple(_expanded(key, _AUDIT_INFO) for key in self._material))

    def _no_key(self) -> ConfigurationError:
        if self.problems:
            first = self.problems[0]
            return ConfigurationError(first.message, field=first.field, variable=first.variable)
        return ConfigurationError(_NO_KEY, field="encryption_keys")

    def _advice(self) -> str:
        if self.from_derived_key:
            return mark(
                "The saved password was encrypted with a key that is no longer configured: put the "
                "former SECRET_KEY into SECRET_KEY_FALLBACKS, or type the password again."
            )
        return mark(
            "The saved password was encrypted with a key that is no longer configured: put the "
            "former key behind the new one in SMTPADMIN_ENCRYPTION_KEYS, or type the password "
            "again."
        )


def _given(
    config: Mapping[str, Any], environ: Mapping[str, str], late_key: Callable[[], str | None] | None
) -> dict[str, Any]:
    """Return the arguments that make the vault of an app, as its configuration is now."""
    boot = read_boot(config, environ)
    keys = boot.values["ENCRYPTION_KEYS"]
    return {
        "keys": keys.value,
        "secret_key": config.get("SECRET_KEY") or late_key,
        "fallbacks": tuple(config.get("SECRET_KEY_FALLBACKS") or ()),
        "variable": keys.variable,
        "problems": tuple(item for item in boot.problems if item.field == "encryption_keys"),
    }


def _parts(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "server": endpoint.server,
        "host": endpoint.host.lower(),
        "port": endpoint.port,
        "username": endpoint.username,
        "tls_mode": endpoint.tls_mode,
    }


def _read_keys(
    keys: tuple[str, ...], variable: str | None
) -> tuple[list[Fernet], tuple[Problem, ...]]:
    fernets = []
    for number, key in enumerate(keys, start=1):
        try:
            fernets.append(Fernet(key))
        except ValueError:  # binascii.Error is one
            text = said(
                "Key %(number)s of %(count)s in SMTPADMIN_ENCRYPTION_KEYS is not a Fernet key (32 "
                "bytes in URL-safe base64). Make one with: %(command)s.",
                number=number,
                count=len(keys),
                command="python -c 'from cryptography.fernet import Fernet; "
                "print(Fernet.generate_key().decode())'",
            )
            return [], (Problem("encryption_keys", variable, text),)
    return fernets, ()


def _derived(secret: str | bytes) -> Fernet:
    """Return the Fernet key that is made of a SECRET_KEY."""
    return Fernet(base64.urlsafe_b64encode(_expanded(secret, _INFO)))


def _expanded(secret: str | bytes, purpose: bytes) -> bytes:
    """Return the 32 bytes that HKDF (RFC 5869) makes of a key for one purpose."""
    material = secret.encode() if isinstance(secret, str) else secret
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(material)


def _moved(sealed: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    changes = "; ".join(_changes(sealed, now))
    return said(
        "The password was saved for %(host)s:%(port)s, and the server changed since (%(changes)s). "
        "Type the password again, or set it where the change was made.",
        host=sealed["host"],
        port=sealed["port"],
        changes=changes,
    )


def _changes(sealed: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in now:
        if sealed[name] != now[name]:
            was, is_now = sealed[name] or "none", now[name] or "none"
            yield f"{name.replace('_', ' ')} was {was}, is {is_now}"

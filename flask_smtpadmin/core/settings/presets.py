"""Presets: what is known about mail providers, from ``data/presets.json``.

A preset that was saved for a server gives values to the fields that nothing else sets. Its key may
name a region too: ``"ses:eu-west-1"``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.settings import TLSMode

Way = Literal["anonymous", "password", "oauth2"]
_POOL_SIZE: Final = 10

#: What goes into the user name field.
USERNAMES: Final[Mapping[str, str]] = {
    "address": "Your full e-mail address there",
    "account": "The SMTP user name that the provider shows you",
    "literal": "A fixed word, the same for everyone",
    "same": "The same token as the password",
    "any": "Any text; your account's address is usual",
    "none": "Leave it empty",
}
#: What goes into the password field.
PASSWORDS: Final[Mapping[str, str]] = {
    "password": "The mailbox's or account's password",
    "app_password": "An app password made for this app, not the account's own",
    "authorization_code": "The authorization code from the mailbox's settings, not its password",
    "client_password": "The password for other mail clients, from the mailbox's settings",
    "api_key": "An API key with the right to send",
    "api_key_secret": "The secret half of the API key",
    "smtp_key": "The SMTP key; it differs from the API key",
    "smtp_password": "The password that belongs to the SMTP user, not the console's",
    "smtp_token": "The SMTP token made for this sender",
    "none": "Leave it empty",
}


@dataclass(frozen=True, slots=True)
class PresetPort:
    """A port that the provider listens on, and how TLS starts there."""

    port: int
    tls_mode: TLSMode

    def document(self) -> dict[str, Any]:
        """Return ``{"port", "tls_mode"}``."""
        return {"port": self.port, "tls_mode": self.tls_mode}


@dataclass(frozen=True, slots=True)
class Region:
    """One of several hosts of a provider; ``username`` None: as in the preset."""

    key: str
    name: str
    host: str
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One provider.

    ``host`` may hold a ``{placeholder}``, then a region or the user says it. ``ways`` are the ways
    to be let in; ``username`` is a fixed word such as ``apikey``, or "". ``limits`` as in LIMITS.
    """

    key: str
    name: str
    category: Literal["mailbox", "esp", "relay", "local", "custom"]
    host: str
    ports: tuple[PresetPort, ...]
    recommended: PresetPort
    regions: tuple[Region, ...]
    ways: tuple[Way, ...]
    username: str
    username_kind: str
    password_kind: str
    limits: Mapping[str, int] = field(default_factory=dict)
    docs_url: str = ""

    @property
    def username_hint(self) -> str:
        """One line about the user name."""
        return self.username or USERNAMES[self.username_kind]

    @property
    def password_hint(self) -> str:
        """One line about the password."""
        return PASSWORDS[self.password_kind]

    def region(self, key: str) -> Region | None:
        """Return the region of that key, or None."""
        return next((region for region in self.regions if region.key == key), None)

    def values(self, region: str = "") -> dict[str, Any]:
        """Return what the preset gives, by upper-case field; port and TLS mode apart."""
        chosen = self.region(region)
        host = chosen.host if chosen else self.host
        username = self.username
        if chosen and chosen.username is not None:
            username = chosen.username
        pool = min(_POOL_SIZE, self.limits.get("connections", _POOL_SIZE))
        found = {
            "HOST": "" if "{" in host else host,
            "USERNAME": username,
            "AUTH": "oauth2" if self.ways == ("oauth2",) else "",
            "LIMITS": dict(self.limits),
            "POOL_SIZE": pool if pool < _POOL_SIZE else "",
            "MESSAGES_PER_CONNECTION": self.limits.get("messages_per_connection", ""),
        }
        return {name: value for name, value in found.items() if value not in ("", {})}

    def pair(self, port: int | None, tls_mode: TLSMode | None) -> PresetPort | None:
        """Return the port that fits what is already set; None when the preset has none."""
        if port is None and tls_mode is None:
            return self.recommended
        for offer in self.ports:
            if port in (None, offer.port) and tls_mode in (None, offer.tls_mode):
                return offer
        return None

    def document(self) -> dict[str, Any]:
        """Return it as ``flask smtp presets --json`` shows it."""
        return {
            "key": self.key,
            "name": self.name,
            "category": self.category,
            "host": self.host,
            "ports": [port.document() for port in self.ports],
            "recommended": self.recommended.document(),
            "regions": [{"key": r.key, "name": r.name, "host": r.host} for r in self.regions],
            "sign_in": list(self.ways),
            "username": self.username_hint,
            "password": self.password_hint,
            "limits": dict(self.limits),
            "docs_url": self.docs_url,
        }


@cache
def presets() -> Mapping[str, Preset]:
    """Return all presets by key, in the order of the file."""
    text = files("flask_smtpadmin.core").joinpath("data/presets.json").read_text("utf-8")
    return MappingProxyType({row["key"]: _preset(row) for row in json.loads(text)})


def find_preset(key: str) -> tuple[Preset, str]:
    """Return the preset and the region that ``key`` names, ``"ses:eu-west-1"`` or ``"gmail"``.

    Raises:
        NotFound: there is no such preset, or it has no such region.
    """
    name, _, region = key.partition(":")
    preset = presets().get(name)
    if preset is None or (region and preset.region(region) is None):
        raise NotFound("preset", key)
    return preset, region


def preset_ports() -> frozenset[int]:
    """Return every port that some preset uses."""
    return frozenset(_every_port())


def _every_port() -> Iterator[int]:
    for preset in presets().values():
        yield from (offer.port for offer in preset.ports)


def _preset(row: dict[str, Any]) -> Preset:
    return Preset(
        **row
        | {
            "ports": tuple(PresetPort(**port) for port in row["ports"]),
            "recommended": PresetPort(**row["recommended"]),
            "regions": tuple(Region(**region) for region in row["regions"]),
            "ways": tuple(row["ways"]),
            "limits": MappingProxyType(row["limits"]),
        }
    )

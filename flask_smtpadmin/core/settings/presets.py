"""Presets: what is known about mail providers, from ``data/presets/*.json``.

A preset that was saved for a server gives values to the fields that nothing else sets. Its key may
name a region too: ``"ses:eu-west-1"``. Providers are found by what people call them, by host, by
the domain of an address and by the MX host of a domain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.settings.preset import (
    PASSWORDS,
    USERNAMES,
    OldHost,
    Preset,
    PresetPort,
    Region,
    fits,
    preset_from,
)
from flask_smtpadmin.core.words import mark, said

__all__ = [
    "PASSWORDS",
    "USERNAMES",
    "Match",
    "Preset",
    "PresetPort",
    "Region",
    "find_preset",
    "old_host",
    "preset_of_domain",
    "preset_of_host",
    "preset_of_mx",
    "preset_ports",
    "presets",
    "search",
]

#: One file for each kind of provider, in the order in which they are shown.
_FILES: Final = ("mailbox", "esp", "relay", "other")


@dataclass(frozen=True, slots=True)
class Match:
    """A provider that was looked for; ``why`` says what of it matched, "" for all of them.

    ``now`` is the sentence that says what replaced the old word or host that was asked for.
    """

    preset: Preset
    region: str = ""
    why: str = ""
    now: str = ""

    @property
    def key(self) -> str:
        """The key to choose it by, with the region where one was meant."""
        return f"{self.preset.key}:{self.region}" if self.region else self.preset.key


@cache
def presets() -> Mapping[str, Preset]:
    """Return all presets by key, mailboxes first, each kind in the order of its file."""
    folder = files("flask_smtpadmin.core").joinpath("data/presets")
    rows: list[dict[str, Any]] = []
    for name in _FILES:
        rows += json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
    return MappingProxyType({row["key"]: preset_from(row) for row in rows})


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
    return frozenset(offer.port for preset in presets().values() for offer in preset.ports)


def search(text: str) -> list[Match]:
    """Return the providers that ``text`` may mean, the best first; all of them for "".

    It may be a name or key, an old or other word, a host, an address or its domain, or some words
    of these. Who matches as a whole stands before who merely contains it.
    """
    wanted = " ".join(text.split()).casefold()
    if not wanted:
        return [Match(preset) for preset in presets().values()]
    name = wanted.rpartition("@")[2].rstrip(".")
    ranked: list[tuple[int, Match]] = []
    for preset in presets().values():
        exact = next(_exact(preset, wanted, name), None)
        loose = exact or next(_loose(preset, wanted.split()), None)
        if loose is not None:
            ranked.append((0 if exact else 1, loose))
    return [match for _, match in sorted(ranked, key=lambda item: item[0])]


def preset_of_domain(domain: str) -> tuple[Preset, str] | None:
    """Return the mailbox provider whose addresses end in ``domain``, and the region or ""."""
    return _by_suffix(domain, lambda preset: preset.email_domains)


def preset_of_mx(host: str) -> tuple[Preset, str] | None:
    """Return the provider that an MX host belongs to, and the region or "".

    The longest suffix decides, mailbox providers before sending services: the MX tells who
    receives a domain's mail, which is not always who sends it.
    """
    return _by_suffix(host, lambda preset: (*preset.mx_suffixes, *preset.mx_unverified))


def preset_of_host(host: str) -> tuple[Preset, str] | None:
    """Return the provider that a mail server's host belongs to, old ones included, and region."""
    wanted = _plain(host)
    for preset in presets().values():
        if preset.has_host(wanted):
            return preset, _named_region(preset, wanted)
    return None


def old_host(host: str) -> OldHost | None:
    """Return what is known about a host that only older guides name, or None."""
    wanted = _plain(host)
    every = (item for preset in presets().values() for item in preset.old_hosts)
    return next((item for item in every if item.host == wanted), None)


def _plain(host: str) -> str:
    return host.strip().rstrip(".").casefold()


def _named_region(preset: Preset, host: str) -> str:
    return next((region.key for region in preset.regions if region.host == host), "")


def _by_suffix(name: str, suffixes: Callable[[Preset], Iterable[str]]) -> tuple[Preset, str] | None:
    wanted = _plain(name)
    found = [
        (preset.category == "mailbox", len(suffix), preset)
        for preset in presets().values()
        for suffix in suffixes(preset)
        if _ends(wanted, suffix)
    ]
    if not found:
        return None
    preset = max(found, key=lambda item: item[:2])[2]
    for region in preset.regions:
        if any(_ends(wanted, suffix) for suffix in region.suffixes):
            return preset, region.key
    return preset, ""


def _ends(name: str, suffix: str) -> bool:
    return name == suffix or name.endswith("." + suffix)


def _exact(preset: Preset, wanted: str, name: str) -> Iterator[Match]:
    """Yield what of ``preset`` is just what was asked for: ``name`` is a host or domain."""
    if wanted in (preset.key.casefold(), preset.name.casefold()):
        yield Match(preset, why=mark("name"))
    for alias in preset.aliases:
        if wanted == alias.name.casefold():
            yield Match(preset, why=said("also called %(name)s", name=alias.name), now=alias.now)
    for old in preset.old_hosts:
        if name == old.host:
            yield Match(preset, why=said("old host %(name)s", name=old.host), now=old.now)
    for host, region in preset.hosts():
        if fits(host, name):
            key = _named_region(preset, name) or region
            yield Match(preset, key if preset.region(key) else "", f"host {name}")
    fit = _ends if "@" in wanted else str.__eq__  # the host of one is often below another's domain
    if any(fit(name, domain) for domain in preset.email_domains):
        place = preset_of_domain(name)
        yield Match(preset, place[1] if place and place[0] is preset else "", f"addresses @{name}")


def _loose(preset: Preset, words: list[str]) -> Iterator[Match]:
    """Yield what of ``preset`` contains every word, the most telling part first."""
    if _holds((preset.key, preset.name), words):
        yield Match(preset, why=mark("name"))
    for alias in preset.aliases:
        if _holds((alias.name, preset.name), words):
            yield Match(preset, why=said("also called %(name)s", name=alias.name), now=alias.now)
    for host, _region in preset.hosts():
        if _holds((host,), words):
            yield Match(preset, why=said("host %(name)s", name=host))
    for old in preset.old_hosts:
        if _holds((old.host,), words):
            yield Match(preset, why=said("old host %(name)s", name=old.host), now=old.now)
    for domain in preset.email_domains:
        if _holds((domain,), words):
            yield Match(preset, why=said("addresses @%(name)s", name=domain))


def _holds(parts: Iterable[str], words: list[str]) -> bool:
    text = " ".join(parts).casefold()
    begun = (*text.split(), *re.split(r"[\s./()@-]+", text))
    return all(any(part.startswith(word) for part in begun) for word in words)

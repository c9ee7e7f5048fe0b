"""One mail provider: where its server is, how it lets people in, and what it asks of the sender."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from flask_smtpadmin.core.settings import TLSMode
from flask_smtpadmin.core.words import mark, mark_n, said, said_n

Way = Literal["anonymous", "password", "oauth2"]
Category = Literal["mailbox", "esp", "relay", "local", "custom"]
#: What the From address must be: ``login``: the address that signs in, nothing else; ``own``: that
#: or an alias confirmed there; ``domain``: of the account's domain; ``verified``: a sender or
#: domain verified at the provider; ``any``.
FromKind = Literal["login", "own", "domain", "verified", "any"]
_POOL_SIZE: Final = 10
_MIB: Final = 1 << 20
_PLACEHOLDER: Final = re.compile(r"\\\{[^}]*\\\}")
_LOOK_IT_UP: Final = mark("As the provider's own guide says")

#: What goes into the user name field.
USERNAMES: Final[Mapping[str, str]] = {
    "address": mark("Your full e-mail address there"),
    "account": mark("The SMTP user name that the provider shows you"),
    "literal": mark("A fixed word, the same for everyone"),
    "same": mark("The same token as the password"),
    "any": mark("Any text; your account's address is usual"),
    "none": mark("Leave it empty"),
}
#: What goes into the password field.
PASSWORDS: Final[Mapping[str, str]] = {
    "password": mark("The mailbox's or account's password"),
    "app_password": mark("An app password made for this app, not the account's own"),
    "authorization_code": mark(
        "The authorization code from the mailbox's settings, not its password"
    ),
    "client_password": mark("The password for other mail clients, from the mailbox's settings"),
    "api_key": mark("An API key with the right to send"),
    "api_key_secret": mark("The secret half of the API key"),
    "smtp_key": mark("The SMTP key; it differs from the API key"),
    "smtp_password": mark("The password that belongs to the SMTP user, not the console's"),
    "smtp_token": mark("The SMTP token made for this sender"),
    "none": mark("Leave it empty"),
}


@dataclass(frozen=True, slots=True)
class PresetPort:
    """A port that the provider listens on, and how TLS starts there.

    ``unverified``: not confirmed by the provider's own pages, so it is used but not shown.
    """

    port: int
    tls_mode: TLSMode
    unverified: bool = False

    def document(self) -> dict[str, Any]:
        """Return ``{"port", "tls_mode"}``, with ``"unverified": true`` where it is."""
        found: dict[str, Any] = {"port": self.port, "tls_mode": self.tls_mode}
        return found | ({"unverified": True} if self.unverified else {})


@dataclass(frozen=True, slots=True)
class Region:
    """One of several hosts of a provider; ``username`` None: as in the preset.

    ``suffixes`` are the e-mail domains and MX hosts that belong to this region; ``old``: the
    host has a newer name.
    """

    key: str
    name: str
    host: str
    username: str | None = None
    suffixes: tuple[str, ...] = ()
    old: bool = False
    unverified: bool = False

    def document(self) -> dict[str, Any]:
        """Return ``{"key", "name", "host"}``, with ``"unverified": true`` where it is."""
        found: dict[str, Any] = {"key": self.key, "name": self.name, "host": self.host}
        return found | ({"unverified": True} if self.unverified else {})


@dataclass(frozen=True, slots=True)
class FromRule:
    """Which From addresses the provider takes; ``text`` says it in a sentence."""

    kind: FromKind
    text: str


@dataclass(frozen=True, slots=True)
class Alias:
    """Another word for a provider; ``note`` says what replaced an old one, else ""."""

    name: str
    note: str = ""

    @property
    def now(self) -> str:
        """The note with the word it is about; "" for a word of today."""
        return said("%(name)s: %(note)s", name=self.name, note=said(self.note)) if self.note else ""


@dataclass(frozen=True, slots=True)
class OldHost:
    """A host of older guides; ``note`` is the sentence that says what took its place."""

    host: str
    note: str

    @property
    def now(self) -> str:
        """The note with the host it is about."""
        return said(
            "%(host)s is a host of older guides. %(note)s", host=self.host, note=said(self.note)
        )


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the provider's."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What ended or will end; ``date`` is ISO 8601 down to year, month or day, or None."""

    date: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One provider.

    ``host`` may hold a ``{placeholder}``, then a region or the user says it. ``ways`` are the ways
    to be let in; ``username`` is a fixed word such as ``apikey``, or "". ``limits`` as in LIMITS,
    ``limit_notes`` are those that depend on plan or account. ``mx_unverified`` are MX suffixes
    good enough to try something, not to claim it. ``unverified`` names parts of the whole entry
    that the provider's pages did not confirm: ``all`` or ``sign_in``.
    """

    key: str
    name: str
    category: Category
    host: str
    ports: tuple[PresetPort, ...]
    recommended: PresetPort
    regions: tuple[Region, ...] = ()
    ways: tuple[Way, ...]
    username: str = ""
    username_kind: str
    password_kind: str
    username_text: str = ""
    password_text: str = ""
    from_rule: FromRule
    steps: tuple[str, ...] = ()
    docs_url: str = ""
    links: tuple[Link, ...] = ()
    deprecations: tuple[Deprecation, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    limit_notes: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()
    mx_suffixes: tuple[str, ...] = ()
    mx_unverified: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    old_hosts: tuple[OldHost, ...] = ()
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether the entry as a whole was confirmed by the provider's pages."""
        return "all" not in self.unverified

    @property
    def shown_ports(self) -> tuple[PresetPort, ...]:
        """The ports that may be told as a fact."""
        return tuple(offer for offer in self.ports if not offer.unverified)

    @property
    def shown_regions(self) -> tuple[Region, ...]:
        """The regions that may be offered, old names left out."""
        return tuple(item for item in self.regions if not (item.unverified or item.old))

    @property
    def username_hint(self) -> str:
        """One line about the user name."""
        if self.unverified:
            return _LOOK_IT_UP
        return self.username_text or self.username or USERNAMES[self.username_kind]

    @property
    def password_hint(self) -> str:
        """One line about the password."""
        if self.unverified:
            return _LOOK_IT_UP
        return self.password_text or PASSWORDS[self.password_kind]

    @property
    def words(self) -> str:
        """Everything that it may be looked for by, in lower case."""
        parts = [self.key, self.name, *(alias.name for alias in self.aliases), *self.email_domains]
        parts += [host for host, _ in self.hosts()] + [old.host for old in self.old_hosts]
        return " ".join(parts).casefold()

    @property
    def limit_lines(self) -> tuple[str, ...]:
        """The limits as people say them, one a line."""
        return (*_limit_lines(self.limits), *self.limit_notes)

    def region(self, key: str) -> Region | None:
        """Return the region of that key, or None."""
        return next((region for region in self.regions if region.key == key), None)

    def hosts(self) -> Iterator[tuple[str, str]]:
        """Yield each host with its region's key, the provider's own first ("")."""
        if self.host:
            yield self.host, ""
        yield from ((region.host, region.key) for region in self.regions)

    def has_host(self, host: str) -> bool:
        """Say whether ``host`` (lower case) is one of its hosts, {placeholders} filled in."""
        old = any(item.host == host for item in self.old_hosts)
        return old or any(fits(known, host) for known, _ in self.hosts())

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
            "recommended": {
                "port": self.recommended.port,
                "tls_mode": self.recommended.tls_mode,
            },
            "regions": [region.document() for region in self.regions],
            "sign_in": list(self.ways),
            "username": self.username_hint,
            "username_value": self.username or None,
            "password": self.password_hint,
            "from_rule": {"kind": self.from_rule.kind, "text": self.from_rule.text},
            "steps": list(self.steps),
            "limits": dict(self.limits),
            "limit_notes": list(self.limit_notes),
            "docs_url": self.docs_url,
            "links": [{"title": link.title, "url": link.url} for link in self.links],
            "deprecations": [{"date": d.date, "text": d.text} for d in self.deprecations],
            "email_domains": list(self.email_domains),
            "mx_suffixes": list(self.mx_suffixes),
            "aliases": [{"name": a.name, "note": a.note} for a in self.aliases],
            "old_hosts": [{"host": o.host, "note": o.note} for o in self.old_hosts],
            "errors": list(self.errors),
            "notes": list(self.notes),
            "unverified": list(self.unverified),
        }


def preset_from(row: Mapping[str, Any]) -> Preset:
    """Return the preset that one object of the data files describes."""
    made: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    for name, kind in _PARTS.items():
        made[name] = tuple(kind(**_frozen(item)) for item in row.get(name, ()))
    made["recommended"] = next(p for p in made["ports"] if p.port == row["recommended"])
    made["from_rule"] = FromRule(**row["from_rule"])
    made["limits"] = MappingProxyType(row.get("limits", {}))
    return Preset(**made)


def fits(pattern: str, host: str) -> bool:
    """Say whether ``host`` is ``pattern``, each {placeholder} of which stands for some text."""
    if "{" not in pattern:
        return pattern == host
    return re.fullmatch(_PLACEHOLDER.sub("[a-z0-9.-]+", re.escape(pattern)), host) is not None


#: Lists of objects in the data files, and what each object becomes.
_PARTS: Final[Mapping[str, type]] = {
    "ports": PresetPort,
    "regions": Region,
    "links": Link,
    "deprecations": Deprecation,
    "aliases": Alias,
    "old_hosts": OldHost,
}


def _frozen(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in item.items()}


def _limit_lines(limits: Mapping[str, int]) -> Iterator[str]:
    for name, number in limits.items():
        if name == "message_bytes":
            yield said("%(size)s MiB a message, attachments encoded", size=f"{number / _MIB:g}")
        else:
            yield said_n(*_LIMITS[name], number)


#: What a provider's limit says, by its name.
_LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "per_second": mark_n("%(count)s message a second", "%(count)s messages a second"),
    "per_minute": mark_n("%(count)s message a minute", "%(count)s messages a minute"),
    "per_hour": mark_n("%(count)s message a hour", "%(count)s messages a hour"),
    "per_day": mark_n("%(count)s message a day", "%(count)s messages a day"),
    "per_month": mark_n("%(count)s message a month", "%(count)s messages a month"),
    "recipients_per_second": mark_n(
        "%(count)s recipient a second", "%(count)s recipients a second"
    ),
    "recipients_per_minute": mark_n(
        "%(count)s recipient a minute", "%(count)s recipients a minute"
    ),
    "recipients_per_hour": mark_n("%(count)s recipient a hour", "%(count)s recipients a hour"),
    "recipients_per_day": mark_n("%(count)s recipient a day", "%(count)s recipients a day"),
    "recipients_per_month": mark_n("%(count)s recipient a month", "%(count)s recipients a month"),
    "recipients_per_message": mark_n(
        "%(count)s recipient a message", "%(count)s recipients a message"
    ),
    "messages_per_connection": mark_n(
        "%(count)s message a connection", "%(count)s messages a connection"
    ),
    "connections": mark_n("%(count)s connection at a time", "%(count)s connections at a time"),
}

"""What a setting is, where its value came from, and the server that the values make up.

Values only; the resolution (first hit wins) stands in
:mod:`flask_smtpadmin.core.settings.resolve`, the list of fields in
:mod:`flask_smtpadmin.core.settings.fields`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from flask_smtpadmin.core.states import ServerState

Origin = Literal["environment", "database", "app_config", "preset", "default"]
Kind = Literal[
    "str",
    "note",
    "int",
    "float",
    "bool",
    "choice",
    "list",
    "routes",
    "allowed",
    "networks",
    "email",
    "host",
    "path",
    "url",
    "prefix",
    "limits",
    "colour",
    "days",
    "mode",
    "policy",
    "ports",
    "servers",
]
TLSMode = Literal["implicit", "starttls", "none"]
Auth = Literal["none", "password", "oauth2"]
Engine = Literal["aiosmtplib", "smtplib", "console", "file", "memory"]

#: Engines that connect to nothing: no host, no sign-in.
LOCAL_ENGINES: Final = frozenset({"console", "file", "memory"})
#: Fields that change nothing about how mail is sent; left out of the fingerprint.
_NOTES: Final = frozenset({"name", "description", "test_address", "registered_addresses"})


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting: its name, how it is read, its default and its one line of help.

    ``name`` is upper case without prefix (``"HOST"``); form fields use ``name.lower()``.
    ``editable`` says whether pages may change it; ``environment`` whether a variable may.
    ``choices`` are the values of a choice, or the schemes of a URL. ``exact`` keeps surrounding
    spaces. ``holds`` says whether mail waits while the value cannot be used: not where it changes
    nothing about which mail goes where and how. Times are in seconds, ``days`` in days.
    """

    name: str
    kind: Kind
    default: Any
    doc: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 255
    secret: bool = False
    exact: bool = False
    editable: bool = True
    environment: bool = True
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value cannot be used: ``field`` (lower case), ``variable`` it came from, sentence."""

    field: str
    variable: str | None
    message: str

    def document(self) -> dict[str, str | None]:
        """Return it as the JSON of pages and CLI shows it."""
        return {"field": self.field, "variable": self.variable, "message": self.message}


@dataclass(frozen=True, slots=True)
class Field:
    """The effective value of one setting.

    ``variable`` names the environment variable (or app.config key) that gave it; ``locked``
    fields come from the environment and cannot be changed on a page. ``stored`` says that the
    database holds a value too, be it in use or underneath. ``given`` is the text of a value that
    cannot be used (never of a secret); ``value`` is the default then. The value of a secret is
    never shown: pages ask ``is_set``.
    """

    name: str
    value: Any = field(repr=False)
    origin: Origin
    variable: str | None = None
    locked: bool = False
    secret: bool = False
    stored: bool = False
    given: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is a value at all."""
        return self.value not in (None, "", (), [], {})

    def shown(self) -> Any:
        """Return the value as JSON may show it: a secret only as ``{"set": bool}``."""
        if self.secret:
            return {"set": self.is_set or self.stored}
        if self.given is not None:
            return self.given
        return "callable" if callable(self.value) else self.value


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a secret is bound to (RELIABILITY: credential pass-back)."""

    server: str
    host: str
    port: int
    username: str
    tls_mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One mail server with its effective settings; times in seconds.

    ``problems`` non-empty: it is misconfigured and its mail waits. ``warnings`` hold nothing up.
    ``host`` empty: nothing was set up yet. ``fields`` by lower-case name. ``health`` is what the
    workers saw last, ``reason`` why it is not well, in the server's words where it spoke.
    """

    key: str
    preset: str | None = None
    name: str = ""
    description: str = ""
    host: str = ""
    port: int = 465
    tls_mode: TLSMode = "implicit"
    auth: Auth = "none"
    username: str = ""
    password: str = field(default="", repr=False)
    from_email: str = ""
    from_name: str = ""
    reply_to: str = ""
    subject_prefix: str = ""
    helo_name: str = ""
    verify_cert: bool = True
    ca_file: str = ""
    client_cert_file: str = ""
    proxy_url: str = field(default="", repr=False)
    timeout: float = 30.0
    data_timeout: float = 600.0
    engine: Engine = "aiosmtplib"
    envelope_from: str = ""
    force_from: bool = False
    pool_size: int = 10
    messages_per_connection: int = 0
    idle_timeout: float = 30.0
    priority: int = 0
    weight: int = 1
    routes: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    test_address: str = ""
    registered_addresses: tuple[str, ...] = ()
    allow_plaintext_auth: bool = False
    enabled: bool = True
    paused: bool = False
    health: ServerState = "unverified"
    reason: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def configured(self) -> bool:
        """Whether there is somewhere to send to."""
        return bool(self.host) or self.engine in LOCAL_ENGINES

    @property
    def usable(self) -> bool:
        """Whether mail may be handed to it now, as far as the settings go."""
        return self.configured and self.enabled and not self.paused and not self.problems

    @property
    def state(self) -> ServerState:
        """The one word for it: settings first, then what the workers saw."""
        if self.problems:
            return "misconfigured"
        if not self.enabled:
            return "disabled"
        return "paused" if self.paused else self.health

    @property
    def endpoint(self) -> Endpoint:
        """Return what a password typed for this server is bound to."""
        return Endpoint(self.key, self.host, self.port, self.username, self.tls_mode)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that changes how mail is sent: 16 hex digits, secrets included."""
        values = {
            name: (item.value if not item.secret else _digest(str(item.value)))
            for name, item in sorted(self.fields.items())
            if name not in _NOTES
        }
        return _digest(json.dumps(values, sort_keys=True, default=str))[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All settings as they were at one load.

    ``servers`` by key, ``default`` always among them; ``values`` the global settings by upper
    case name (:class:`flask_smtpadmin.config.Keys`) with ``problems`` of their own; those that
    hold mail up are every server's too. ``warnings`` are for the eye: a variable that looks like
    a typing error. ``instance``: the installation that the database was recorded for.
    """

    servers: Mapping[str, Server]
    values: Mapping[str, Field]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    paused: bool = False
    revision: int = 0
    instance: str = ""

    def __getitem__(self, name: str) -> Any:
        """Return the effective value of a global setting, ``snapshot["MAX_QUEUE"]``."""
        return self.values[name].value

    @property
    def harmless(self) -> tuple[Problem, ...]:
        """The problems that hold no mail up: the default is used instead."""
        return tuple(item for item in self.problems if item not in self.default.problems)

    @property
    def foreign(self) -> bool:
        """Whether the database belongs to another installation, so that nothing is sent."""
        return any(item.field == "instance" for item in self.problems)

    @property
    def default(self) -> Server:
        """The server that plain ``SMTPADMIN_*`` variables configure."""
        return self.servers["default"]

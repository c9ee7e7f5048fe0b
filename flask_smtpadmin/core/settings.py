"""What a setting is, where its value came from, and the server that the values make up.

Values only; the resolution (first hit wins) stands in :mod:`flask_smtpadmin.core.resolve`, the
list of fields in :mod:`flask_smtpadmin.core.fields`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Origin = Literal["environment", "database", "app_config", "preset", "default"]
Kind = Literal["str", "int", "float", "bool", "choice", "list", "json", "email", "path", "url"]
TLSMode = Literal["implicit", "starttls", "none"]
Auth = Literal["none", "password", "oauth2"]
Engine = Literal["aiosmtplib", "smtplib", "console", "file", "memory"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting: its name, how it is read, its default and its one line of help.

    ``name`` is upper case without prefix (``"HOST"``); form fields use ``name.lower()``.
    ``editable`` says whether pages may change it; ``environment`` whether a variable may.
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
    editable: bool = True
    environment: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value cannot be used: ``field`` (lower case), ``variable`` it came from, sentence."""

    field: str
    variable: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Field:
    """The effective value of one setting.

    ``variable`` names the environment variable (or app.config key) that gave it; ``locked``
    fields come from the environment and cannot be changed on a page. The value of a secret is
    never shown: pages ask ``is_set``.
    """

    name: str
    value: Any = field(repr=False)
    origin: Origin
    variable: str | None = None
    locked: bool = False
    secret: bool = False

    @property
    def is_set(self) -> bool:
        """Whether there is a value at all."""
        return self.value not in (None, "", [], {})

    def shown(self) -> Any:
        """Return the value as JSON may show it: a secret only as ``{"set": bool}``."""
        return {"set": self.is_set} if self.secret else self.value


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

    ``problems`` non-empty: it is misconfigured and its mail waits. ``host`` empty: nothing was
    set up yet.
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
    priority: int = 0
    weight: int = 1
    limits: Mapping[str, int] = field(default_factory=dict)
    test_address: str = ""
    allow_plaintext_auth: bool = False
    enabled: bool = True
    paused: bool = False
    fields: Mapping[str, Field] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()

    @property
    def configured(self) -> bool:
        """Whether there is somewhere to send to."""
        return bool(self.host) or self.engine in {"console", "file", "memory"}

    @property
    def usable(self) -> bool:
        """Whether mail may be handed to it now, as far as the settings go."""
        return self.configured and self.enabled and not self.paused and not self.problems

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
        }
        return _digest(json.dumps(values, sort_keys=True, default=str))[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All settings as they were at one load.

    ``servers`` by key, ``default`` always among them; ``values`` the global settings by upper
    case name (:class:`flask_smtpadmin.config.Keys`) with ``problems`` of their own.
    """

    servers: Mapping[str, Server]
    values: Mapping[str, Field]
    problems: tuple[Problem, ...] = ()
    paused: bool = False
    revision: int = 0

    def __getitem__(self, name: str) -> Any:
        """Return the effective value of a global setting, ``snapshot["MAX_QUEUE"]``."""
        return self.values[name].value

    @property
    def default(self) -> Server:
        """The server that plain ``SMTPADMIN_*`` variables configure."""
        return self.servers["default"]

"""What the environment and ``app.config`` say, not judged yet: raw values by field.

Names that look like a typing error of a known one become warnings; a value whose file cannot be
read, or that is given twice, carries its problem along to whoever asks for the value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from flask_smtpadmin.core.settings import Origin, Problem, Spec
from flask_smtpadmin.core.settings.fields import DEFAULT_PORTS, SERVER_FIELDS, SERVER_KEY, URL
from flask_smtpadmin.core.settings.parse import is_unset
from flask_smtpadmin.core.settings.server_url import split_server_url

#: How every key starts in app.config.
CONFIG_PREFIX: Final = "SMTPADMIN_"
_SERVERS: Final = "SERVERS__"
_SERVER_SPECS: Final = {**SERVER_FIELDS, URL.name: URL}
#: Where the problem of a URL is shown: the first of these that nothing else sets.
_URL_PARTS: Final = ("HOST", "TLS_MODE", "PORT", "USERNAME", "PASSWORD")


class Files(Protocol):
    """Reading files, for ``NAME_FILE`` variables and certificates."""

    def text(self, path: str) -> str:
        """Return the text of a small file; raises OSError or ValueError."""

    def readable(self, path: str) -> bool:
        """Say whether the file is there and may be read."""


@dataclass(frozen=True, slots=True)
class Given:
    """A raw value, the variable (or app.config key) it came from, and why it cannot be used."""

    raw: Any = field(repr=False)
    variable: str | None
    problem: str | None = None


Layer = Mapping[str, Given]


@dataclass(frozen=True, slots=True)
class Source:
    """All that one place says: ``values`` by name, ``servers`` by key, then by field."""

    origin: Origin
    values: Layer = field(default_factory=dict)
    servers: Mapping[str, Layer] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


def env_prefix(config: Mapping[str, Any]) -> str:
    """Return the prefix of environment variables, with its underscore at the end."""
    raw = config.get(CONFIG_PREFIX + "ENV_PREFIX")
    bare = raw.strip().rstrip("_") if isinstance(raw, str) else ""
    return f"{bare}_" if bare else CONFIG_PREFIX


def variable_name(prefix: str, key: str, name: str) -> str:
    """Return the environment variable of the field ``name`` of the server ``key``."""
    middle = "" if key == "default" else f"{_SERVERS}{key.upper()}__"
    return f"{prefix}{middle}{name.upper()}"


def read_environment(
    environ: Mapping[str, str], prefix: str, specs: Mapping[str, Spec], files: Files
) -> Source:
    """Return what the variables that start with ``prefix`` say; ``specs`` are the global keys."""
    found = _Found(prefix)
    for variable in sorted(environ):
        if variable.startswith(prefix):
            found.add(variable, variable.removeprefix(prefix), environ[variable])
    allowed = {name: spec for name, spec in specs.items() if spec.environment}
    found.refused.update(specs.keys() - allowed.keys())
    return found.source("environment", allowed, files)


def read_config(config: Mapping[str, Any], specs: Mapping[str, Spec], files: Files) -> Source:
    """Return what ``app.config`` says, ``SMTPADMIN_SERVERS`` included."""
    found = _Found(CONFIG_PREFIX)
    for variable in sorted(name for name in config if isinstance(name, str)):
        if variable.startswith(CONFIG_PREFIX):
            found.add(variable, variable.removeprefix(CONFIG_PREFIX), config[variable])
    servers = found.plain.get("SERVERS")
    if servers and isinstance(servers.raw, Mapping):
        found.add_servers(servers.raw)
    return found.source("app_config", specs, files)


class _Found:
    """Collects raw values by name while a place is read."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.plain: dict[str, Given] = {}
        self.named: dict[str, dict[str, Given]] = {}
        self.refused: set[str] = set()
        self.warnings: list[Problem] = []

    def add(self, variable: str, name: str, raw: Any) -> None:
        if not name.startswith(_SERVERS):
            self.plain[name] = Given(raw, variable)
            return
        key, _, field_name = name.removeprefix(_SERVERS).rpartition("__")
        self.add_named(variable, key.lower(), field_name, raw)

    def add_servers(self, servers: Mapping[Any, Any]) -> None:
        for key, fields in servers.items():
            variable = f"{self.prefix}SERVERS[{key!r}]"
            if not isinstance(fields, Mapping):
                self.warn(variable, "is not a dict of fields, {field: value}.")
                continue
            for name, raw in fields.items():
                self.add_named(f"{variable}[{name!r}]", str(key).lower(), str(name).upper(), raw)

    def add_named(self, variable: str, key: str, name: str, raw: Any) -> None:
        if not SERVER_KEY.fullmatch(key):
            self.warn(variable, "does not name a server: a key is 1 to 32 of a-z, 0-9 and _.")
            return
        fields = self.named.setdefault(key, {})
        given = Given(raw, variable)
        if name in fields:
            given = Given(raw, variable, f"it is given twice, as {fields[name].variable} too")
        fields[name] = given

    def warn(self, variable: str | None, message: str) -> None:
        self.warnings.append(Problem("", variable, f"{variable} {message}"))

    def source(self, origin: Origin, specs: Mapping[str, Spec], files: Files) -> Source:
        self._look_for_typing_errors(specs)
        servers: dict[str, Layer] = {
            key: _layer(fields, _SERVER_SPECS, files) for key, fields in self.named.items()
        }
        plain = _layer(self.plain, _SERVER_SPECS, files)
        servers["default"] = _with_own(servers.get("default", {}), plain)
        return Source(
            origin,
            _layer(self.plain, specs, files),
            {key: _with_url(layer) for key, layer in servers.items() if layer},
            tuple(self.warnings),
        )

    def _look_for_typing_errors(self, specs: Mapping[str, Spec]) -> None:
        server_names = _with_files(_SERVER_SPECS)
        known = server_names | _with_files(specs)
        for name, given in self.plain.items():
            if name in self.refused:
                self.warn(given.variable, "is read from app.config only.")
            elif name not in known:
                self._suggest(given.variable, name, known)
        for fields in self.named.values():
            for name, given in fields.items():
                if name not in server_names:
                    self._suggest(given.variable, name, server_names)

    def _suggest(self, variable: str | None, name: str, known: set[str]) -> None:
        close = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.75)
        if close and variable:
            meant = variable.replace(name, close[0])
            self.warn(variable, f"is not a setting and is not used. Did you mean {meant}?")


def _with_files(specs: Iterable[str]) -> set[str]:
    return {name + suffix for name in specs for suffix in ("", "_FILE")}


def _layer(found: Mapping[str, Given], specs: Mapping[str, Spec], files: Files) -> dict[str, Given]:
    layer = {}
    for name, spec in specs.items():
        given = _one(spec, found.get(name), found.get(f"{name}_FILE"), files)
        if given is not None:
            layer[name] = given
    return layer


def _one(spec: Spec, plain: Given | None, file: Given | None, files: Files) -> Given | None:
    if plain is not None and is_unset(spec, plain.raw):
        plain = None
    if file is None or not str(file.raw or "").strip():
        return plain
    if plain is not None:
        reason = f"{plain.variable} and {file.variable} are both set; keep one of them"
        return Given(None, plain.variable, reason)
    try:
        text = files.text(str(file.raw).strip())
    except (OSError, ValueError) as error:
        # the secret itself may stand where its file should be named
        name = "it names" if spec.secret else repr(str(file.raw)[:200])
        reason = getattr(error, "strerror", None) or "it is not text"
        return Given(None, file.variable, f"the file {name} cannot be read: {reason}")
    text = text.removesuffix("\n").removesuffix("\r")
    return None if is_unset(spec, text) else Given(text, file.variable)


def _with_own(named: Mapping[str, Given], plain: Mapping[str, Given]) -> Layer:
    """Join ``SERVERS__DEFAULT__HOST`` with ``HOST``: one of them may be set, not both."""
    layer = {**named, **plain}
    for name in named.keys() & plain.keys():
        first, second = named[name].variable, plain[name].variable
        reason = f"{first} and {second} are both set; keep one of them"
        layer[name] = Given(None, second, reason)
    return layer


def _with_url(layer: Layer) -> Layer:
    """Spread a URL over the fields it holds; a field's own variable beats it."""
    given = layer.get(URL.name)
    if given is None:
        return layer
    own = {name: value for name, value in layer.items() if name != URL.name}
    free = [name for name in _URL_PARTS if name not in own]
    try:
        if given.problem:
            raise ValueError(given.problem)  # noqa: TRY301 - the same answer as for a bad text
        parts = split_server_url(str(given.raw))
    except ValueError as error:
        return own | {name: Given(None, given.variable, str(error)) for name in free[:1]}
    mode = str(own["TLS_MODE"].raw).strip().lower() if "TLS_MODE" in own else parts.tls_mode
    raw = {
        "HOST": parts.host,
        "TLS_MODE": parts.tls_mode,
        "PORT": DEFAULT_PORTS.get(mode, DEFAULT_PORTS[parts.tls_mode])
        if parts.port is None
        else parts.port,
        "USERNAME": parts.username,
        "PASSWORD": parts.password,
    }
    return own | {name: Given(raw[name], given.variable) for name in free if raw[name] is not None}

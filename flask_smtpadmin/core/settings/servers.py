"""One server in force: its fields from all origins, and the rules among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask_smtpadmin.core.errors import NotFound, SecretError
from flask_smtpadmin.core.settings import (
    LOCAL_ENGINES,
    Endpoint,
    Field,
    Origin,
    Problem,
    Server,
    TLSMode,
)
from flask_smtpadmin.core.settings.fields import DEFAULT_PORTS, IMPLICIT_PORTS, SERVER_FIELDS
from flask_smtpadmin.core.settings.origins import Context, Stored, StoredServer, Typed, first, pick
from flask_smtpadmin.core.settings.presets import Preset, PresetPort, find_preset
from flask_smtpadmin.core.settings.rules import broken, unwise
from flask_smtpadmin.core.settings.sources import Given, Layer, variable_name
from flask_smtpadmin.core.words import said

#: Fields whose value hangs on others; settled after the rest, in this order.
_DEPENDENT: Final = ("PORT", "TLS_MODE", "AUTH", "PASSWORD")
_TROUBLED: Final = frozenset({"degraded", "open", "held"})
_GOOGLE_HOSTS: Final = frozenset({"smtp.gmail.com", "smtp-relay.gmail.com"})
_GOOGLE_PASSWORD: Final = re.compile(r"\s*[a-zA-Z]{4}(\s[a-zA-Z]{4}){3}\s*")


def resolve_server(
    key: str, context: Context, stored: Stored, *, app_name: str, common: tuple[Problem, ...]
) -> Server:
    """Return the server ``key`` as it is in force.

    Args:
        key: the server's key.
        context: environment, app.config and the rest.
        stored: what the database holds.
        app_name: the default of FROM_NAME.
        common: problems of global settings that hold up every server.
    """
    row = stored.servers.get(key, StoredServer())
    build = _Build(key, context, row, stored.server(key))
    build.settle(app_name)
    server = Server(
        key=key,
        preset=row.preset,
        enabled=row.enabled,
        paused=row.paused,
        health=row.health,
        reason=row.reason if row.health in _TROUBLED else None,
        fields={name.lower(): build.fields[name] for name in SERVER_FIELDS},
        **{name.lower(): build.fields[name].value for name in SERVER_FIELDS},
    )
    problems = (*build.problems, *broken(server, readable=context.files.readable), *common)
    return replace(server, problems=problems, warnings=tuple(unwise(server)))


class _Build:
    """Settles the fields of one server, the independent ones first."""

    def __init__(
        self, key: str, context: Context, row: StoredServer, stored: Mapping[str, str | Typed]
    ) -> None:
        self.key = key
        self.context = context
        self.stored = stored
        self.fields: dict[str, Field] = {}
        self.problems: list[Problem] = []
        self.preset, region = self._find_preset(row.preset)
        preset_values = self.preset.values(region) if self.preset else {}
        self.layers: tuple[tuple[Origin, Layer], ...] = (
            ("environment", context.environment.servers.get(key, {})),
            ("database", self._database()),
            ("app_config", context.config.servers.get(key, {})),
            ("preset", {name: Given(value, None) for name, value in preset_values.items()}),
        )

    def settle(self, app_name: str) -> None:
        for name in SERVER_FIELDS:
            if name not in _DEPENDENT:
                self._take(name, default=app_name if name == "FROM_NAME" else None)
        self._take("PORT")
        self._take("TLS_MODE")
        self._complete_pair()
        self._take("AUTH", default="password" if self._value("USERNAME") else None)
        self._settle_password()

    def _find_preset(self, key: str | None) -> tuple[Preset | None, str]:
        try:
            return find_preset(key) if key else (None, "")
        except NotFound:
            self.problems.append(
                Problem("preset", None, said("There is no preset %(key)s.", key=repr(key)))
            )
            return None, ""

    def _database(self) -> Layer:
        layer: dict[str, Given] = {}
        for name, raw in self.stored.items():
            spec = SERVER_FIELDS.get(name)
            if spec is None:
                continue
            if spec.secret and name != "PASSWORD":
                layer[name] = self._read(raw)
            else:
                layer[name] = Given(raw, None)
        return layer

    def _read(self, raw: str | Typed) -> Given:
        if isinstance(raw, Typed):
            return Given(raw.value, None)
        try:
            return Given(self.context.secrets.read(raw), None)
        except SecretError as error:
            return Given(None, None, str(error).rstrip("."))

    def _take(self, name: str, *, default: Any = None) -> None:
        spec = SERVER_FIELDS[name]
        fallback = spec.default if default is None else default
        self.fields[name], problem = pick(
            spec, self.layers, default=fallback, stored=name in self.stored, name=name.lower()
        )
        if problem:
            self.problems.append(problem)

    def _value(self, name: str) -> Any:
        return self.fields[name].value

    def _is_open(self, name: str) -> bool:
        """Whether nothing says what ``name`` is, or what it says cannot be used."""
        return self.fields[name].origin == "default" or self.fields[name].given is not None

    def _complete_pair(self) -> None:
        """Let the port follow from the TLS mode, and the other way round (RFC 8314)."""
        port = None if self._is_open("PORT") else self._value("PORT")
        mode = None if self._is_open("TLS_MODE") else self._value("TLS_MODE")
        offer = self.preset.pair(port, mode) if self.preset else None
        origin: Origin = "default" if offer is None else "preset"
        if offer is None:
            by_port: TLSMode = "implicit" if port is None or port in IMPLICIT_PORTS else "starttls"
            offer = PresetPort(DEFAULT_PORTS[mode or "implicit"], mode or by_port)
        if port is None:
            self._fill("PORT", offer.port, origin)
        if mode is None:
            self._fill("TLS_MODE", offer.tls_mode, origin)

    def _fill(self, name: str, value: Any, origin: Origin) -> None:
        kept = self.fields[name]
        origin = kept.origin if kept.given is not None else origin
        self.fields[name] = replace(kept, value=value, origin=origin)

    def _settle_password(self) -> None:
        spec = SERVER_FIELDS["PASSWORD"]
        hit = first(spec, self.layers)
        if hit is not None and hit[0] == "database":
            self._open_stored(hit[1].raw)
        else:
            self._take("PASSWORD")
        wanted = self._value("AUTH") == "password" and self._value("ENGINE") not in LOCAL_ENGINES
        if wanted and hit is None:
            variable = variable_name(self.context.prefix, self.key, "PASSWORD")
            text = said(
                "There is no password: set %(variable)s, or type it on the settings page.",
                variable=variable,
            )
            self.problems.append(Problem("password", None, text))
        self._strip_google_password()

    def _open_stored(self, raw: str | Typed) -> None:
        """Open the saved password, if it is asked for and the endpoint is sure."""
        value = raw.value if isinstance(raw, Typed) else ""
        endpoint = Endpoint(
            self.key,
            self._value("HOST"),
            self._value("PORT"),
            self._value("USERNAME"),
            self._value("TLS_MODE"),
        )
        sure = all(
            self.fields[name].given is None for name in ("HOST", "PORT", "USERNAME", "TLS_MODE")
        )
        needed = self._value("AUTH") == "password" and self._value("ENGINE") not in LOCAL_ENGINES
        if isinstance(raw, str) and needed and sure:
            try:
                value = self.context.secrets.open(raw, endpoint)
            except SecretError as error:
                self.problems.append(Problem("password", self._moved_by(), error.args[0]))
        self.fields["PASSWORD"] = Field("password", value, "database", secret=True, stored=True)

    def _moved_by(self) -> str | None:
        """Name the variable that may have moved the endpoint away from under a password."""
        for name in ("HOST", "PORT", "USERNAME", "TLS_MODE"):
            if self.fields[name].origin == "environment":
                return self.fields[name].variable
        return None

    def _strip_google_password(self) -> None:
        """Google shows app passwords in groups of four; the spaces are no part of them."""
        password = self.fields["PASSWORD"]
        if self._value("HOST") in _GOOGLE_HOSTS and _GOOGLE_PASSWORD.fullmatch(password.value):
            bare = "".join(password.value.split())
            self.fields["PASSWORD"] = replace(password, value=bare)

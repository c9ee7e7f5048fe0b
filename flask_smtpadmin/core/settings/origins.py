"""What a resolution works on, and the choice of one value: the first origin that has it wins.

A value that cannot be used keeps its place (nothing below it is taken instead): the field then
holds its default, and a :class:`Problem` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from flask_smtpadmin.core.settings import Endpoint, Field, Origin, Problem, Spec
from flask_smtpadmin.core.settings.parse import parse
from flask_smtpadmin.core.settings.sources import Files, Given, Layer, Source
from flask_smtpadmin.core.states import ServerState
from flask_smtpadmin.core.words import said

#: Stored beside a server's values: which endpoint the environment's password was last used for.
BOUND: Final = "PASSWORD_BOUND"
#: Stored for a server that an admin added, so that it exists without any value.
ADDED: Final = "ADDED"


@dataclass(frozen=True, slots=True)
class Typed:
    """A secret as a form sent it, not sealed yet."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredServer:
    """A row of ``smtpadmin_server``, as far as settings go."""

    preset: str | None = None
    enabled: bool = True
    paused: bool = False
    health: ServerState = "unverified"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds: text by scope (``app``, ``meta``, ``server:<key>``) and name."""

    values: Mapping[str, Mapping[str, str | Typed]] = field(default_factory=dict)
    servers: Mapping[str, StoredServer] = field(default_factory=dict)

    @property
    def revision(self) -> int:
        """The number of changes so far."""
        text = self.scope("meta").get("revision", "0")
        return int(text) if isinstance(text, str) and text.isdigit() else 0

    @property
    def paused(self) -> bool:
        """Whether all sending is paused."""
        return self.scope("meta").get("paused") == "1"

    @property
    def instance(self) -> str:
        """The installation whose mail this is; "": none was recorded."""
        text = self.scope("meta").get("instance", "")
        return text if isinstance(text, str) else ""

    def scope(self, name: str) -> Mapping[str, str | Typed]:
        """Return the values of one scope."""
        return self.values.get(name, {})

    def server(self, key: str) -> Mapping[str, str | Typed]:
        """Return the stored values of one server."""
        return self.scope(f"server:{key}")


class Secrets(Protocol):
    """Opens what the database holds encrypted; both methods raise SecretError."""

    def open(self, token: str, endpoint: Endpoint, /) -> str:
        """Return a password that was saved for ``endpoint``."""

    def read(self, token: str, /) -> str:
        """Return another encrypted value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a resolution needs beside the database's values.

    ``specs`` are the global keys, ``prefix`` that of environment variables; ``defaults`` replace
    built-in ones (by name); ``problems`` are known before, such as unusable encryption keys.
    """

    environment: Source
    config: Source
    specs: Mapping[str, Spec]
    prefix: str
    files: Files
    secrets: Secrets
    defaults: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


#: Origins from the strongest to the weakest.
Layers = Iterable[tuple[Origin, Layer]]


def first(spec: Spec, layers: Layers) -> tuple[Origin, Given] | None:
    """Return the strongest origin that gives ``spec`` a value."""
    for origin, layer in layers:
        given = layer.get(spec.name)
        if given is not None:
            return origin, given
    return None


def pick(
    spec: Spec, layers: Layers, *, default: Any, stored: bool, name: str
) -> tuple[Field, Problem | None]:
    """Return the effective field ``name``, and why its value cannot be used, if so."""
    hit = first(spec, layers)
    if hit is None:
        return Field(name, default, "default", secret=spec.secret, stored=stored), None
    origin, given = hit
    reason = given.problem
    value = default
    if reason is None:
        try:
            value = parse(spec, given.raw)
        except ValueError as error:
            reason = error.args[0]
    chosen = Field(
        name,
        value,
        origin,
        given.variable,
        locked=origin == "environment",
        secret=spec.secret,
        stored=stored,
        given=None if reason is None else _as_given(spec, given),
    )
    if reason is None:
        return chosen, None
    return chosen, Problem(name.lower(), given.variable, _sentence(given.variable, reason))


def _as_given(spec: Spec, given: Given) -> str:
    text = "" if given.raw is None or spec.secret else str(given.raw)[:200]
    return "" if "://" in text else text


def _sentence(variable: str | None, reason: str) -> str:
    if variable:
        return said("%(variable)s cannot be used: %(reason)s.", variable=variable, reason=reason)
    return said("The saved value cannot be used: %(reason)s.", reason=reason)

"""Settings as documents: the JSON of ``flask smtp config`` and a ``.env`` without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask_smtpadmin.core.settings import Field, Server, Snapshot, Spec
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS
from flask_smtpadmin.core.settings.parse import write
from flask_smtpadmin.core.settings.sources import variable_name

_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
#: Without these a server cannot be told apart from another one, whatever their origin.
_ALWAYS: Final = frozenset({"PORT", "TLS_MODE"})


def config_document(snapshot: Snapshot) -> dict[str, Any]:
    """Return servers and settings with value, origin and variable of every field.

    Names are in lower case, as in forms. A secret is ``{"set": true}`` or ``{"set": false}``; a
    value that cannot be used is shown as it was given.
    """
    return {
        "servers": {key: server_document(item) for key, item in snapshot.servers.items()},
        "settings": {name.lower(): field_document(item) for name, item in snapshot.values.items()},
        "problems": [problem.document() for problem in snapshot.problems],
        "warnings": [warning.document() for warning in snapshot.warnings],
        "paused": snapshot.paused,
        "revision": snapshot.revision,
    }


def server_document(server: Server) -> dict[str, Any]:
    """Return one server as JSON shows it."""
    return {
        "state": server.state,
        "configured": server.configured,
        "preset": server.preset,
        "problems": [problem.document() for problem in server.problems],
        "warnings": [warning.document() for warning in server.warnings],
        "fields": {name: field_document(item) for name, item in server.fields.items()},
    }


def field_document(field: Field) -> dict[str, Any]:
    """Return ``{"value", "origin", "variable", "locked"}``."""
    value = field.shown()
    return {
        "value": list(value) if isinstance(value, tuple) else value,
        "origin": field.origin,
        "variable": field.variable,
        "locked": field.locked,
    }


def env_document(snapshot: Snapshot, prefix: str, specs: Mapping[str, Spec]) -> str:
    """Return the settings as lines of a ``.env`` file, quoted as python-dotenv reads it.

    Values that are built-in defaults are left out, and so are secrets: a comment stands where one
    belongs. ``specs`` are the global keys.
    """
    lines = ["# Mail settings. Secrets are not in here: fill in the lines that start with #."]
    for name, field in snapshot.values.items():
        if name in specs and specs[name].environment:
            lines += _lines(specs[name], field, f"{prefix}{name}")
    for key, server in snapshot.servers.items():
        if server.configured:
            lines += ["", f"# Server {key}", *_server_lines(server, prefix)]
    return "\n".join(lines) + "\n"


def _server_lines(server: Server, prefix: str) -> Iterator[str]:
    for name, spec in SERVER_FIELDS.items():
        field = server.fields[name.lower()]
        variable = variable_name(prefix, server.key, name)
        if name == "PASSWORD" and server.auth == "password":
            yield f"# {variable}="
        elif name == "AUTH" and field.origin == "default":
            continue
        else:
            yield from _lines(spec, field, variable, always=name in _ALWAYS)


def _lines(spec: Spec, field: Field, variable: str, *, always: bool = False) -> Iterator[str]:
    if field.given is not None or (field.origin == "default" and not always):
        return
    if spec.secret:
        if field.is_set or field.stored:
            yield f"# {variable}="
    elif callable(field.value):
        yield f"# {variable} is set to a function in app.config"
    else:
        text = write(spec, field.value)
        if text and _is_ambiguous(text):
            yield f"# {variable} is left out: a shell and python-dotenv would read it differently"
        elif text:
            yield f"{variable}={_quoted(text)}"


def _is_ambiguous(text: str) -> bool:
    """Say whether no quoting keeps ``text`` from being expanded, or run, by one of its readers."""
    double = not _fits_single_quotes(text)
    return "${" in text or (double and any(char in text for char in "$`"))


def _fits_single_quotes(text: str) -> bool:
    return "'" not in text and "\\" not in text


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if _fits_single_quotes(text):
        return f"'{text}'"
    escaped = re.sub(r'([\\"])', r"\\\1", text).replace("\n", "\\n")
    return f'"{escaped}"'

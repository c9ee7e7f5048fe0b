"""A text for each setting, as somebody would type it or put it into a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_smtpadmin.core.settings import Spec

#: A value that each kind of field takes; an absolute path, an origin, a list of limits.
VALUES = {
    "str": "text",
    "note": "text",
    "host": "mail.env.example",
    "email": "env@example.org",
    "path": "/etc/ssl/env.pem",
    "float": "12",
    "int": "7",
    "bool": "true",
    "limits": "per_day=5",
    "routes": "ada@example.org,@example.com",
    "networks": "203.0.113.15/32",
    "url": "socks5://proxy.env.example:1080",
}


def value_for(spec: Spec) -> str:
    """Return text that the spec's parser takes and that is not its default."""
    return spec.choices[-1] if spec.kind == "choice" else VALUES[spec.kind]

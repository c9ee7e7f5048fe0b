"""The kinds of mail that an app sends, in the order in which it told of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flask_smtpadmin.core.email_type import EmailType
from flask_smtpadmin.core.errors import ConfigurationError, NotFound


class Registry:
    """E-mail types by name."""

    def __init__(self) -> None:
        self._types: dict[str, EmailType] = {}

    def add(self, kind: EmailType) -> None:
        """Take a type; it replaces one that :attr:`EmailType.gives_way`, with as much care.

        Raises:
            ConfigurationError: there is one of that name already.
        """
        known = self._types.get(kind.name)
        if known is not None and not known.gives_way:
            raise ConfigurationError(
                f"E-mail type {kind.name!r} is registered already; give one of the two another "
                "name.",
                field="name",
            )
        self._types[kind.name] = kind if known is None else _with_care(kind, known)

    def offer(self, kind: EmailType) -> None:
        """Take a type that :attr:`EmailType.gives_way`: the app's own only gets its care."""
        known = self._types.get(kind.name)
        if known is not None and not known.gives_way:
            kind = _with_care(known, kind)
        self._types[kind.name] = kind

    def change(self, name: str, **values: Any) -> EmailType:
        """Replace attributes of a type, checked like a new one, and return it."""
        self._types[name] = replace(self.get(name), **values)
        return self._types[name]

    def get(self, name: str) -> EmailType:
        """Return a type.

        Raises:
            NotFound: there is none of that name.
        """
        try:
            return self._types[name]
        except KeyError:
            raise NotFound("e-mail type", name) from None

    def find(self, name: str | None) -> EmailType | None:
        """Return a type, None when there is none; messages may carry names that nobody told us."""
        return None if name is None else self._types.get(name)

    def retentions(self) -> Mapping[str, int]:
        """Return the days for which sent content is kept, for the types that say so."""
        return {one.name: one.retention for one in self if one.retention is not None}

    def __iter__(self) -> Iterator[EmailType]:
        return iter(tuple(self._types.values()))

    def __len__(self) -> int:
        return len(self._types)


def _with_care(kind: EmailType, known: EmailType) -> EmailType:
    """Return ``kind``, handled at least as carefully as ``known``."""
    return replace(
        kind,
        trigger=kind.trigger or known.trigger,
        critical=kind.critical or known.critical,
        secret=kind.secret or known.secret,
        priority=kind.priority or known.priority,
        expires_in=known.expires_in if kind.expires_in is None else kind.expires_in,
    )

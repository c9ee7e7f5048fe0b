"""Who did something on a page or through the API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person: ``id`` as the app knows them, ``name`` and ``email`` where known."""

    id: str
    name: str = ""
    email: str = ""

    def __str__(self) -> str:
        return self.name or self.email or self.id

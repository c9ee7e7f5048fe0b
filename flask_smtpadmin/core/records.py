"""Records of which each message takes a dozen: frozen for the type checker, quick to make.

A frozen dataclass sets each field through ``object.__setattr__``, which takes five times as long
as an ordinary one. Where nothing is made by the thousand, ``dataclass(frozen=True)`` is right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    T = TypeVar("T")

    def record(*, frozen: bool, **options: Any) -> Callable[[type[T]], type[T]]:
        """Make a dataclass that nobody changes; the options are those of ``dataclass``."""
        return dataclasses.dataclass(unsafe_hash=frozen, **options)


__all__ = ["record"]

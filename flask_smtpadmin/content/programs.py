"""Templates that were read already, as many as a bounded memory takes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

#: So many are kept at most.
_MOST: Final = 500
#: Characters of source that they may have in all.
_SIZE: Final = 1_000_000

Kept = TypeVar("Kept")


class Programs(Generic[Kept]):
    """A cache that forgets what was not asked for longest; safe for threads."""

    def __init__(self, most: int = _MOST, size: int = _SIZE) -> None:
        self._most, self._left = most, size
        self._kept: OrderedDict[Hashable, tuple[Kept, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Kept | None:
        """Return what is kept under ``key``."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Kept, size: int) -> None:
        """Keep ``value``, of ``size`` characters, and let go of what there is no room for."""
        with self._lock:
            _old, freed = self._kept.pop(key, (None, 0))
            self._kept[key] = value, size
            self._left += freed - size
            while self._left < 0 or len(self._kept) > self._most:
                _key, (_value, freed) = self._kept.popitem(last=False)
                self._left += freed

"""Messages that were claimed and not handed over yet, in the order to hand them over."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

from flask_smtpadmin.storage.claims import Claimed


class Stage:
    """A heap by rank (smallest first; the priority unless told otherwise), then by arrival."""

    def __init__(self, rank: Callable[[Claimed], int] = attrgetter("priority")) -> None:
        self._rank = rank
        self._heap: list[tuple[int, int, Claimed]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Claimed]:
        return (job for _, _, job in self._heap)

    def push(self, jobs: Iterable[Claimed]) -> None:
        """Add messages."""
        for job in jobs:
            heapq.heappush(self._heap, (self._rank(job), next(self._numbers), job))

    def take(self) -> tuple[int, int, Claimed]:
        """Take the first one, with the place that :meth:`restore` puts it back to."""
        return heapq.heappop(self._heap)

    def restore(self, places: Iterable[tuple[int, int, Claimed]]) -> None:
        """Put messages back where they were."""
        for place in places:
            heapq.heappush(self._heap, place)

    def empty(self) -> list[Claimed]:
        """Take everything."""
        jobs, self._heap = [job for _, _, job in self._heap], []
        return jobs

    @property
    def least_urgent(self) -> int:
        """The rank of the last message (0 when there is none)."""
        return max((rank for rank, _, _ in self._heap), default=0)

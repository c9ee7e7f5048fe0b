"""Messages that were claimed and not handed over yet, the most urgent first."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator

from flask_smtpadmin.storage.claims import Claimed


class Stage:
    """A heap by priority, then in the order of arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Claimed]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Claimed]:
        return (job for _, _, job in self._heap)

    def push(self, jobs: Iterable[Claimed]) -> None:
        """Add messages."""
        for job in jobs:
            heapq.heappush(self._heap, (job.priority, next(self._numbers), job))

    def take(self) -> tuple[int, int, Claimed]:
        """Take the most urgent one, with the place that :meth:`restore` puts it back to."""
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
        """The priority of the least urgent message (0 when there is none)."""
        return max((priority for priority, _, _ in self._heap), default=0)

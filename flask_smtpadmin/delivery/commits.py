"""Committing: the same batch again and again while the database is away."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from flask_smtpadmin.delivery.ending import Ending
from flask_smtpadmin.delivery.writer import Batch, DatabaseAway, Written

log = logging.getLogger(__name__)

#: Seconds between two tries: the first pause, and the longest.
_PAUSES: Final = (0.1, 5.0)


class Commits:
    """Writes the batches of one worker, one at a time.

    Args:
        write: does one batch in one transaction; raises DatabaseAway.
        tokens: returns the lease tokens of everything in the worker's hands.
        ending: when to give up.
    """

    def __init__(
        self,
        write: Callable[[Batch], Awaitable[Written]],
        tokens: Callable[[], AbstractSet[str]],
        ending: Ending,
    ) -> None:
        self._write = write
        self._tokens = tokens
        self._ending = ending

    async def commit(self, batch: Batch) -> Written:
        """Write a batch, again and again while the database is away; results are kept."""
        pause, told = _PAUSES[0], False
        while True:
            try:
                written = await self._write(batch)
            except DatabaseAway as error:
                if not told:
                    log.warning("The database cannot be written to: %s. Trying on.", error)
                told = True
            else:
                if told:
                    log.info("The database is back.")
                return written
            if self._ending.due:
                log.error("Stopped with %d results unwritten.", len(batch.results))
                return Written(lost=batch.results)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads load
            pause = min(pause * 2, _PAUSES[1])
            tokens = batch.tokens | frozenset(batch.leases()) | self._tokens()
            batch = replace(batch, claim=0, again=True, tokens=tokens)

"""Committing: the same batch again and again while the database is away, and a journal meanwhile.

A result that came back is in one of three places: in a list until the next transaction, in the
database after it, and, while the database does not answer, in the journal as well.
"""

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
from flask_smtpadmin.storage.journal import Journal
from flask_smtpadmin.storage.results import Result

log = logging.getLogger(__name__)

#: Seconds between two tries: the first pause, and the longest.
_PAUSES: Final = (0.1, 5.0)
#: Seconds without an answer after which the journal takes what came back.
_PATIENCE: Final = 1.0


class Commits:
    """Writes what one worker has to write, one batch at a time.

    Args:
        write: does one batch in one transaction; raises DatabaseAway.
        tokens: returns the lease tokens of everything in the worker's hands.
        journal: keeps results while the database is away.
        ending: when to give up.
    """

    def __init__(
        self,
        write: Callable[[Batch], Awaitable[Written]],
        tokens: Callable[[], AbstractSet[str]],
        journal: Journal,
        ending: Ending,
    ) -> None:
        self.results: list[Result] = []
        self._write = write
        self._tokens = tokens
        self._journal = journal
        self._ending = ending
        self._away = False

    def add(self, result: Result) -> None:
        """Take a result that came back; the next batch shall hold it."""
        self.results.append(result)
        if self._away:
            self._journal.append([result])

    def take(self) -> list[Result]:
        """Give away the results for a batch."""
        results, self.results = self.results, []
        return results

    async def commit(self, batch: Batch) -> Written:
        """Write a batch, again and again while the database is away; results are kept."""
        pause, told = _PAUSES[0], False
        loop = asyncio.get_running_loop()
        while True:
            late = loop.call_later(_PATIENCE, self._distrust, batch)
            try:
                written = await self._write(batch)
            except DatabaseAway as error:
                self._distrust(batch)
                if not told:
                    log.warning("The database cannot be written to: %s. Trying on.", error)
                told = True
            else:
                if told:
                    log.info("The database is back.")
                self._away = False
                self._journal.settle((*written.finished, *written.lost))
                return written
            finally:
                late.cancel()
            if self._ending.due:
                return self._give_up(batch)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads load
            pause = min(pause * 2, _PAUSES[1])
            tokens = batch.tokens | frozenset(batch.leases()) | self._tokens()
            batch = replace(batch, claim=0, again=True, tokens=tokens)

    def _distrust(self, batch: Batch) -> None:
        """Keep in the journal what this batch and the next ones hold, until one is written."""
        self._away = True
        self._journal.append((*batch.results, *self.results))

    def _give_up(self, batch: Batch) -> Written:
        log.error(
            "Stopped with %d results unwritten; %d are in the journal, for the next worker here.",
            len(batch.results),
            len(self._journal),
        )
        return Written(lost=batch.results)

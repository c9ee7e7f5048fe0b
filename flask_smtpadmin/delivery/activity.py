"""The activity log of one worker: what its sessions said, written while they go on.

What was recorded is searched for secrets and packed in a thread of its own, which also appends to
the files of ``LOG_DIR``; rows are inserted in the database thread, many at a time.
Activity is never worth a mail: while the database or the disk is away so much of it is kept, the
rest is dropped and counted, and nobody waits.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from flask_smtpadmin.core.dialogues import Dialogue, Mode, Recording, mode_of
from flask_smtpadmin.core.settings import Server, Snapshot
from flask_smtpadmin.core.transcript import Part, Transcript
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.day_files import DayFiles
from flask_smtpadmin.storage.dialogues import DialogueRows, row_of
from flask_smtpadmin.transport import Session, open_session

log = logging.getLogger(__name__)

#: Seconds between two looks at what the sessions said.
LOOK_EVERY: Final = 0.25
#: Seconds after which what was said is written even if it is little.
_FLUSH_EVERY: Final = 2.0
#: Bytes that may wait to be packed, and to be inserted.
MOST_WAITING: Final = 16_000_000
#: Bytes that are written at once, before that time has come.
_MUCH: Final = 4_000_000
#: Seconds between the packing of two parts.
_REST: Final = 0.0005
#: Bytes of packed text that one transaction inserts.
_PIECE: Final = 500_000
#: Seconds that the end of a worker waits for the last of it.
_LAST_WORDS: Final = 3.0


class Activity:
    """Records the sessions that :meth:`open` makes.

    Args:
        database: the app's database.
        worker_id: who speaks.
        files: the files by date, or None.
        clock: ``time.time``.
    """

    def __init__(
        self,
        database: Database,
        worker_id: str,
        *,
        files: DayFiles | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.mode: Mode = "off"
        self.dropped = 0
        self._database = database
        self._worker_id = worker_id
        self._files = files
        self._clock = clock
        self._rows = DialogueRows(database.models)
        self._thread = ThreadPoolExecutor(1, "smtpadmin-activity")
        self._live: dict[Transcript, Recording] = {}
        self._parts: deque[tuple[Recording, Part]] = deque()
        self._parts_size = 0
        self._unwritten: deque[dict[str, Any]] = deque()
        self._unwritten_size = 0
        self._flushed_at = time.monotonic()
        self._looking: asyncio.Task[None] | None = None

    # -- recording ----------------------------------------------------------------------------

    def open(self, server: Server, **options: Any) -> Session:
        """Return a session that is not connected yet, recorded as the settings say."""
        if self.mode == "off":
            return open_session(server, **options)
        record = Transcript.of(
            server,
            clock=self._clock,
            only_failures=self.mode == "failures",
            session=secrets.token_hex(8),
        )
        record.spill = self._take
        self._live[record] = Recording(record, server.key, "worker", self._worker_id)
        return open_session(server, transcript=record, **options)

    def adopt(self, snapshot: Snapshot) -> None:
        """Record as the settings say; with ``off`` sessions that are open fall silent, too."""
        mode = mode_of(snapshot)
        if mode == "off" and self.mode != "off":
            for record in self._live:
                record.silence()
        self.mode = mode

    def _take(self, record: Transcript) -> None:
        """Take what can be told of a session; what is too much to keep is counted only."""
        part, recording = record.take(), self._live.get(record)
        if part is None or recording is None:
            return
        if self._parts_size + self._unwritten_size + part.size > MOST_WAITING:
            self.dropped += 1
            return
        self._parts.append((recording, part))
        self._parts_size += part.size

    # -- writing ------------------------------------------------------------------------------

    async def look(self, db: Callable[..., Any]) -> None:
        """Write what is due: every two seconds, after a failure, and when a session ended.

        Args:
            db: runs a function in the database thread. What it raises comes from here; the rows
                are kept for the next time.
        """
        self._looking = asyncio.create_task(self._look(db))
        # who ends the chore must not leave it open whether these rows were written
        await asyncio.shield(self._looking)

    async def _look(self, db: Callable[..., Any]) -> None:
        due = time.monotonic() - self._flushed_at >= _FLUSH_EVERY or self._parts_size > _MUCH
        due = due or any(record.failures or record.closed for record in self._live)
        if not due:
            return
        self._flushed_at = time.monotonic()
        for record in list(self._live):
            self._take(record)
            if record.closed:
                del self._live[record]
        if self._parts:
            await self._pack()
        while self._unwritten:
            await self._insert(db)

    async def finish(self, db: Callable[..., Any]) -> None:
        """Write the last of it, if that can be done soon; never raises."""
        for record in self._live:
            record.closed = True
        try:
            async with asyncio.timeout(_LAST_WORDS):
                if self._looking is not None:
                    await asyncio.gather(self._looking, return_exceptions=True)
                await self._look(db)
        except Exception as error:  # noqa: BLE001 - the end of a worker must not fail on its log
            log.warning("The last of the activity was not written: %s.", error)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _pack(self) -> None:
        parts, self._parts, self._parts_size = self._parts, deque(), 0
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._thread, self._rows_of, parts)
        self._unwritten.extend(rows)
        self._unwritten_size += sum(len(row["text"]) for row in rows)

    def _rows_of(self, parts: Sequence[tuple[Recording, Part]]) -> list[dict[str, Any]]:
        """Make rows of ``parts``, and append their text to the files; in the thread for that."""
        made, rows = list[Dialogue](), list[dict[str, Any]]()
        for recording, part in parts:
            one = recording.dialogue(part)
            made.append(one)
            rows.append(row_of(one))
            time.sleep(_REST)  # or the event loop waits for Python's lock
        if self._files is not None:
            self._files.append(made)
        return rows

    async def _insert(self, db: Callable[..., Any]) -> None:
        """Insert as much as one transaction shall."""
        piece: list[dict[str, Any]] = []
        size = 0
        for row in self._unwritten:
            if piece and size + len(row["text"]) > _PIECE:
                break
            piece.append(row)
            size += len(row["text"])
        await db(self._write, piece)
        for _ in piece:
            self._unwritten.popleft()
        self._unwritten_size -= size
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            log.warning("%d parts of the activity log were dropped: too much waited.", dropped)

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        with self._database.write() as connection:
            self._rows.write(connection, rows)

"""One session that is recorded for itself: a check's, or that of a message handed over at once."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from flask_smtpadmin.core.dialogues import Mode, Origin, Recording
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.storage.day_files import DayFiles
from flask_smtpadmin.storage.dialogues import Dialogues

log = logging.getLogger(__name__)


class Recorder:
    """Holds the transcript of one session and puts it into the activity log at the end.

    Args:
        dialogues: where it is kept.
        files: the files by date, or None.
        mode: what is to be recorded.
        clock: ``time.time``.
    """

    def __init__(
        self,
        dialogues: Dialogues,
        files: DayFiles | None,
        mode: Mode,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dialogues = dialogues
        self._files = files
        self._mode = mode
        self._clock = clock

    def begin(self, server: Server) -> Transcript:
        """Return an empty transcript for a session with ``server``."""
        return Transcript.of(server, clock=self._clock, session=secrets.token_hex(8))

    def keep(self, record: Transcript, server: str, origin: Origin) -> None:
        """Put a session that is over into the activity log, where the settings want it there.

        Never raises: neither a check nor a message fails for its log.
        """
        if self._mode == "off" or (self._mode == "failures" and not record.failures):
            return
        record.closed = True
        part = record.take()
        if part is None:
            return
        dialogue = Recording(record, server, origin).dialogue(part)
        try:
            self._dialogues.write([dialogue])
        except SQLAlchemyError:
            log.warning("A session could not be put into the activity log.", exc_info=True)
        if self._files is not None:
            self._files.append([dialogue])

    def keep_soon(self, record: Transcript, server: str, origin: Origin) -> None:
        """Do as :meth:`keep`, in a thread: the caller may hold the lock that it waits for."""
        if self._mode == "off":
            return
        work = partial(self.keep, record, server, origin)
        if self._dialogues.in_memory:  # one connection, and it is the caller's
            work()
        else:
            threading.Thread(target=work, name="smtpadmin-recorder").start()

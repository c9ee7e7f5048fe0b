"""A handler that mails errors: grouped, limited, and never in the way of what failed.

::

    from flask_smtpadmin.adapters.logging import MailHandler

    app.logger.addHandler(MailHandler(mail, to=["ops@example.com"]))
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from flask import Flask, current_app, has_app_context

from flask_smtpadmin.adapters.app_state import state_of
from flask_smtpadmin.adapters.error_groups import Groups
from flask_smtpadmin.adapters.error_report import Report, Writer, report_of
from flask_smtpadmin.core.errors import SMTPAdminError
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.mail.address import Mailbox, parse_addresses
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.extension import SMTPAdmin
from flask_smtpadmin.posting import post
from flask_smtpadmin.state import SETTINGS_AGE

_ADAPTER: Final = "flask_smtpadmin.adapters.logging.MailHandler"
log = logging.getLogger(__name__)

#: Their records are not mailed: writing the mail down would make more of them.
_QUIET: Final = ("flask_smtpadmin", "sqlalchemy")
#: Mails that wait for a database which does not take them; older ones are given up.
_MOST_WAITING: Final = 100
#: How often a mail is tried, and seconds between two tries.
_TRIES: Final = 10
_AGAIN: Final = 5.0


@dataclass(slots=True)
class _Letter:
    """A mail that is to be written: ``write(app_name)`` makes it."""

    app: Flask
    write: Callable[[str], Message]
    tries: int = 0


class MailHandler(logging.Handler):
    """Queues a mail for each record of ``level`` and above.

    The first error of a place is mailed at once; the same again within ``minutes`` is counted and
    told in one mail at the end. Same means: the same logger, line and type of exception. Each
    process counts for itself. Records of this package and of SQLAlchemy are not mailed.

    A background thread writes to the queue, in a transaction of its own, so neither a rollback
    nor a locked database of the failing request matters. What cannot be queued is tried again for
    a minute and then given up, with a line in the log.

    Args:
        mail: the SMTPAdmin. Outside of an app context its only app is meant; a record from
            outside of all contexts of several apps is not mailed.
        to: addresses.
        level: the lowest level that is mailed.
        sender: From; without one that of the server.
        server: the key of the server it must go through.
        minutes: how long a group lasts.
        limit: errors that are mailed at once within ``minutes``; the others are told in one mail.

    Raises:
        InvalidMessage: an address in ``to`` or ``sender`` cannot be used.
    """

    def __init__(  # noqa: PLR0913 - keywords only
        self,
        mail: SMTPAdmin,
        to: Sequence[Mailbox],
        *,
        level: int | str = logging.ERROR,
        sender: Mailbox | None = None,
        server: str | None = None,
        minutes: float = 10.0,
        limit: int = 20,
    ) -> None:
        super().__init__(level)
        parse_addresses(to, field="to")
        parse_addresses([] if sender is None else [sender], field="sender")
        self._mail = mail
        self._handling = Handling(server=server)
        self._writer = Writer(list(to), sender, minutes)
        self._limit = limit
        self._clock = time.monotonic
        self._here = threading.local()
        self._begin()

    def filter(self, record: logging.LogRecord) -> Any:
        """Leave out what must not be mailed, before any lock is taken."""
        name = record.name.partition(".")[0]
        if name in _QUIET or getattr(self._here, "busy", False):
            return False
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record; never raises, never waits for a database."""
        self._here.busy = True
        try:
            self._note(record)
        except Exception:  # noqa: BLE001 - an error about an error
            self.handleError(record)
        finally:
            self._here.busy = False

    def flush(self) -> None:
        """Queue in this thread what is to be mailed by now; never raises."""
        self._adopt_process()
        with self._posting:
            self._here.busy = True
            try:
                self._queue_all()
            except Exception:
                log.exception("Errors could not be mailed")
            finally:
                self._here.busy = False

    def close(self) -> None:
        """Tell what was counted so far, without waiting for the end of its group."""
        self._adopt_process()
        with self._guard:
            self._tell_groups(float("inf"))
        self.flush()
        self._wake.set()
        super().close()

    # -- where it happens ---------------------------------------------------------------------

    def _adopt_process(self) -> None:
        """Forget in a forked process what the parent counted: it tells that itself."""
        if self._pid != os.getpid():
            self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._posting = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiting: deque[_Letter] = deque(maxlen=_MOST_WAITING)
        self._groups: dict[Flask, Groups[Report]] = {}

    def _note(self, record: logging.LogRecord) -> None:
        app = self._app()
        if app is None:
            return
        report = report_of(record, self.formatter)
        self._adopt_process()
        with self._guard:
            groups = self._groups.setdefault(app, Groups(self._writer.minutes * 60, self._limit))
            if groups.add(report.place, report, self._clock()):
                self._waiting.append(_Letter(app, partial(self._writer.first, report)))
            if self._thread is None:
                self._start()
        self._wake.set()

    def _app(self) -> Flask | None:
        apps = self._mail._hooks.apps  # noqa: SLF001 - nobody else is to know them
        if has_app_context():
            current: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask documents it
            if current in apps:
                return current
        return next(iter(apps)) if len(apps) == 1 else None

    # -- in the thread ------------------------------------------------------------------------

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="smtpadmin-logging", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending: flush() comes with logging.shutdown()
            self._thread = None

    def _work(self) -> None:
        while True:
            self._wake.wait(self._pause())
            self._wake.clear()
            self.flush()
            with self._guard:
                if not self._waiting and self._next_at() is None:
                    self._thread = None
                    return
            if self._waiting:
                time.sleep(_AGAIN)

    def _pause(self) -> float:
        with self._guard:
            at = self._next_at()
        return 0.0 if self._waiting or at is None else max(0.0, at - self._clock())

    def _next_at(self) -> float | None:
        ends = (groups.next_at() for groups in self._groups.values())
        return min((end for end in ends if end is not None), default=None)

    def _tell_groups(self, now: float) -> None:
        for app, groups in self._groups.items():
            over = groups.over(now)
            tell: list[Callable[[str], Message]] = [
                partial(self._writer.again, group) for group in over if group.mailed
            ]
            if untold := [group for group in over if not group.mailed]:
                tell.append(partial(self._writer.many, untold))
            self._waiting.extend(_Letter(app, write) for write in tell)

    def _queue_all(self) -> None:
        with self._guard:
            self._tell_groups(self._clock())
        while self._waiting:
            letter = self._waiting.popleft()
            try:
                self._post(letter)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others still wait
                self._try_again(letter, error)
                return

    def _post(self, letter: _Letter) -> None:
        state = state_of(letter.app, _ADAPTER)
        with state.pushed():
            name = state.settings.snapshot(max_age=SETTINGS_AGE)["APP_NAME"] or state.app_name
            post(state, [letter.write(name)], self._handling, session="own")

    def _try_again(self, letter: _Letter, error: Exception) -> None:
        letter.tries += 1
        if letter.tries < _TRIES:
            self._waiting.appendleft(letter)
        if letter.tries in {1, _TRIES}:
            why = str(error) if isinstance(error, SMTPAdminError) else type(error).__name__
            what = "is given up" if letter.tries == _TRIES else "waits"
            log.warning("A mail about an error %s: %s", what, why)

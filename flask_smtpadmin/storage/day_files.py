"""Dialogues as files by date, one for each day (UTC), for whoever keeps logs elsewhere.

Several workers append to the same file: each flush is one write to a file opened for appending,
so that their parts do not mix.
"""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from flask_smtpadmin.core.dialogues import Dialogue

log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"smtpadmin-([0-9]{4}-[0-9]{2}-[0-9]{2})\.log")


class DayFiles:
    """Appends to ``smtpadmin-2026-11-28.log`` in one folder and removes what is too old.

    A folder that cannot be written to is told once, and again after it could be in between.

    Args:
        folder: made (mode 0700) when missing; its files are readable by this user only.
        keep_days: returns for how many days to keep files; None: for ever.
        today: returns the day (UTC).
    """

    def __init__(
        self,
        folder: Path,
        keep_days: Callable[[], int | None],
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._folder = folder
        self._keep_days = keep_days
        self._today = today
        self._pruned_on: date | None = None
        self._failed = False

    def append(self, dialogues: Iterable[Dialogue]) -> None:
        """Append parts to the files of their days; never raises OSError."""
        by_day: dict[date, list[str]] = defaultdict(list)
        for one in dialogues:
            by_day[one.day].append(one.printed())
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for day, texts in by_day.items():
                _append(self._folder / f"smtpadmin-{day.isoformat()}.log", "".join(texts))
            self._prune()
        except OSError as error:
            if not self._failed:
                log.warning(
                    "Activity is not written to LOG_DIR %s: %s. Mail is not affected.",
                    self._folder,
                    error.strerror or error,
                )
            self._failed = True
        else:
            self._failed = False

    def _prune(self) -> None:
        """Remove files of ours that are too old; once a day is enough."""
        today, days = self._today(), self._keep_days()
        if days is None or self._pruned_on == today:
            return
        for path in self._folder.iterdir():
            day = _day_of(path.name)
            if day is not None and day < today - timedelta(days):
                with suppress(FileNotFoundError):  # another worker was faster
                    path.unlink()
        self._pruned_on = today


def _append(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, 0o600)
    try:
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)


def _day_of(name: str) -> date | None:
    match = _NAME.fullmatch(name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None

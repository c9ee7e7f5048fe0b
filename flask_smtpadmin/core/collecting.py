"""When Python's cyclic collector may go through what a process holds.

It does so every so many objects that are made and kept, and each time takes tens of milliseconds
in an app of some size: a third of the time in which a thousand mails are queued. What is made for
a mail holds no cycle and is freed without it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Objects made and kept between two collections: those of some ten thousand mails.
_MANY: Final = 100_000

_lock = threading.Lock()
_inside = 0
_usual = gc.get_threshold()


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let collections happen seldom, in all threads, until the last thread is out of here.

    Garbage of others is bounded by so many objects; an app's own higher bound, or none at all
    (``gc.disable``), stays.
    """
    global _inside, _usual  # noqa: PLW0603 - the collector is the process's, too
    with _lock:
        if not _inside:
            _usual = gc.get_threshold()
            gc.set_threshold(max(_MANY, _usual[0]) if _usual[0] else 0, *_usual[1:])
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.set_threshold(*_usual)


@contextmanager
def set_apart() -> Iterator[None]:
    """Spare the collector what is there by now, for as long as a process does one thing only."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

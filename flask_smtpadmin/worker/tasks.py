"""The one RQ job function: somebody rang, so the engine looks for mail."""

from __future__ import annotations

import logging
from collections.abc import Callable

from rq import get_current_job

from flask_smtpadmin.jobs.doorbell import token_key

log = logging.getLogger(__name__)

_listeners: list[Callable[[], None]] = []


def drain() -> None:
    """Take the bell's token down, so that the next message rings again, and wake the engine.

    The token goes first: mail that comes in after this rings anew. Returns at once, so RQ's job
    time-out never runs over a delivery.
    """
    job = get_current_job()
    if job is not None:
        job.connection.delete(token_key(job.origin))
    if not _listeners:
        log.warning("The bell rang in a process that delivers no mail; run `flask smtp-worker`.")
    for listener in tuple(_listeners):
        listener()


def listen(listener: Callable[[], None]) -> Callable[[], None]:
    """Call ``listener`` at each ring; returns what ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)

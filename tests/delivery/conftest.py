"""A queue on each database, and values to build tries from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.apps import Site
from support.queues import MailQueue


@pytest.fixture
def mail_queue(make_app: Callable[..., Site], database_url: str) -> MailQueue:
    """Return a queue; the test runs once on each of the three databases."""
    return MailQueue(make_app(database_url, SMTPADMIN_MAX_QUEUE=0))


@pytest.fixture
def sqlite_queue(make_app: Callable[..., Site], sqlite_url: str) -> MailQueue:
    """Return a queue on an SQLite file."""
    return MailQueue(make_app(sqlite_url, SMTPADMIN_MAX_QUEUE=0))

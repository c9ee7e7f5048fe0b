"""A worker in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.delivery.events import Summary
from flask_smtpadmin.worker.supervisor import Supervisor
from support.workers import WorkerSite


@contextmanager
def working(site: WorkerSite, **options: Any) -> Iterator[list[Summary]]:
    """Run a worker in a thread of this process; the list holds its summary afterwards."""
    supervisor = Supervisor(site.state, Options(**options))
    summaries: list[Summary] = []
    thread = threading.Thread(target=lambda: summaries.append(supervisor.run()))
    thread.start()
    try:
        yield summaries
    finally:
        supervisor.stop()
        thread.join(40)
        assert summaries, "the worker ended in good order"

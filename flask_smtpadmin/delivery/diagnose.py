"""The check ladder: every step to a server, tried one by one and explained."""

from __future__ import annotations

import asyncio
import threading
from typing import Unpack

from flask_smtpadmin.core.report import Report
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.ladder import Ladder, Options
from flask_smtpadmin.delivery.now import LIMIT
from flask_smtpadmin.delivery.own_loop import run

__all__ = ["LIMIT", "Options", "check", "run_check"]


async def check(server: Server, **options: Unpack[Options]) -> Report:
    """Try every step to ``server`` and, with ``to=``, send a test message; never raises."""
    return await Ladder(server, options).climb()


def run_check(
    server: Server, *, cancel: threading.Event | None = None, **options: Unpack[Options]
) -> Report:
    """Run :func:`check` in a thread and event loop of its own and wait for the report.

    ``progress`` is called in that thread. Setting ``cancel`` ends the check within 0.1 s; what
    was not tried is then ``skipped`` and the report is not ``ok``.
    """
    ladder = Ladder(server, options)

    async def climb() -> Report:
        try:
            return await ladder.climb()
        except asyncio.CancelledError:
            return ladder.report()

    return run(climb, cancel=cancel)

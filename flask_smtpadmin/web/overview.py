"""The first page: what is wrong, the five figures, servers, workers."""

from __future__ import annotations

from flask import Response

from flask_smtpadmin.state import current_state
from flask_smtpadmin.web.banners import Situation, banners
from flask_smtpadmin.web.render import page
from flask_smtpadmin.web.server_list import in_order


def overview() -> Response:
    """Show how e-mail is doing at the moment."""
    state = current_state()
    now = Situation(
        snapshot=state.settings.snapshot(),
        figures=state.summary.figures(),
        workers=state.summary.workers(),
    )
    return page(
        "overview",
        here="Overview",
        banners=banners(now),
        figures=now.figures,
        servers=in_order(tuple(now.snapshot.servers.values())),
        allowances=state.summary.allowances(now.servers),
        configured=bool(now.servers),
        workers=now.workers,
        live=now.live,
        redis=_redis(now),
        paused=now.snapshot.paused,
    )


def _redis(now: Situation) -> str:
    """Return the queue server as the live workers see it: ok, down, none."""
    seen = {worker.redis for worker in now.live}
    return "down" if "down" in seen else "ok" if "ok" in seen else "none"

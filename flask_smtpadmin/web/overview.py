"""The first page: what is wrong, the five figures, servers, workers, failures, what happened."""

from __future__ import annotations

from flask import Response

from flask_smtpadmin.core.settings.order import in_order
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web.banners import banners
from flask_smtpadmin.web.chart import chart
from flask_smtpadmin.web.formats import clock, day
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.render import page
from flask_smtpadmin.web.situation import Situation


def overview() -> Response:
    """Show how e-mail is doing at the moment."""
    state = current_state()
    summary, snapshot = state.summary, state.settings.snapshot()
    picture = summary.picture()
    servers = in_order(tuple(snapshot.servers.values()))
    now = Situation(
        snapshot=snapshot,
        figures=picture.figures,
        workers=summary.workers(),
        moments=summary.moments(),
        allowances=summary.allowances(servers),
        unreadable=summary.unreadable(),
    )
    return page(
        "overview",
        here="Overview",
        banners=banners(now),
        figures=now.figures,
        servers=servers,
        allowances=now.allowances,
        moments=now.moments,
        configured=bool(now.servers),
        workers=now.workers,
        live=now.live,
        redis=_redis(now),
        paused=snapshot.paused,
        failures=picture.failures,
        charts=(
            chart("hours", _("Last 24 hours"), picture.history.hours, clock),
            chart("days", _("Last 30 days"), picture.history.days, day),
        ),
        refusals=picture.history.refusals,
    )


def _redis(now: Situation) -> str:
    """Return the queue server as the live workers see it: ok, down, none."""
    seen = {worker.redis for worker in now.live}
    return "down" if "down" in seen else "ok" if "ok" in seen else "none"

"""Checks of servers, from the wish to the stored report: by hand, through queue and worker."""

from __future__ import annotations

from flask_smtpadmin.checkup.jobs import Part, begin, look, report_on, run_here, serve_waiting
from flask_smtpadmin.checkup.order import Order, Stop

__all__ = ["Order", "Part", "Stop", "begin", "look", "report_on", "run_here", "serve_waiting"]

"""The few settings that the pages themselves stand on, known without the database."""

from __future__ import annotations

from flask import current_app, g
from jinja2 import TemplateNotFound

from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.state import current_state


def option(name: str) -> str:
    """Return a setting that only environment and app.config may hold (``"CSP"``), as text."""
    if "smtpadmin_boot" not in g:
        g.smtpadmin_boot = current_state().settings.boot()
    boot: Snapshot = g.smtpadmin_boot
    return str(boot[name] or "")


def base_template() -> str:
    """Return the host app's template that the pages extend; "" when there is none to be found."""
    name = option("BASE_TEMPLATE")
    try:
        return name if name and current_app.jinja_env.get_template(name) else ""
    except TemplateNotFound:
        return ""


def app_name() -> str:
    """Return what the app calls itself; saved names are shown where the database is read."""
    return option("APP_NAME") or current_state().app_name

"""Addresses: for mails, and to go back to after signing in."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import current_app, request, url_for


def link(endpoint: str, **values: Any) -> str:
    """Return the full address of a page, for a mail.

    It is built from ``SMTPADMIN_BASE_URL``, never from the request's Host header: whoever asks
    for a reset mail must not decide where its link leads.
    """
    base: str = current_app.config["SMTPADMIN_BASE_URL"]
    return base.rstrip("/") + url_for(endpoint, **values)


def next_page(default: str) -> str:
    """Return the page of our own that ``?next=`` names, or the page of the endpoint ``default``."""
    target = request.args.get("next", "")
    parts = urlsplit(target)
    if target.startswith("/") and not parts.netloc and not target.startswith(("//", "/\\")):
        return target
    return url_for(default)

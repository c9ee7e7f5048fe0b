"""The security headers of our pages; a header that the app sets itself always stays."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Response, request

from flask_smtpadmin.web.options import base_template, option

#: Nothing inline, nothing foreign.
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
#: Says that an answer is ours.
MARKER: Final = "X-SMTPAdmin"
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    # tells our script that it was us who answered, and nothing in front of the app
    MARKER: "1",
}
_YEAR: Final = 31_536_000


def may_frame(response: Response) -> Response:
    """Let a page of ours show frames with what is at this very site; its policy stays otherwise."""
    if _policy() == CSP:
        response.headers["Content-Security-Policy"] = f"{CSP}; frame-src 'self'"
    return response


def secure(response: Response) -> Response:
    """Add the headers to ``response``; the host's template decides alone about its policy."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    policy = _policy()
    if policy:
        response.headers.setdefault("Content-Security-Policy", policy)
    if (request.endpoint or "").endswith(".static"):
        _cache_static(response)
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    return option("CSP") or ("" if base_template() else CSP)


def _cache_static(response: Response) -> None:
    """Keep a file for a year when its address names its version, else ask every time."""
    known = "v" in request.args and response.status_code < HTTPStatus.BAD_REQUEST
    keep = f"public, max-age={_YEAR}, immutable" if known else "no-cache"
    response.headers.setdefault("Cache-Control", keep)

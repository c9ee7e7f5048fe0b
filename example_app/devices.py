"""Which program and system a request came from, in words a person knows again."""

from __future__ import annotations

from flask import request

# The first that is named counts: Edge calls itself Chrome too, Chrome calls itself Safari.
_PROGRAMS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome"}
_PROGRAMS |= {"Safari": "Safari"}
_SYSTEMS = {"Android": "Android", "iPhone": "an iPhone", "iPad": "an iPad", "Windows": "Windows"}
_SYSTEMS |= {"Mac OS": "macOS", "Linux": "Linux"}


def device() -> str:
    """Return "Firefox on macOS", "" where the request does not say."""
    said = request.headers.get("User-Agent", "")
    program = next((name for mark, name in _PROGRAMS.items() if f"{mark}/" in said), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in said), "")
    return f"{program} on {system}" if program and system else ""

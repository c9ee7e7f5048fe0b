"""Which addresses a check from a page may connect to."""

from __future__ import annotations

from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.presets import preset_ports
from flask_smtpadmin.state import current_state


def host_policy() -> HostPolicy:
    """Return the app's HOST_POLICY; ``strict`` allows the ports of the presets and its own."""
    snapshot = current_state().settings.snapshot(max_age=1.0)
    ports = preset_ports() | frozenset(snapshot["ALLOWED_PORTS"])
    return HostPolicy(snapshot["HOST_POLICY"], ports)

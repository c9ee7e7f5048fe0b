"""What the settings say about retries and about the hosts that may be connected to."""

from __future__ import annotations

from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.core.settings.presets import preset_ports


def retry_policy(snapshot: Snapshot) -> Policy:
    """Return the retry settings in force."""
    return Policy(
        attempts=snapshot["RETRY_ATTEMPTS"],
        threshold=snapshot["DEAD_LETTER_THRESHOLD"],
        delay=snapshot["RETRY_DELAY"],
        max_delay=snapshot["RETRY_MAX_DELAY"],
        max_age=snapshot["MAX_AGE"],
        on_uncertain=snapshot["ON_UNCERTAIN"],
    )


def host_policy(snapshot: Snapshot) -> HostPolicy:
    """Return HOST_POLICY; ``strict`` allows the ports of the presets and ALLOWED_PORTS."""
    ports = preset_ports() | frozenset(snapshot["ALLOWED_PORTS"])
    return HostPolicy(snapshot["HOST_POLICY"], ports)

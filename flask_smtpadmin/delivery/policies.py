"""What the settings say about retries and about the hosts that may be connected to."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.core.settings import LOCAL_ENGINES, Server, Snapshot
from flask_smtpadmin.core.settings.presets import preset_ports
from flask_smtpadmin.core.transaction import HostRefused, TransportFailure
from flask_smtpadmin.delivery.own_loop import run
from flask_smtpadmin.transport import dial

#: How long DNS may take while somebody waits for a form to be saved, in seconds.
_LOOK_UP: Final = 3.0


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


def refusal(server: Server, snapshot: Snapshot) -> str:
    """Return why HOST_POLICY keeps connections away from ``server``; "" when it lets them through.

    Connects to nothing. DNS is asked where names are judged by their address (``strict`` or a
    callable), for 3 s at most; without an answer nothing is refused yet.
    """
    if not server.host or server.engine in LOCAL_ENGINES:
        return ""
    policy, hurried = host_policy(snapshot), replace(server, timeout=min(server.timeout, _LOOK_UP))
    try:
        if policy.rule == "private":
            dial.resolve_literal(hurried, policy)
        else:
            run(lambda: dial.resolve(hurried, policy))
    except TransportFailure as failure:
        if isinstance(failure.error, HostRefused):
            return str(failure.error)
    return ""

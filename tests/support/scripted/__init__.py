"""An SMTP server that does what its script says, and misbehaves where the script says so.

A script maps a step to what happens there; what it leaves out goes well::

    {"rcpt": ["250 ok", "550 5.1.1 no such user"], "dot": Drop(reset=True)}

A list holds one action per occurrence, its last one repeats; a tuple is done one after the other.
The server counts what it accepted by Message-ID and recipient, the AUTH commands, and every byte
that came in the clear.
"""

from __future__ import annotations

from support.scripted.actions import (
    Accept,
    Action,
    Drop,
    Pause,
    Raw,
    Script,
    Silence,
    Step,
    Until,
    Upgrade,
)
from support.scripted.dialogue import Delivery, Dialogue
from support.scripted.server import (
    EXTENSIONS,
    Farm,
    ScriptedServer,
    scripted_server,
    scripted_servers,
)

__all__ = [
    "EXTENSIONS",
    "Accept",
    "Action",
    "Delivery",
    "Dialogue",
    "Drop",
    "Farm",
    "Pause",
    "Raw",
    "Script",
    "ScriptedServer",
    "Silence",
    "Step",
    "Until",
    "Upgrade",
    "scripted_server",
    "scripted_servers",
]

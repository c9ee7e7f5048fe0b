"""What ``send_now`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Receipt:
    """A server's acceptance of one message; accepted means handed over, not delivered.

    ``server`` is the server's key, ``reply`` its final words, ``accepted`` the envelope addresses
    it took, ``refused`` those it did not take with its reply on each; ``ms`` covers everything
    from name resolution to the final reply.
    """

    message_id: str
    server: str
    reply: str
    accepted: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    ms: float = 0.0

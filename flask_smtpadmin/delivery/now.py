"""Hand one message over at once, in the caller's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.receipt import Receipt
from flask_smtpadmin.core.settings import Server

if TYPE_CHECKING:
    from flask_smtpadmin.core.mime import Built

LIMIT = 30.0


def send_now(
    built: Built,
    server: Server,
    *,
    sender: str | None = None,
    policy: HostPolicy = PRIVATE,
    limit: float = LIMIT,
) -> Receipt:
    """Hand ``built`` to ``server`` now and return the receipt; ``limit`` in seconds, in all.

    The From mailbox is ``sender``, else the message's own, else the server's. Raises
    DeliveryError when the server took it for nobody, ConfigurationError when there is no sender.
    """
    raise NotImplementedError

"""Signals: sent after the commit, in an app context, with the app as sender.

A receiver gets keywords: ``message`` for the four about messages, ``server`` (its key) and
``reason`` for the two about servers. What a receiver raises is logged, never passed on: the mail
is committed by then.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace

log = logging.getLogger(__name__)
_signals = Namespace()

#: The outbox took a message: ``message`` is its QueuedMessage.
message_queued = _signals.signal("smtpadmin-message-queued")
#: A server accepted a message for at least one recipient: ``message`` is its id.
message_sent = _signals.signal("smtpadmin-message-sent")
#: A counted failure, and there will be another try.
message_retrying = _signals.signal("smtpadmin-message-retrying")
#: A message became a dead letter.
message_dead = _signals.signal("smtpadmin-message-dead")
#: A server stopped being ``ok``: ``server`` and ``reason``.
server_degraded = _signals.signal("smtpadmin-server-degraded")
#: A server is ``ok`` again.
server_recovered = _signals.signal("smtpadmin-server-recovered")


def announce(signal: NamedSignal, app: Any, **values: Any) -> None:
    """Send ``signal`` to each receiver; one that raises is logged and stops no other."""
    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **values)
        except Exception:
            log.exception("A receiver of %s failed", signal.name)

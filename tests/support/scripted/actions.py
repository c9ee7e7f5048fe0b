"""What a script can make the server do at a step."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Drop:
    """Close the connection: FIN, RST with ``reset``, or inside TLS ``rude``: no close_notify."""

    reset: bool = False
    rude: bool = False


@dataclass(frozen=True)
class Silence:
    """Say nothing more, whatever comes, until the client hangs up."""


@dataclass(frozen=True)
class Pause:
    """Neither say nor read anything for so many seconds: the TCP window closes in the end."""

    seconds: float = 60.0


@dataclass(frozen=True)
class Until:
    """Neither say nor read anything until the test sets ``event``."""

    event: threading.Event


@dataclass(frozen=True)
class Raw:
    """Write these very bytes, ``size`` at a time with ``pause`` seconds in between."""

    data: bytes
    size: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Upgrade:
    """Answer STARTTLS with ``data`` in one packet, then do TLS (with ``context`` if given)."""

    data: bytes = b"220 go ahead\r\n"
    context: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Accept:
    """Count the message as accepted, then go on with ``then`` (instead of 250)."""

    then: Action


Action = str | Drop | Silence | Pause | Until | Raw | Upgrade | Accept | Sequence["Action"]
#: The steps, in the order in which a dialogue comes to them. ``connect`` stands before the TLS
#: handshake of implicit TLS and the banner, ``handshake`` instead of the next TLS handshake,
#: ``body`` after the first line of content, ``dot`` instead of the final reply.
Step = Literal[
    "connect",
    "handshake",
    "banner",
    "ehlo",
    "starttls",
    "auth",
    "mail",
    "rcpt",
    "data",
    "body",
    "dot",
    "rset",
    "quit",
    "unknown",
]
Script = Mapping[str, Action | Callable[[str], Action]]

GOOD: Mapping[str, Action] = {
    "banner": "220 scripted.test ESMTP",
    "starttls": Upgrade(),
    "auth": "235 2.7.0 welcome",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go on",
    "dot": Accept("250 2.0.0 queued"),
    "rset": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
}

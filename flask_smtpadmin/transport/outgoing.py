"""The address that this host sends from, as far as it knows it itself."""

from __future__ import annotations

import socket
from typing import Final

#: Addresses for documentation (RFC 5737, 3849): any route but a special one leads there.
_FAR: Final = (
    (socket.AF_INET, ("192.0.2.1", 53)),
    (socket.AF_INET6, ("2001:db8::1", 53)),
)


def own_addresses() -> tuple[str, ...]:
    """Return the addresses that a connection to the internet begins at; nothing is sent.

    Behind a NAT these are private ones, and which address others see is not known here.
    """
    found = []
    for family, far in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect(far)  # of a datagram socket: chooses a route, sends nothing
                found.append(str(sock.getsockname()[0]))
        except OSError:  # no such family, or no route
            continue
    return tuple(found)

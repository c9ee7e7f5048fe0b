"""SPF macros (RFC 7208 7): parts of the sender put into a domain name."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_PART: Final = re.compile(r"%\{([A-Za-z])(\d*)([rR]?)([.\-+,/_=]*)\}|%([%_-])")
_PLAIN: Final = {"%": "%", "_": " ", "-": "%20"}
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class Client:
    """Who hands mail over: ``ip``, the MAIL FROM address, and the name given in EHLO."""

    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    sender: str
    helo: str = ""

    @property
    def local(self) -> str:
        """The part before the @; postmaster where there is none (RFC 7208 4.3)."""
        return self.sender.rpartition("@")[0] or "postmaster"

    @property
    def origin(self) -> str:
        """The domain of the address."""
        return self.sender.rpartition("@")[2]


def expand(text: str, client: Client, domain: str) -> str:
    """Return a domain-spec with its macros replaced; labels on the left go where it is too long.

    ``%{p}`` is always ``unknown``, as RFC 7208 7.3 allows: that name is the reverse lookup's.
    """
    name = _PART.sub(lambda found: _one(found, client, domain), text)
    while len(name) > _LONGEST_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def _one(found: re.Match[str], client: Client, domain: str) -> str:
    if found[5]:
        return _PLAIN[found[5]]
    letter = found[1]
    parts = re.split("[" + re.escape(found[4] or ".") + "]", _value(letter.lower(), client, domain))
    if found[3]:
        parts.reverse()
    if found[2]:
        # a bound: int() of thousands of digits would raise, and no name has as many parts
        parts = parts[-int(found[2][:3]) :] if int(found[2][:3]) else parts
    value = ".".join(parts)
    return quote(value, safe="-._~") if letter.isupper() else value


def _value(letter: str, client: Client, domain: str) -> str:
    values = {
        "s": f"{client.local}@{client.origin}",
        "l": client.local,
        "o": client.origin,
        "d": domain,
        "i": _dotted(client.ip),
        "p": "unknown",
        "v": "in-addr" if client.ip.version == 4 else "ip6",  # noqa: PLR2004 - IPv4
        "h": client.helo or "unknown",
    }
    return values.get(letter, "")


def _dotted(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return ".".join(ip.exploded.replace(":", ""))

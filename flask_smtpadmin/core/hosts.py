"""Which addresses mail may be handed to (HOST_POLICY): checked on the resolved address.

The check stands between name resolution and ``connect``, and the connection is made to the very
address that was checked, so that a name which resolves differently a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from flask_smtpadmin.core.settings import Server

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Rule = Literal["private", "strict"] | Callable[[str, int], bool]

#: Cloud metadata services outside the link-local range (AWS, Alibaba, Oracle, Azure).
METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
    )
)
#: IPv6 addresses whose last four bytes are an IPv4 one: IPv4-compatible (RFC 4291 2.5.5.1),
#: translated (RFC 2765), NAT64 (RFC 6052 and, as a network of one's own, RFC 8215).
_EMBEDDING: Final = tuple(
    map(ipaddress.ip_network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"))
)
#: What stands before the IPv4 address in an interface identifier of ISATAP (RFC 5214 6.1).
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
#: Where the public addresses of IPv6 are, so far (RFC 4291 2.4).
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
#: Not public though Python may say so: protocol assignments, the former relays of 6to4,
#: documentation (RFC 6890, RFC 7526, RFC 9637).
_NOT_PUBLIC: Final = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20"))
)
_THIS_NETWORK: Final = ipaddress.ip_network("0.0.0.0/8")
_BROADCAST: Final = ipaddress.ip_address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """``rule`` as in HOST_POLICY; ``ports`` are the ports that ``strict`` allows."""

    rule: Rule = "private"
    ports: frozenset[int] = field(default_factory=frozenset)

    def permits(self, address: str, port: int) -> bool:
        """Say whether a connection to ``address`` (an IP, zone allowed) and ``port`` may be made.

        A callable that raises, or an address that is none, permits nothing.
        """
        try:
            ip = unwrap(ipaddress.ip_address(address.partition("%")[0]))
            if callable(self.rule):
                return bool(self.rule(address, port))
        except Exception:  # noqa: BLE001 - user code decides here: whatever fails, refuse
            return False
        if forbidden(ip):
            return False
        return self.rule != "strict" or (_is_public(ip) and port in self.ports)


PRIVATE: Final = HostPolicy()


def unwrap(ip: Address) -> Address:
    """Return the IPv4 address that an IPv6 transition address leads to, else ``ip`` itself."""
    if isinstance(ip, ipaddress.IPv4Address) or ip.is_unspecified or ip.is_loopback:
        return ip
    number = int(ip)
    if any(ip in network for network in _EMBEDDING) or (number >> 32 & 0xFFFFFFFF) in _ISATAP:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else None) or ip


def _is_public(ip: Address) -> bool:
    if not ip.is_global or any(ip in network for network in _NOT_PUBLIC):
        return False
    return isinstance(ip, ipaddress.IPv4Address) or ip in _GLOBAL_UNICAST


def forbidden(ip: Address) -> bool:
    """Say whether no policy but a callable allows ``ip``."""
    return (
        ip.is_link_local
        or ip.is_multicast
        or ip.is_unspecified
        or ip in METADATA
        or ip == _BROADCAST
        or (isinstance(ip, ipaddress.IPv4Address) and ip in _THIS_NETWORK)
    )


def is_loopback(address: str) -> bool:
    """Say whether what goes to ``address`` (as a socket reports it) never leaves this machine.

    127.0.0.1 behind NAT64 or a tunnel is another machine: only the mapped form is the same.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def exact(address: str) -> str:
    """Return one address as providers want it on their lists: ``203.0.113.15/32``."""
    return str(ipaddress.ip_network(address))


def covers(network: str, address: str) -> bool:
    """Say whether ``address`` is in ``network``; both as :func:`exact` writes them, or bare."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def exempt(server: Server) -> bool:
    """Say whether the policy does not apply: the endpoint was set by whoever runs the app."""
    host, port = server.fields.get("host"), server.fields.get("port")
    typed = port is not None and port.origin == "database"
    return host is not None and host.origin in {"environment", "app_config"} and not typed


def permitted(addresses: Iterable[str], server: Server, policy: HostPolicy) -> tuple[str, ...]:
    """Return those of the resolved ``addresses`` that ``server`` may be reached at, in order."""
    if exempt(server):
        return tuple(addresses)
    return tuple(item for item in addresses if policy.permits(item, server.port))

"""Questions to DNS beyond addresses for a connection: MX, SRV, TXT and PTR records.

A name that exists without such a record gives an empty list; everything else that goes wrong is
one of three errors. Nothing is cached: whoever asks wants to know what is published now.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
import dns.reversename

#: Seconds that one nameserver has for itself before the question is asked again.
_TRY: Final = 2.0


class DnsError(Exception):
    """A question that DNS did not answer; ``name`` is what was asked for, ``reason`` says why."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.reason = text


class NameNotFound(DnsError):
    """The name does not exist (NXDOMAIN)."""


class DnsTimeout(DnsError):
    """No nameserver answered in time."""


class DnsFailure(DnsError):
    """The nameservers answered that they cannot tell, or the name is none that DNS can hold."""


class Service(NamedTuple):
    """One SRV record (RFC 2782); ``host`` "" says that the service is decidedly not offered."""

    priority: int
    weight: int
    port: int
    host: str


class Resolver:
    """Asks DNS; coroutines, each raising a :class:`DnsError` after at most ``timeout`` seconds.

    Args:
        timeout: seconds for one question, repeats included.
        nameservers: IP addresses with ports; without any, those that the system uses.
    """

    def __init__(self, timeout: float = 5.0, nameservers: Sequence[tuple[str, int]] = ()) -> None:
        self.timeout = timeout
        self.nameservers = tuple(nameservers)

    async def mx(self, domain: str) -> list[tuple[int, str]]:
        """Return (preference, host), the preferred first; host "" is a null MX (RFC 7505)."""
        found = await self._ask(domain, "MX")
        return sorted((item.preference, _text(item.exchange)) for item in found)

    async def srv(self, name: str) -> list[Service]:
        """Return the services at ``_submissions._tcp.example.org``, lowest priority number first.

        Among equals the heaviest comes first: the order is to be read, not drawn by lot.
        """
        found = [
            Service(item.priority, item.weight, item.port, _text(item.target))
            for item in await self._ask(name, "SRV")
        ]
        return sorted(found, key=lambda item: (item.priority, -item.weight, item.host))

    async def txt(self, name: str) -> list[str]:
        """Return the texts, each put together from its parts; what is not UTF-8 is replaced."""
        found = await self._ask(name, "TXT")
        return [b"".join(item.strings).decode("utf-8", "replace") for item in found]

    async def addresses(self, host: str) -> list[str]:
        """Return the IPv4, then the IPv6 addresses; an address literal is its own answer.

        One family that fails is passed over as long as the other one answers.
        """
        if _is_address(host):
            return [host]
        answers = await asyncio.gather(
            self._ask(host, "A"), self._ask(host, "AAAA"), return_exceptions=True
        )
        found = [item.address for answer in answers if isinstance(answer, list) for item in answer]
        for answer in answers:
            if isinstance(answer, BaseException) and not found:
                raise answer
        return found

    async def ptr(self, ip: str) -> list[str]:
        """Return the names of an IP address; raises ValueError when ``ip`` is none."""
        address = ipaddress.ip_address(ip)
        name = str(dns.reversename.from_address(str(address)))
        return [_text(item.target) for item in await self._ask(name, "PTR")]

    async def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            asked = _absolute(name)
            answer = await self._resolver().resolve(asked, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            raise NameNotFound(name, "there is no such name") from error
        except dns.exception.Timeout as error:
            raise DnsTimeout(name, f"no answer within {self.timeout:g} s") from error
        except (dns.exception.DNSException, UnicodeError, OSError) as error:
            raise DnsFailure(name, f"DNS cannot tell ({type(error).__name__})") from error
        return list(answer.rrset or ())

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self.nameservers)
        if self.nameservers:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver(ip, port) for ip, port in self.nameservers
            ]
        resolver.lifetime = self.timeout
        resolver.timeout = min(_TRY, self.timeout)
        return resolver


def _absolute(name: str) -> dns.name.Name:
    """Return ``name`` from the root: the machine's search list must not turn it into another."""
    labels = (
        label if label.isascii() else dns.name.IDNA_2008_Practical.encode(label).decode("ascii")
        for label in name.rstrip(".").split(".")
    )
    return dns.name.from_text(".".join(labels), origin=dns.name.root)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True

"""Finds the settings for an e-mail address: DNS names the hosts, a look at each tells the rest.

Provider, SRV records (RFC 6186, RFC 8314), the usual names and the MX hosts give the candidates;
all addresses of all of them are tried at once, with one limit on the whole. Nothing signs in and
no mail is sent.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypedDict, TypeVar, Unpack

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.findings import (
    FORBIDDEN,
    PORTS,
    Candidate,
    Finding,
    Probe,
    ProbeState,
    in_order,
)
from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.settings import TLSMode
from flask_smtpadmin.core.settings.presets import Preset, preset_of_domain, preset_of_mx
from flask_smtpadmin.core.words import mark, said
from flask_smtpadmin.delivery.own_loop import run
from flask_smtpadmin.transport.dns import DnsError, NameNotFound, Resolver, Service
from flask_smtpadmin.transport.probe import probe

T = TypeVar("T")
#: Seconds for everything.
LIMIT: Final = 15.0
#: No more hosts than this, and no more addresses of one family of each.
MOST_HOSTS: Final = 6
MOST_ADDRESSES: Final = 2
_MOST_MX: Final = 2
#: SRV names (RFC 6186, RFC 8314 3.3) and how TLS starts at what they name.
_SERVICES: Final[dict[str, TLSMode]] = {
    "_submissions._tcp": "implicit",
    "_submission._tcp": "starttls",
}
#: Names that administrators usually give to a mail server.
_USUAL_NAMES: Final = ("smtp", "mail")


class FindOptions(TypedDict, total=False):
    """What may be asked of a search.

    ``resolver`` asks DNS; ``policy`` is HOST_POLICY; ``progress`` is called with each finished
    row; ``limit`` is the time for everything in seconds (15); ``ca_file`` names further
    authorities to trust.
    """

    resolver: Resolver
    policy: HostPolicy
    progress: Callable[[Probe], None] | None
    limit: float
    ca_file: str


@dataclass(slots=True)
class _Known:
    """What DNS said about the domain."""

    mx: list[tuple[int, str]] = field(default_factory=list)
    services: dict[str, list[Service]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def domain_of(address: str) -> str:
    """Return the domain of an e-mail address.

    Raises:
        InvalidMessage: it is no address, or its domain is a number.
    """
    domain = parse_address(address, field="address").email.rpartition("@")[2]
    if domain.startswith("["):
        raise InvalidMessage(mark("enter an address with a domain name"), field="address")
    return domain


async def find(address: str, **options: Unpack[FindOptions]) -> Finding:
    """Look for the settings of ``address``; raises InvalidMessage when it is none."""
    return await _Search(address, domain_of(address), options).run()


def run_find(
    address: str, *, cancel: threading.Event | None = None, **options: Unpack[FindOptions]
) -> Finding:
    """Run :func:`find` in a thread and event loop of its own and wait for what it finds.

    ``progress`` is called in that thread. Setting ``cancel`` ends the search within 0.1 s; what
    was not done by then has timed out.
    """
    search = _Search(address, domain_of(address), options)

    async def look() -> Finding:
        try:
            return await search.run()
        except asyncio.CancelledError:
            return search.finding(complete=False)

    return run(look, cancel=cancel)


class _Search:
    """One search; :meth:`finding` may be asked for at any time."""

    def __init__(self, address: str, domain: str, options: FindOptions) -> None:
        self._address, self._domain = address, domain
        self._resolver = options.get("resolver") or Resolver()
        self._policy = options.get("policy", PRIVATE)
        self._progress = options.get("progress")
        self._limit = options.get("limit", LIMIT)
        self._ca_file = options.get("ca_file", "")
        self._preset: tuple[Preset, str] | None = None
        self._why = ""
        self._known = _Known()
        self._candidates: list[Candidate] = []
        self._under_way: dict[tuple[Candidate, str], float] = {}
        self._done: list[Probe] = []
        self._started = time.perf_counter()

    async def run(self) -> Finding:
        """Look, for the time there is."""
        try:
            async with asyncio.timeout(self._limit):
                await self._ask()
                self._recognise()
                self._candidates = list(self._choose())
                hosts = dict.fromkeys(item.host for item in self._candidates)
                async with asyncio.TaskGroup() as group:
                    for host in hosts:
                        group.create_task(self._visit(host))
        except TimeoutError:
            return self.finding(complete=False)
        return self.finding(complete=True)

    def finding(self, *, complete: bool) -> Finding:
        """Return what is known so far; what is still under way has timed out."""
        now = time.perf_counter()
        late = [
            Probe(
                candidate=candidate,
                state="timed_out",
                ip=ip,
                ms=(now - started) * 1000,
                detail=said("Not done within %(seconds)s s.", seconds=f"{self._limit:g}"),
            )
            for (candidate, ip), started in self._under_way.items()
        ]
        preset, region = self._preset or (None, "")
        key = preset.key if preset else ""
        return Finding(
            address=self._address,
            preset=f"{key}:{region}" if region else key,
            why=self._why,
            notes=tuple(self._known.notes),
            probes=in_order([*self._done, *late], self._candidates),
            complete=complete,
            ms=(now - self._started) * 1000,
        )

    async def _ask(self) -> None:
        """Ask DNS about the domain, all questions at once."""
        names = {name: f"{name}.{self._domain}" for name in _SERVICES}
        mx, services = await asyncio.gather(
            _answer(self._resolver.mx(self._domain)),
            asyncio.gather(*(_answer(self._resolver.srv(name)) for name in names.values())),
        )
        if isinstance(mx, list):
            self._known.mx = mx
        self._known.notes += _about_mx(self._domain, mx)
        for name, found in zip(names, services, strict=True):
            if isinstance(found, list):
                self._known.services[name] = [item for item in found if item.host]

    def _recognise(self) -> None:
        """Tell the provider by the domain, else by the MX hosts, the preferred first."""
        self._preset = preset_of_domain(self._domain)
        if self._preset is not None:
            self._why = said(
                "Addresses at %(domain)s belong to %(provider)s.",
                domain=self._domain,
                provider=self._preset[0].name,
            )
            return
        for _preference, host in self._known.mx:
            found = preset_of_mx(host) if host else None
            if found is not None:
                self._preset = found
                self._why = said(
                    "%(host)s receives its mail, which belongs to %(provider)s.",
                    host=host,
                    provider=found[0].name,
                )
                return

    def _choose(self) -> Iterator[Candidate]:
        """Yield what is worth a look, the most likely first, each host and port once."""
        seen: set[tuple[str, int]] = set()
        hosts: set[str] = set()
        for candidate in self._likely():
            place = candidate.host, candidate.port
            if place in seen or (candidate.host not in hosts and len(hosts) >= MOST_HOSTS):
                continue
            seen.add(place)
            hosts.add(candidate.host)
            yield candidate

    def _likely(self) -> Iterator[Candidate]:
        provided = self._provided()
        yield from provided
        for name, mode in _SERVICES.items():
            for item in self._known.services.get(name, []):
                why = said("published by %(domain)s (SRV)", domain=self._domain)
                yield Candidate(item.host, item.port, mode, why)
        if provided and self._preset and self._preset[0].category == "mailbox":
            return
        for name in _USUAL_NAMES:
            yield from _usual(f"{name}.{self._domain}", "a usual name for a mail server")
        for _preference, host in [item for item in self._known.mx if item[1]][:_MOST_MX]:
            yield from _usual(host, f"receives the mail of {self._domain} (MX)")

    def _provided(self) -> list[Candidate]:
        """Return the host of the provider, if the region is known, at all its ports."""
        if self._preset is None:
            return []
        preset, region = self._preset
        host = preset.values(region).get("HOST")
        if not host:
            self._known.notes.append(
                said("Choose the region or host that %(provider)s gave you.", provider=preset.name)
            )
            return []
        key = f"{preset.key}:{region}" if region else preset.key
        ports = {**PORTS, **{offer.port: offer.tls_mode for offer in preset.ports}}
        why = said("the host of %(provider)s", provider=preset.name)
        return [Candidate(host, port, mode, why, key) for port, mode in ports.items()]

    async def _visit(self, host: str) -> None:
        """Resolve a host and look at each port of each of its addresses."""
        wanted = [item for item in self._candidates if item.host == host]
        begun = time.perf_counter()
        self._under_way |= {(item, ""): begun for item in wanted}
        try:
            addresses = await self._resolver.addresses(host)
        except DnsError as error:
            text = said("DNS: %(why)s.", why=error.reason)
            self._pass_over(wanted, begun, "unknown", text)
            return
        if not addresses:
            self._pass_over(wanted, begun, "unknown", mark("The name has no address."))
            return
        for item in wanted:
            del self._under_way[item, ""]
        async with asyncio.TaskGroup() as group:
            for item in wanted:
                for ip in _some(addresses):
                    group.create_task(self._look(item, ip))

    async def _look(self, candidate: Candidate, ip: str) -> None:
        if not self._policy.permits(ip, candidate.port):
            self._note(Probe(candidate=candidate, state="forbidden", detail=FORBIDDEN))
            return
        self._under_way[candidate, ip] = time.perf_counter()
        found = await probe(candidate, ip, self._policy, ca_file=self._ca_file)
        del self._under_way[candidate, ip]
        self._note(found)

    def _pass_over(
        self, wanted: Iterable[Candidate], begun: float, state: ProbeState, detail: str
    ) -> None:
        """Note one row for a host that has no address: its ports do not matter."""
        first, *_ = wanted
        for item in wanted:
            del self._under_way[item, ""]
        elapsed = (time.perf_counter() - begun) * 1000
        self._note(Probe(candidate=first, state=state, detail=detail, ms=elapsed))

    def _note(self, found: Probe) -> None:
        """Keep a row and show it; a host's forbidden addresses and ports are one row."""
        if found.state == "forbidden" and any(
            item.state == "forbidden" and item.candidate.host == found.candidate.host
            for item in self._done
        ):
            return
        self._done.append(found)
        if self._progress is not None:
            self._progress(found)


def _usual(host: str, why: str) -> Iterator[Candidate]:
    yield from (Candidate(host, port, mode, why) for port, mode in PORTS.items())


def _some(addresses: Iterable[str]) -> list[str]:
    """Return the first few addresses of each family."""
    four = [ip for ip in addresses if ":" not in ip]
    six = [ip for ip in addresses if ":" in ip]
    return four[:MOST_ADDRESSES] + six[:MOST_ADDRESSES]


async def _answer(question: Awaitable[T]) -> T | DnsError:
    try:
        return await question
    except DnsError as error:
        return error


def _about_mx(domain: str, answer: list[tuple[int, str]] | DnsError) -> list[str]:
    if isinstance(answer, NameNotFound):
        return [f"There is no domain {domain}."]
    if isinstance(answer, DnsError):
        return [f"DNS gave no answer about {domain}: {answer.reason}."]
    if not answer:
        return [f"{domain} names no MX host."]
    hosts = [host for _preference, host in answer if host]
    if not hosts:
        return [f"{domain} takes no mail (a null MX)."]
    return [f"Mail to {domain} goes to {', '.join(hosts[:3])}."]

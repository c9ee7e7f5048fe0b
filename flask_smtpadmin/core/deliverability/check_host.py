"""Evaluate SPF as a receiver does (RFC 7208 4): may this address send for this domain?

The explanation (``exp=``) is not fetched: it changes no result.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from flask_smtpadmin.core.deliverability.lookups import (
    Lookup,
    LookupFailed,
    is_name,
    same_name,
    text_records,
)
from flask_smtpadmin.core.deliverability.macros import Client, expand
from flask_smtpadmin.core.deliverability.spf import (
    Mechanism,
    SPFError,
    SPFRecord,
    is_spf,
    parse_spf,
)

Result = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]

#: Terms with a look-up, look-ups without an answer, hosts of one MX, names of one PTR.
LOOKUPS: Final = 10
VOIDS: Final = 2
_HOSTS: Final = 10
_RESULTS: Final[dict[str, Result]] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receiver would say: ``reason`` tells why it is an error, "" when it is none."""

    result: Result
    reason: str = ""
    lookups: int = 0
    voids: int = 0


async def check_host(lookup: Lookup, client: Client, domain: str) -> Verdict:
    """Return the verdict on ``client`` sending with ``domain`` in MAIL FROM; never raises."""
    run = _Run(lookup, client)
    try:
        result, reason = await run.evaluate(domain), ""
    except SPFError as error:
        result, reason = "permerror", str(error)
    except LookupFailed as error:
        result, reason = "temperror", str(error)
    return Verdict(result, reason, run.lookups, run.voids)


async def spf_record(lookup: Lookup, domain: str) -> SPFRecord | None:
    """Return the one SPF record of ``domain``, None when there is none.

    Raises:
        SPFError: there are several, or it cannot be read.
        LookupFailed: the DNS did not answer.
    """
    records = [text for text in await text_records(lookup, domain) if is_spf(text)]
    if len(records) > 1:
        raise SPFError(f"{same_name(domain)} has {len(records)} SPF records, there may be one")
    return parse_spf(records[0]) if records else None


class _Run:
    """One evaluation, with what it has used up of the limits."""

    def __init__(self, lookup: Lookup, client: Client) -> None:
        self.lookups = 0
        self.voids = 0
        self._lookup = lookup
        self._client = client

    async def evaluate(self, domain: str) -> Result:
        """Return the result of the record of ``domain`` (RFC 7208 4.3-4.7)."""
        if not is_name(domain) or "." not in domain.strip("."):
            return "none"
        record = await spf_record(self._lookup, domain)
        if record is None:
            return "none"
        for mechanism in record.mechanisms:
            if mechanism.costly:
                self._count()
            if await self._matches(mechanism, domain):
                return _RESULTS[mechanism.qualifier]
        if not record.redirect:
            return "neutral"
        self._count()
        target = expand(record.redirect, self._client, domain)
        result = await self.evaluate(target)
        if result == "none":
            raise SPFError(f"redirect={same_name(target)} leads to no SPF record")
        return result

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        if mechanism.name == "all":
            return True
        if mechanism.network is not None:
            return self._client.ip in mechanism.network
        target = expand(mechanism.domain, self._client, domain) if mechanism.domain else domain
        ask = {
            "include": self._include,
            "exists": self._exists,
            "ptr": self._reverse,
            "a": self._hosts,
            "mx": self._exchangers,
        }[mechanism.name]
        return await ask(target, mechanism)

    async def _hosts(self, target: str, mechanism: Mechanism) -> bool:
        return self._within(await self._addresses(target), mechanism)

    async def _exists(self, target: str, _mechanism: Mechanism) -> bool:
        return any(":" not in address for address in await self._addresses(target))

    async def _include(self, target: str, _mechanism: Mechanism) -> bool:
        result = await self.evaluate(target)
        if result == "none":
            raise SPFError(f"include:{same_name(target)} leads to no SPF record")
        return result == "pass"

    async def _exchangers(self, target: str, mechanism: Mechanism) -> bool:
        found = await self._lookup.mx(target) if is_name(target) else []
        self._note(found)
        hosts = [host for _, host in found if is_name(host)]
        if len(hosts) > _HOSTS:
            raise SPFError(f"{same_name(target)} has more than {_HOSTS} MX hosts")
        for host in hosts:
            if self._within(await self._addresses(host), mechanism):
                return True
        return False

    async def _reverse(self, target: str, _mechanism: Mechanism) -> bool:
        try:
            names = await self._lookup.ptr(str(self._client.ip))
        except LookupFailed:
            return False
        self._note(names)
        wanted = same_name(target)
        for name in names[:_HOSTS]:
            ending = same_name(name)
            if ending != wanted and not ending.endswith(f".{wanted}"):
                continue
            try:
                back = await self._addresses(ending)
            except LookupFailed:
                continue
            if str(self._client.ip) in back:
                return True
        return False

    async def _addresses(self, host: str) -> list[str]:
        found = await self._lookup.addresses(host) if is_name(host) else []
        self._note(found)
        return found

    def _within(self, addresses: Iterable[str], mechanism: Mechanism) -> bool:
        ip = self._client.ip
        length = mechanism.four if isinstance(ip, ipaddress.IPv4Address) else mechanism.six
        for text in addresses:
            try:
                network = ipaddress.ip_network(f"{text}/{length}", strict=False)
            except ValueError:  # of the other family, or no address at all
                continue
            if network.version == ip.version and ip in network:
                return True
        return False

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > LOOKUPS:
            raise SPFError(f"it takes more than {LOOKUPS} DNS look-ups")

    def _note(self, answers: Iterable[object]) -> None:
        if any(True for _ in answers):
            return
        self.voids += 1
        if self.voids > VOIDS:
            raise SPFError(f"more than {VOIDS} of its look-ups lead to nothing")

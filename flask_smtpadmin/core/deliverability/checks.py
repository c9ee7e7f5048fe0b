"""From a question to its findings, each check by itself, over a look-up that the caller brings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Final

from flask_smtpadmin.core.deliverability.check_host import Verdict, check_host
from flask_smtpadmin.core.deliverability.dkim import is_key
from flask_smtpadmin.core.deliverability.dmarc import discover
from flask_smtpadmin.core.deliverability.findings import Finding
from flask_smtpadmin.core.deliverability.inventory import Inventory, take_inventory
from flask_smtpadmin.core.deliverability.judge_dkim import (
    Published,
    judge_dkim,
    read_published,
    selectors,
)
from flask_smtpadmin.core.deliverability.judge_dmarc import Authenticated, judge_dmarc
from flask_smtpadmin.core.deliverability.judge_hosts import Reverse, judge_mx, judge_ptr
from flask_smtpadmin.core.deliverability.judge_spf import authorises, judge_spf
from flask_smtpadmin.core.deliverability.lookups import Lookup, is_name, text_records
from flask_smtpadmin.core.deliverability.macros import Client
from flask_smtpadmin.core.deliverability.question import Question

#: Sending addresses, MX hosts and names of an address that are looked at.
_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """A finding, and what SPF or DKIM vouches for: ``passes`` None when that is not known.

    ``domain`` is that of the Return-Path in use, or the one that usable keys are published for.
    """

    finding: Finding
    domain: str
    passes: bool | None


async def check_mx(question: Question, lookup: Lookup) -> Finding:
    """Return the finding on where mail for the domain goes; may raise LookupFailed."""
    exchangers = sorted(await lookup.mx(question.domain))[:_MOST]
    hosts = [host for _, host in exchangers if is_name(host)]
    asked = hosts if exchangers else [question.domain]
    reachable = [host for host in asked if await lookup.addresses(host)]
    return judge_mx(question, exchangers, reachable)


async def check_spf(question: Question, lookup: Lookup) -> Answer:
    """Return the finding on SPF; may raise LookupFailed."""
    inventory = await take_inventory(lookup, question.mail_from)
    verdicts: dict[str, Verdict] = {}
    if question.provider is None:
        sender = f"postmaster@{question.mail_from}"
        for address in question.addresses[:_MOST]:
            client = Client(ipaddress.ip_address(address), sender, question.helo)
            verdicts[address] = await check_host(lookup, client, question.mail_from)
    finding = judge_spf(question, inventory, verdicts)
    if question.own_envelope:
        return Answer(finding, question.mail_from, authorises(question, inventory, verdicts))
    return await _with_return_path(question, lookup, finding)


async def check_dkim(question: Question, lookup: Lookup, organisation: str) -> Answer:
    """Return the finding on DKIM, looking at the domain, then at its organisational domain.

    May raise LookupFailed.
    """
    published = await _published(question, lookup)
    domain = question.domain
    if not published and organisation != question.domain:
        above = await _published(replace(question, domain=organisation), lookup)
        if above:
            published, domain = above, organisation
    finding = judge_dkim(question, published)
    passes: bool | None = any(found.usable for found in published.values())
    if not passes and finding.state == "unknown":
        passes = None
    return Answer(finding, domain, passes)


async def check_dmarc(question: Question, lookup: Lookup, spf: Answer, dkim: Answer) -> Finding:
    """Return the finding on DMARC, with alignment; may raise LookupFailed."""
    found = await discover(lookup, question.domain)
    ways = []
    for answer in (spf, dkim):
        organisation = found.organisation
        if answer.domain != question.domain:
            organisation = (await discover(lookup, answer.domain)).organisation
        ways.append(
            Authenticated(domain=answer.domain, organisation=organisation, passes=answer.passes)
        )
    return judge_dmarc(question, found, ways[0], ways[1])


async def check_ptr(question: Question, lookup: Lookup) -> Finding:
    """Return the finding on the names of the sending addresses; may raise LookupFailed."""
    reverses = []
    if question.provider is None:
        for address in question.addresses[:_MOST]:
            names = [name for name in await lookup.ptr(address) if is_name(name)][:_MOST]
            back = {name: tuple(await lookup.addresses(name)) for name in names}
            reverses.append(Reverse(address, back))
    return judge_ptr(question, reverses)


async def _published(question: Question, lookup: Lookup) -> dict[str, Published]:
    found = {}
    for selector in selectors(question):
        texts = await text_records(lookup, f"{selector}._domainkey.{question.domain}")
        keys = [text for text in texts if is_key(text)]
        if keys:
            found[selector] = read_published(selector, keys)
    return found


async def _with_return_path(question: Question, lookup: Lookup, finding: Finding) -> Answer:
    """Return the answer where the provider chooses the Return-Path, with the way to align it."""
    record = question.return_path
    name = question.provider.name if question.provider else ""
    if record is None:
        return Answer(finding, f"the domain of {name}", passes=True)
    below: Inventory = await take_inventory(lookup, record.name)
    if authorises(question, below, {}) or (below.records and record.type == "CNAME"):
        note = f"The Return-Path is {record.name}, so SPF is aligned as well."
        return Answer(replace(finding, notes=(*finding.notes, note)), record.name, passes=True)
    note = f"With a record for {record.name} the Return-Path, and so SPF, is this domain's own."
    notes, publish = (*finding.notes, note), (*finding.publish, record)
    return Answer(
        replace(finding, notes=notes, publish=publish), f"the domain of {name}", passes=True
    )

"""Check the DNS of From domains: all questions at once, with a limit on the time of everything."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flask_smtpadmin.core.deliverability import checks
from flask_smtpadmin.core.deliverability.checks import Answer
from flask_smtpadmin.core.deliverability.dmarc import discover
from flask_smtpadmin.core.deliverability.findings import CHECKS, Check, Finding, Report, unanswered
from flask_smtpadmin.core.deliverability.lookups import MOST, LookupFailed, is_name
from flask_smtpadmin.core.deliverability.orders import Order
from flask_smtpadmin.core.deliverability.providers import leaves_here, provider_of
from flask_smtpadmin.core.deliverability.question import Question
from flask_smtpadmin.core.settings import LOCAL_ENGINES, Server
from flask_smtpadmin.core.words import said
from flask_smtpadmin.delivery.own_loop import run
from flask_smtpadmin.transport.dns import DnsError, NameNotFound, Resolver
from flask_smtpadmin.transport.outgoing import own_addresses

#: Seconds for a whole run, and for one question with its repeats.
LIMIT: Final = 10.0
QUESTION: Final = 4.0
#: Questions of one run, and how many are on their way at a time.
_QUESTIONS: Final = 1000
_AT_A_TIME: Final = 32
#: Networks whose addresses no receiver ever sees.
_INSIDE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
Own = Callable[[], tuple[str, ...]]


def examine(
    orders: Sequence[Order],
    resolver: Resolver,
    *,
    limit: float = LIMIT,
    own: Own = own_addresses,
) -> tuple[Report, ...]:
    """Check every order and return the reports in their order; at most ``limit`` seconds.

    Never raises: what the DNS does not answer in time is ``unknown``. ``own`` tells the addresses
    of this host.
    """

    async def all_of_them() -> tuple[Report, ...]:
        lookup = Answers(resolver)
        end = asyncio.get_running_loop().time() + limit
        found = await asyncio.gather(
            *(_Examination(order, lookup, own).report(end, limit) for order in orders)
        )
        return tuple(found)

    return run(all_of_them)


class Answers:
    """The DNS as the checks ask it; each question is asked once in a run."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._asked: dict[tuple[str, str], asyncio.Task[list[Any]]] = {}
        self._turns = asyncio.Semaphore(_AT_A_TIME)

    async def txt(self, name: str) -> list[str]:
        """Return the TXT records of a name."""
        return await self._once("txt", name)

    async def mx(self, domain: str) -> list[tuple[int, str]]:
        """Return the MX records of a domain."""
        return await self._once("mx", domain)

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host; an address is no host."""
        return await self._once("addresses", host) if _address(host) is None else []

    async def ptr(self, address: str) -> list[str]:
        """Return the names of an address."""
        return await self._once("ptr", address)

    async def _once(self, kind: str, name: str) -> list[Any]:
        key = kind, name.lower().rstrip(".")
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= _QUESTIONS:
                raise LookupFailed("there were too many questions")
            task = self._asked[key] = asyncio.ensure_future(self._ask(kind, name))
        # who gives up waiting takes the answer from nobody else
        return await asyncio.shield(task)

    async def _ask(self, kind: str, name: str) -> list[Any]:
        async with self._turns:
            try:
                found: list[Any] = await getattr(self._resolver, kind)(name)
            except NameNotFound:
                return []
            except DnsError as error:
                raise LookupFailed(str(error)) from error
        return found[:MOST]


@dataclass(slots=True)
class _Examination:
    order: Order
    lookup: Answers
    own: Own

    async def report(self, end: float, limit: float) -> Report:
        """Run the checks side by side until ``end`` (of the loop's clock)."""
        started = time.perf_counter()
        question = self._question()
        tasks = self._start(question)
        left = end - asyncio.get_running_loop().time()
        _, late = await asyncio.wait(tasks.values(), timeout=max(left, 0.0))
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        findings = tuple(_finding(check, tasks[check], limit) for check in CHECKS)
        return Report(
            domain=self.order.domain,
            server=self.order.server.key,
            provider=question.provider.name if question.provider else "",
            selector=self.order.selector,
            findings=_for_public(question, findings),
            ms=(time.perf_counter() - started) * 1000,
        )

    def _question(self) -> Question:
        server, domain = self.order.server, self.order.domain
        envelope = server.envelope_from.rpartition("@")[2].lower()
        return Question(
            domain=domain,
            mail_from=envelope if is_name(envelope) else domain,
            provider=provider_of(server),
            selector=self.order.selector,
            helo=server.helo_name,
        )

    def _start(self, question: Question) -> dict[Check, asyncio.Task[Finding]]:
        whole = asyncio.ensure_future(self._with_origin(question))
        spf = asyncio.ensure_future(self._spf(whole))
        dkim = asyncio.ensure_future(self._dkim(question))
        work: dict[Check, Coroutine[Any, Any, Finding]] = {
            "mx": checks.check_mx(question, self.lookup),
            "spf": _only_finding(spf),
            "dkim": _only_finding(dkim),
            "dmarc": self._dmarc(question, spf, dkim),
            "ptr": self._ptr(whole),
        }
        return {check: asyncio.ensure_future(it) for check, it in work.items()}

    async def _with_origin(self, question: Question) -> Question:
        if question.provider is not None:
            return question
        addresses, here = await origin(self.order.server, self.lookup, self.own)
        helo = question.helo if here else ""
        return replace(question, addresses=addresses, own_host=here, helo=helo)

    async def _spf(self, whole: asyncio.Future[Question]) -> Answer:
        return await checks.check_spf(await asyncio.shield(whole), self.lookup)

    async def _dkim(self, question: Question) -> Answer:
        try:
            organisation = (await discover(self.lookup, question.domain)).organisation
        except LookupFailed:  # then only keys of the domain itself are looked for
            organisation = question.domain
        return await checks.check_dkim(question, self.lookup, organisation)

    async def _ptr(self, whole: asyncio.Future[Question]) -> Finding:
        return await checks.check_ptr(await asyncio.shield(whole), self.lookup)

    async def _dmarc(
        self,
        question: Question,
        spf: asyncio.Future[Answer],
        dkim: asyncio.Future[Answer],
    ) -> Finding:
        try:
            first = await asyncio.shield(spf)
        except LookupFailed as error:
            first = Answer(unanswered("spf", error), question.mail_from, None)
        try:
            second = await asyncio.shield(dkim)
        except LookupFailed as error:
            second = Answer(unanswered("dkim", error), question.domain, None)
        return await checks.check_dmarc(question, self.lookup, first, second)


async def origin(server: Server, lookup: Answers, own: Own) -> tuple[tuple[str, ...], bool]:
    """Return the addresses that mail of ``server`` leaves from, and whether they are this host's.

    A mail server on this host sends from this host; another one is taken to send from the
    addresses it is reached at. Addresses that no receiver ever sees are left out.
    """
    if server.engine in LOCAL_ENGINES or not server.host:
        return (), False
    try:
        literal = _address(server.host)
        found = [server.host] if literal else await lookup.addresses(server.host)
    except LookupFailed:
        return (), False
    loopback = [text for text in found if _is_loopback(text)]
    if leaves_here(server) or loopback or server.host == "localhost":
        seen = _outside(await asyncio.to_thread(own))
        return seen or await _of_helo(server, lookup), True
    return _outside(found), False


async def _of_helo(server: Server, lookup: Answers) -> tuple[str, ...]:
    """Behind a NAT the name this host gives itself may tell the address that receivers see."""
    if not server.helo_name:
        return ()
    try:
        return _outside(await lookup.addresses(server.helo_name))
    except LookupFailed:
        return ()


def _outside(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys(addresses) if _is_outside(text))


def _is_outside(text: str) -> bool:
    ip = _address(text)
    if ip is None or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    return not any(ip in network for network in _INSIDE)


def _is_loopback(text: str) -> bool:
    ip = _address(text)
    return ip is not None and ip.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


async def _only_finding(answer: asyncio.Future[Answer]) -> Finding:
    return (await asyncio.shield(answer)).finding


def _finding(check: Check, task: asyncio.Task[Finding], limit: float) -> Finding:
    if task.cancelled():
        return unanswered(check, TimeoutError(f"not within {limit:g} s"))
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, LookupFailed):
        return unanswered(check, error)
    raise error


def _for_public(question: Question, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Leave out what to publish where only a mailbox provider could."""
    if not question.public:
        return findings
    allowed = any(it.check == "spf" and it.state == "good" for it in findings)
    return tuple(_public(question, finding, allowed=allowed) for finding in findings)


def _public(question: Question, finding: Finding, *, allowed: bool) -> Finding:
    if finding.check == "dkim" and allowed and finding.state in {"missing", "unknown"}:
        text = said(
            "%(name)s signs mail from %(domain)s with keys of its own.",
            name=question.public,
            domain=question.domain,
        )
        return Finding("dkim", "skipped", text)
    if not finding.publish:
        return finding
    note = f"{question.domain} belongs to {question.public}: only they can publish records there."
    return replace(finding, publish=(), notes=(*finding.notes, note))

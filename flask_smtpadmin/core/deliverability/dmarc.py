"""Read DMARC records (RFC 7489), and find the organisational domain without a list of suffixes.

RFC 7489 leaves that domain to a public list of suffixes. Its successor, DMARCbis, walks up the DNS
instead and believes what the domains say there; so do we, for nothing is to be downloaded then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flask_smtpadmin.core.deliverability.dkim import tags
from flask_smtpadmin.core.deliverability.lookups import Lookup, is_name, same_name, text_records
from flask_smtpadmin.core.words import mark

Policy = Literal["none", "quarantine", "reject"]
Mode = Literal["r", "s"]
_POLICIES: Final = ("none", "quarantine", "reject")
#: Labels that are left at the second step, so that no more than eight questions are asked.
_LABELS: Final = 7
_ALL: Final = 100
_VERSION: Final = re.compile(r"\s*v\s*=\s*DMARC1\s*(;|$)")
_MAILTO: Final = re.compile(r"mailto:[^@\s!,]+@[^@\s!,]+(![0-9]+[kmgt]?)?", re.IGNORECASE)


class DMARCError(ValueError):
    """A record that receivers ignore; the text says why."""


@dataclass(frozen=True, slots=True)
class DMARCRecord:
    """A policy record as receivers read it: a tag that cannot be used has its default.

    ``remarks`` tell which ones those were. ``subdomains`` is ``sp``, else the policy itself;
    ``psd`` is "y", "n" or "u".
    """

    policy: Policy
    subdomains: Policy
    spf: Mode = "r"
    dkim: Mode = "r"
    percent: int = _ALL
    reports: tuple[str, ...] = ()
    psd: str = "u"
    testing: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where the record of a domain was found.

    Attributes:
        organisation: the organisational domain, the domain itself when nothing says otherwise.
        at: the domain whose record counts, "" when there is none.
        texts: what is published there; several are none.
    """

    organisation: str
    at: str = ""
    texts: tuple[str, ...] = ()


def is_dmarc(text: str) -> bool:
    """Say whether a TXT record is a DMARC record."""
    return bool(_VERSION.match(text))


def parse_dmarc(text: str) -> DMARCRecord:
    """Return the policy of a record.

    Raises:
        DMARCError: receivers ignore it.
    """
    if not is_dmarc(text):
        raise DMARCError(mark("it does not begin with v=DMARC1"))
    try:
        found = tags(text)
    except ValueError as error:
        raise DMARCError(error.args[0]) from None
    remarks: list[str] = []
    reports = tuple(uri.strip() for uri in found.get("rua", "").split(",") if uri.strip())
    odd = [uri for uri in reports if not _MAILTO.fullmatch(uri)]
    if odd:
        remarks.append(
            mark("rua= names an address that receivers cannot write to: mailto: is missing")
        )
        reports = tuple(uri for uri in reports if uri not in odd)
    policy = _policy(found, reports, remarks)
    return DMARCRecord(
        policy,
        _choice(found, "sp", _POLICIES, policy, remarks),  # type: ignore[arg-type]  # of _POLICIES
        spf=_choice(found, "aspf", ("r", "s"), "r", remarks),  # type: ignore[arg-type]  # r or s
        dkim=_choice(found, "adkim", ("r", "s"), "r", remarks),  # type: ignore[arg-type]  # as spf
        percent=_percent(found, remarks),
        reports=reports,
        psd=_choice(found, "psd", ("y", "n", "u"), "u", remarks),
        testing=found.get("t", "n").lower() == "y",
        remarks=tuple(remarks),
    )


async def discover(lookup: Lookup, domain: str) -> Discovery:
    """Walk up from ``domain`` to its organisational domain and to the record that counts.

    Raises:
        LookupFailed: the DNS did not answer.
    """
    name = same_name(domain)
    published: dict[str, tuple[str, ...]] = {}
    for step in steps(name):
        texts = [text for text in await text_records(lookup, f"_dmarc.{step}") if is_dmarc(text)]
        if texts:
            published[step] = tuple(texts)
        if len(texts) == 1 and _psd(texts[0]) in {"n", "y"}:
            break  # whoever runs that domain says that nobody above matters
    organisation = _organisation(name, {at: it for at, it in published.items() if len(it) == 1})
    for at in (name, organisation):
        if at in published:
            return Discovery(organisation, at, published[at])
    return Discovery(organisation)


def steps(domain: str) -> list[str]:
    """Return the domains to ask, from the domain itself up to the last label: at most eight."""
    if not is_name(domain):
        return []
    labels = domain.split(".")
    first = max(1, len(labels) - _LABELS)
    return [domain, *(".".join(labels[at:]) for at in range(first, len(labels)))]


def aligned(one: str, other: str, *, same_organisation: bool, mode: Mode) -> bool:
    """Say whether two domains are aligned (RFC 7489 3.1): equal, or relaxed of one organisation."""
    return one == other or (mode == "r" and same_organisation)


def _organisation(domain: str, published: dict[str, tuple[str, ...]]) -> str:
    """Return the organisational domain; ``published`` goes from long names to short."""
    for at, (text,) in published.items():
        if _psd(text) == "n":
            return at
        if _psd(text) == "y" and at != domain:
            return _below(at, domain)
    return list(published)[-1] if published else domain


def _below(suffix: str, domain: str) -> str:
    """Return the name of one label more than ``suffix`` on the way to ``domain``."""
    labels = domain.split(".")
    return ".".join(labels[-len(suffix.split(".")) - 1 :])


def _psd(text: str) -> str:
    try:
        return parse_dmarc(text).psd
    except DMARCError:
        return "u"


def _policy(found: dict[str, str], reports: Sequence[str], remarks: list[str]) -> Policy:
    policy = found.get("p", "").lower()
    if policy in _POLICIES:
        return policy  # type: ignore[return-value]  # one of them
    if not reports:
        raise DMARCError(mark("its policy p= is missing or none of none, quarantine, reject"))
    remarks.append("p= is missing or not known; receivers take it as p=none")
    return "none"


def _choice(
    found: dict[str, str], name: str, values: Sequence[str], default: str, remarks: list[str]
) -> str:
    value = found.get(name, default).lower()
    if value in values:
        return value
    remarks.append(f"{name}= has a value that is not known and does not count")
    return default


def _percent(found: dict[str, str], remarks: list[str]) -> int:
    text = found.get("pct", str(_ALL))
    if re.fullmatch(r"[0-9]{1,3}", text) and int(text) <= _ALL:
        return int(text)
    remarks.append("pct= is not a number from 0 to 100 and does not count")
    return _ALL

"""From a DMARC record and what SPF and DKIM gave to a finding on policy and alignment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.deliverability.dmarc import (
    Discovery,
    DMARCError,
    DMARCRecord,
    aligned,
    parse_dmarc,
)
from flask_smtpadmin.core.deliverability.findings import Finding, Record, shown
from flask_smtpadmin.core.deliverability.question import Question
from flask_smtpadmin.core.words import mark, said

_ALL: Final = 100
_MODES: Final = {"r": said("relaxed"), "s": said("strict")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """What SPF or DKIM vouches for: None in ``passes`` means that it cannot be known from here.

    ``domain`` is that of the Return-Path or of the signature, ``organisation`` the one it belongs
    to.
    """

    domain: str
    organisation: str
    passes: bool | None


def judge_dmarc(
    question: Question, discovery: Discovery, spf: Authenticated, dkim: Authenticated
) -> Finding:
    """Return the finding on the record that counts for the From domain."""
    found = shown([f"_dmarc.{discovery.at}: {text}" for text in discovery.texts])
    publish = (_suggestion(question.domain),)
    if not discovery.texts:
        text = said("There is no DMARC record, so receivers guess what to do with mail that fails.")
        return Finding("dmarc", "missing", text, (), (), publish)
    if len(discovery.texts) > 1:
        text = said("There are several DMARC records; receivers then use none of them.")
        return Finding("dmarc", "wrong", text, found, (), (_suggestion(discovery.at),))
    try:
        record = parse_dmarc(discovery.texts[0])
    except DMARCError as error:
        text = said("Receivers pass over the record: %(error)s.", error=error.args[0])
        return Finding("dmarc", "wrong", text, found, (), (_suggestion(discovery.at),))
    return _judge(question, discovery, record, (spf, dkim))


def _judge(
    question: Question,
    discovery: Discovery,
    record: DMARCRecord,
    ways: tuple[Authenticated, Authenticated],
) -> Finding:
    found = shown([f"_dmarc.{discovery.at}: {text}" for text in discovery.texts])
    spf = _counts(question, discovery, ways[0], record.spf)
    dkim = _counts(question, discovery, ways[1], record.dkim)
    inherited = discovery.at != question.domain
    policy = record.subdomains if inherited else record.policy
    notes = (
        _alignment("SPF", ways[0], record.spf, counts=spf),
        _alignment("DKIM", ways[1], record.dkim, counts=dkim),
        *_remarks(question, discovery, record),
    )
    if spf is False and dkim is False:
        text = said(
            "Mail fails DMARC: neither SPF nor DKIM vouches for %(domain)s. The policy is "
            "%(policy)s.",
            domain=question.domain,
            policy=policy,
        )
        return Finding("dmarc", "wrong", text, found, notes)
    doubt = _doubt(record, policy)
    if doubt:
        return Finding("dmarc", "warning", doubt, found, notes, _with_reports(discovery.at, record))
    return Finding("dmarc", "good", _praise(policy, spf=spf, dkim=dkim), found, notes)


def _praise(policy: str, *, spf: bool | None, dkim: bool | None) -> str:
    if spf and dkim:
        return said("The policy is %(policy)s; SPF and DKIM vouch.", policy=policy)
    if spf or dkim:
        name = "SPF" if spf else "DKIM"
        return said("The policy is %(policy)s; %(name)s vouches.", policy=policy, name=name)
    return said("The policy is %(policy)s.", policy=policy)


def _counts(question: Question, discovery: Discovery, way: Authenticated, mode: str) -> bool | None:
    same = way.organisation == discovery.organisation
    fits = aligned(
        way.domain, question.domain, same_organisation=same, mode="s" if mode == "s" else "r"
    )
    return way.passes if fits else False


def _alignment(name: str, way: Authenticated, mode: str, *, counts: bool | None) -> str:
    kind = _MODES[mode]
    if counts:
        return said(
            "%(name)s is aligned (%(kind)s): it vouches for %(domain)s.",
            name=name,
            kind=kind,
            domain=way.domain,
        )
    if counts is None:
        return said(
            "%(name)s (%(kind)s): whether it passes for %(domain)s is not known from here.",
            name=name,
            kind=kind,
            domain=way.domain,
        )
    if way.passes:
        return said(
            "%(name)s passes for %(domain)s, which is not aligned (%(kind)s) with the From domain.",
            name=name,
            domain=way.domain,
            kind=kind,
        )
    return said("%(name)s does not vouch for the From domain.", name=name)


def _remarks(question: Question, discovery: Discovery, record: DMARCRecord) -> Iterator[str]:
    if discovery.at != question.domain:
        yield said(
            "The record of the organisational domain %(domain)s counts.", domain=discovery.at
        )
    if record.percent < _ALL:
        yield said(
            "The policy holds for %(percent)s %% of the mail that fails (pct=).",
            percent=record.percent,
        )
    if record.testing:
        yield mark("t=y: receivers report, but do not apply the policy yet.")
    if record.policy != "none" and record.subdomains == "none" and discovery.at == question.domain:
        yield mark("Subdomains are left open (sp=none).")
    yield from (f"{remark[0].upper()}{remark[1:]}." for remark in record.remarks)


def _doubt(record: DMARCRecord, policy: str) -> str:
    if policy == "none" and not record.reports:
        return mark(
            "The policy is none and reports go nowhere (no rua=), so the record changes nothing: "
            "have reports sent to you."
        )
    if record.remarks:
        return mark("Receivers use the record, but not all of it.")
    if not record.reports:
        return mark("Nobody gets the reports (no rua=), so failing mail goes unnoticed.")
    return ""


def _suggestion(domain: str) -> Record:
    return Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")


def _with_reports(domain: str, record: DMARCRecord) -> tuple[Record, ...]:
    if record.reports:
        return ()
    strict = "".join(
        f"; {name}=s"
        for name, mode in (("adkim", record.dkim), ("aspf", record.spf))
        if mode == "s"
    )
    sub = f"; sp={record.subdomains}" if record.subdomains != record.policy else ""
    value = f"v=DMARC1; p={record.policy}{sub}{strict}; rua=mailto:postmaster@{domain}"
    return (Record(f"_dmarc.{domain}", "TXT", value),)

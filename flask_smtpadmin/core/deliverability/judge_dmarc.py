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

_ALL: Final = 100
_MODES: Final = {"r": "relaxed", "s": "strict"}


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
        text = "There is no DMARC record, so receivers guess what to do with mail that fails."
        return Finding("dmarc", "missing", text, (), (), publish)
    if len(discovery.texts) > 1:
        text = "There are several DMARC records; receivers then use none of them."
        return Finding("dmarc", "wrong", text, found, (), (_suggestion(discovery.at),))
    try:
        record = parse_dmarc(discovery.texts[0])
    except DMARCError as error:
        text = f"Receivers pass over the record: {error}."
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
        text = (
            f"Mail fails DMARC: neither SPF nor DKIM vouches for {question.domain}. "
            f"The policy is {policy}."
        )
        return Finding("dmarc", "wrong", text, found, notes)
    doubt = _doubt(record, policy)
    if doubt:
        return Finding("dmarc", "warning", doubt, found, notes, _with_reports(discovery.at, record))
    vouches = " and ".join(name for name, it in (("SPF", spf), ("DKIM", dkim)) if it)
    text = f"The policy is {policy}" + (f"; {vouches} vouches." if vouches else ".")
    return Finding(
        "dmarc", "good", text.replace("and DKIM vouches", "and DKIM vouch"), found, notes
    )


def _counts(question: Question, discovery: Discovery, way: Authenticated, mode: str) -> bool | None:
    same = way.organisation == discovery.organisation
    fits = aligned(
        way.domain, question.domain, same_organisation=same, mode="s" if mode == "s" else "r"
    )
    return way.passes if fits else False


def _alignment(name: str, way: Authenticated, mode: str, *, counts: bool | None) -> str:
    kind = _MODES[mode]
    if counts:
        return f"{name} is aligned ({kind}): it vouches for {way.domain}."
    if counts is None:
        return f"{name} ({kind}): whether it passes for {way.domain} is not known from here."
    if way.passes:
        return (
            f"{name} passes for {way.domain}, which is not aligned ({kind}) with the From domain."
        )
    return f"{name} does not vouch for the From domain."


def _remarks(question: Question, discovery: Discovery, record: DMARCRecord) -> Iterator[str]:
    if discovery.at != question.domain:
        yield f"The record of the organisational domain {discovery.at} counts."
    if record.percent < _ALL:
        yield f"The policy holds for {record.percent} % of the mail that fails (pct=)."
    if record.testing:
        yield "t=y: receivers report, but do not apply the policy yet."
    if record.policy != "none" and record.subdomains == "none" and discovery.at == question.domain:
        yield "Subdomains are left open (sp=none)."
    yield from (f"{remark[0].upper()}{remark[1:]}." for remark in record.remarks)


def _doubt(record: DMARCRecord, policy: str) -> str:
    if policy == "none" and not record.reports:
        return (
            "The policy is none and reports go nowhere (no rua=), so the record changes nothing: "
            "have reports sent to you."
        )
    if record.remarks:
        return "Receivers use the record, but not all of it."
    if not record.reports:
        return "Nobody gets the reports (no rua=), so failing mail goes unnoticed."
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

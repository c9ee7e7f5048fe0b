"""DMARC: how a record is read, where it is found, and what is aligned with what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import Records, now

from flask_smtpadmin.core.deliverability.dmarc import (
    Discovery,
    DMARCError,
    aligned,
    discover,
    parse_dmarc,
    steps,
)


def zone(**texts: str | list[str]) -> Records:
    """Return a DNS with these DMARC records; ``_`` in names is a dot."""
    table: dict[str, dict[str, list[Any]]] = {}
    for name, found in texts.items():
        values = [found] if isinstance(found, str) else found
        table["_dmarc." + name.replace("_", ".")] = {"TXT": values}
    return Records(table)


def test_the_defaults_are_those_of_the_standard() -> None:
    """Relaxed alignment, all of the mail, the same policy for subdomains."""
    record = parse_dmarc("v=DMARC1; p=quarantine")
    assert (record.spf, record.dkim, record.percent, record.subdomains) == (
        "r",
        "r",
        100,
        "quarantine",
    )
    assert (record.reports, record.remarks) == ((), ())


def test_every_tag_is_read() -> None:
    """Case and spaces do not matter."""
    record = parse_dmarc(
        "v=DMARC1 ; P = Reject; sp=none; adkim=s; aspf=S; pct=20; t=y; "
        "rua=mailto:a@example.com, mailto:b@example.org!10m;"
    )
    assert (record.policy, record.subdomains) == ("reject", "none")
    assert (record.dkim, record.spf, record.percent, record.testing) == ("s", "s", 20, True)
    assert record.reports == ("mailto:a@example.com", "mailto:b@example.org!10m")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("v=DMARC1; p=reject; pct=150", "pct="),
        ("v=DMARC1; p=reject; pct=half", "pct="),
        ("v=DMARC1; p=reject; aspf=strict", "aspf="),
        ("v=DMARC1; p=reject; sp=block", "sp="),
        ("v=DMARC1; p=reject; rua=admin@example.com", "mailto:"),
        ("v=DMARC1; p=block; rua=mailto:a@example.com", "p="),
    ],
)
def test_what_does_not_count_is_remarked(text: str, word: str) -> None:
    """Receivers use the rest of the record, and so do we."""
    (remark,) = parse_dmarc(text).remarks
    assert word in remark


@pytest.mark.parametrize(
    "text",
    [
        "v=DMARC1",
        "v=DMARC1; p=block",
        "v=DMARC1; p",
        "p=none",
        "v=dmarc2; p=none",
        "v=DMARC1; p=none; p=reject",
    ],
)
def test_what_receivers_ignore_is_an_error(text: str) -> None:
    """No policy and nobody to report to, or no DMARC record at all."""
    with pytest.raises(DMARCError):
        parse_dmarc(text)


def test_the_walk_goes_up_to_the_top() -> None:
    """Eight questions at most, the domain's own first."""
    assert steps("a.mail.example.com") == [
        "a.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]
    assert steps("com") == ["com"]
    long = "a.b.c.d.e.f.g.h.i.j.mail.example.com"
    assert steps(long)[:2] == [long, "g.h.i.j.mail.example.com"]
    assert len(steps(long)) == 8
    assert steps("not a name") == []


def test_the_record_of_the_domain_itself_counts_first() -> None:
    """The organisational domain is the highest one with a record."""
    found = now(
        discover(
            zone(mail_example_com="v=DMARC1; p=none", example_com="v=DMARC1; p=reject"),
            "mail.example.com",
        )
    )
    assert found == Discovery("example.com", "mail.example.com", ("v=DMARC1; p=none",))


def test_else_that_of_the_organisation_counts() -> None:
    """Without a list of public suffixes."""
    found = now(discover(zone(example_com="v=DMARC1; p=reject"), "a.b.Example.com."))
    assert (found.organisation, found.at) == ("example.com", "example.com")


def test_a_record_in_between_does_not_count() -> None:
    """Only the domain itself and the organisational one are believed."""
    lookup = zone(b_example_com="v=DMARC1; p=none", example_com="v=DMARC1; p=reject")
    assert now(discover(lookup, "a.b.example.com")).at == "example.com"


def test_a_public_suffix_stands_above_organisations() -> None:
    """psd=y: the organisation is one label below it."""
    lookup = zone(co_uk="v=DMARC1; p=reject; psd=y")
    found = now(discover(lookup, "mail.shop.co.uk"))
    assert (found.organisation, found.at) == ("shop.co.uk", "")


def test_a_domain_may_say_that_it_is_the_organisation() -> None:
    """psd=n ends the walk there."""
    lookup = zone(dept_example_com="v=DMARC1; p=none; psd=n", example_com="v=DMARC1; p=reject")
    found = now(discover(lookup, "x.dept.example.com"))
    assert (found.organisation, found.at) == ("dept.example.com", "dept.example.com")


def test_without_any_record_the_domain_stands_alone() -> None:
    """Nothing says who it belongs to."""
    assert now(discover(zone(), "mail.example.com")) == Discovery("mail.example.com")


def test_two_records_are_reported_as_they_are() -> None:
    """The judgement says that receivers use neither."""
    lookup = zone(example_com=["v=DMARC1; p=none", "v=DMARC1; p=reject", "other"])
    assert len(now(discover(lookup, "example.com")).texts) == 2


@pytest.mark.parametrize(
    ("one", "other", "same", "mode", "result"),
    [
        ("example.com", "example.com", True, "s", True),
        ("mail.example.com", "example.com", True, "s", False),
        ("mail.example.com", "example.com", True, "r", True),
        ("example.net", "example.com", False, "r", False),
    ],
)
def test_alignment_is_strict_or_relaxed(one, other, same, mode, result) -> None:
    """RFC 7489 3.1."""
    assert aligned(one, other, same_organisation=same, mode=mode) is result


@given(st.text(max_size=120), st.text(max_size=60))
def test_no_text_breaks_the_parser_or_the_walk(text: str, domain: str) -> None:
    """A record or a DMARCError; a bounded number of questions."""
    for record in (
        text,
        f"v=DMARC1; {text}",
        f"v=DMARC1; p={text}",
        f"v=DMARC1; p=none; rua={text}",
    ):
        try:
            parse_dmarc(record)
        except DMARCError:
            continue
    assert len(steps(domain)) <= 8
    lookup = Records({})
    now(discover(lookup, domain))
    assert len(lookup.asked) <= 8

"""SPF is evaluated as a receiver does; the zone is that of RFC 7208, appendix A."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import Records, now

from flask_smtpadmin.core.deliverability.check_host import LOOKUPS, Verdict, check_host
from flask_smtpadmin.core.deliverability.macros import Client, expand

ZONE: dict[str, dict[str, list[Any]]] = {
    "example.com": {
        "A": ["192.0.2.10", "192.0.2.11"],
        "MX": [(10, "mail-a.example.com"), (20, "mail-b.example.com")],
    },
    "amy.example.com": {"A": ["192.0.2.65"]},
    "bob.example.com": {"A": ["192.0.2.66"]},
    "mail-a.example.com": {"A": ["192.0.2.129"]},
    "mail-b.example.com": {"A": ["192.0.2.130"]},
    "example.org": {"MX": [(10, "mail-c.example.org")]},
    "mail-c.example.org": {"A": ["192.0.2.140"]},
    "10.2.0.192.in-addr.arpa": {"PTR": ["example.com"]},
    "65.2.0.192.in-addr.arpa": {"PTR": ["amy.example.com"]},
    "66.2.0.192.in-addr.arpa": {"PTR": ["bob.example.com"]},
    "129.2.0.192.in-addr.arpa": {"PTR": ["mail-a.example.com"]},
    "130.2.0.192.in-addr.arpa": {"PTR": ["mail-b.example.com"]},
    "140.2.0.192.in-addr.arpa": {"PTR": ["mail-c.example.org"]},
    "4.0.0.10.in-addr.arpa": {"PTR": ["bob.example.com"]},
}


def ask(
    record: str | None, ip: str = "192.0.2.65", *, domain: str = "example.com", **more: list[str]
) -> Verdict:
    """Evaluate ``record`` at ``domain``; ``more`` are TXT records, ``_`` in names is a dot."""
    table = {name: dict(types) for name, types in ZONE.items()}
    for name, texts in more.items():
        table.setdefault(name.replace("_", "."), {})["TXT"] = texts
    if record is not None:
        table.setdefault(domain, {})["TXT"] = [record, "something else"]
    client = Client(ipaddress.ip_address(ip), f"strong-bad@{domain}", "mx.example.org")
    return now(check_host(Records(table), client, domain))


@pytest.mark.parametrize(
    ("record", "ip", "result"),
    [
        ("v=spf1 +all", "198.51.100.7", "pass"),
        ("v=spf1 a -all", "192.0.2.10", "pass"),
        ("v=spf1 a -all", "192.0.2.11", "pass"),
        ("v=spf1 a -all", "192.0.2.65", "fail"),
        ("v=spf1 a:example.org -all", "192.0.2.140", "fail"),
        ("v=spf1 mx -all", "192.0.2.129", "pass"),
        ("v=spf1 mx -all", "192.0.2.130", "pass"),
        ("v=spf1 mx:example.org -all", "192.0.2.140", "pass"),
        ("v=spf1 mx mx:example.org -all", "192.0.2.140", "pass"),
        ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", "pass"),
        ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", "pass"),
        ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144", "fail"),
        ("v=spf1 ptr -all", "192.0.2.65", "pass"),
        ("v=spf1 ptr -all", "192.0.2.140", "fail"),
        ("v=spf1 ptr -all", "10.0.0.4", "fail"),
        ("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", "fail"),
        ("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
        ("v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1", "fail"),
        ("v=spf1 ~all", "192.0.2.65", "softfail"),
        ("v=spf1 ?all", "192.0.2.65", "neutral"),
        ("v=spf1 a", "192.0.2.65", "neutral"),
        ("v=spf1 -a +all", "192.0.2.10", "fail"),
        ("v=spf1 redirect=nothing.example.net -all", "192.0.2.65", "fail"),
    ],
)
def test_the_simple_examples(record: str, ip: str, result: str) -> None:
    """Appendix A.1 in other words, and what the qualifiers and families mean."""
    assert ask(record, ip).result == result


@pytest.mark.parametrize(
    ("ip", "result"), [("192.0.2.10", "pass"), ("192.0.2.140", "pass"), ("192.0.2.65", "fail")]
)
def test_an_organisation_includes_others(ip: str, result: str) -> None:
    """Appendix A.2: include takes a pass only; redirect takes everything."""
    verdict = ask(
        "v=spf1 redirect=example.org",
        ip,
        domain="la.example.org",
        example_org=["v=spf1 include:example.com mx -all"],
        example_com=["v=spf1 a -all"],
    )
    assert verdict.result == result


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:nothing.example.net -all",
        "v=spf1 redirect=nothing.example.net",
        "v=spf1 a:bad..example.com/99 -all",
        "v=spf1 include:example.com -all",
        "v=spf1 a:gone1.example.net a:gone2.example.net a:gone3.example.net -all",
    ],
    ids=["include", "redirect", "syntax", "loop", "void"],
)
def test_what_is_a_permanent_error(record: str) -> None:
    """No record behind an include, bad syntax, a loop, more than two look-ups into nothing."""
    verdict = ask(record)
    assert (verdict.result, bool(verdict.reason)) == ("permerror", True)


@pytest.mark.parametrize("ending", ["?all", "~all", "-all", "ip4:203.0.113.1"])
def test_an_include_that_does_not_pass_matches_nothing(ending: str) -> None:
    """What the included record says of others is not taken over (RFC 7208 5.2)."""
    verdict = ask("v=spf1 include:example.org ~all", example_org=[f"v=spf1 {ending}"])
    assert verdict.result == "softfail"


def test_two_records_are_an_error_and_none_is_none() -> None:
    """One record, or nothing is said (RFC 7208 4.5)."""
    assert ask(None).result == "none"
    assert ask(None, example_com=["v=spf1 -all", "v=spf1 a -all"]).result == "permerror"
    assert ask("v=spf1 -all", domain="localhost").result == "none"


def test_ten_look_ups_are_allowed_and_eleven_are_not() -> None:
    """The limit ends every loop, too."""
    ten = " ".join(f"exists:{name}.example.com" for name in ["amy", "bob"] * 5)
    assert ask(f"v=spf1 {ten.replace('exists', '-exists')} -all", "198.51.100.7").result == "fail"
    tail = "v=spf1 " + "a:amy.example.com " * LOOKUPS
    assert ask(f"{tail} -all", "198.51.100.7").result == "fail"
    verdict = ask(f"{tail} a:bob.example.com -all", "198.51.100.7")
    assert (verdict.result, verdict.lookups) == ("permerror", LOOKUPS + 1)


def test_two_voids_are_allowed() -> None:
    """The third one is an error (RFC 7208 4.6.4)."""
    assert ask("v=spf1 a:gone1.example.net mx:gone2.example.net -all").result == "fail"


def test_an_mx_with_too_many_hosts_is_an_error() -> None:
    """Ten hosts of one MX are looked up, never more."""
    hosts = [(10, f"h{number}.example.com") for number in range(11)]
    table = {"example.com": {"TXT": ["v=spf1 mx -all"], "MX": hosts}}
    client = Client(ipaddress.ip_address("192.0.2.1"), "x@example.com")
    lookup = Records(table)
    assert now(check_host(lookup, client, "example.com")).result == "permerror"
    assert len(lookup.asked) == 2


def test_no_answer_is_a_temporary_error() -> None:
    """A time-out says nothing about the sender, and never raises."""
    client = Client(ipaddress.ip_address("192.0.2.1"), "x@example.com")
    table = {"example.com": {"TXT": ["v=spf1 a:silent.example.com -all"]}}
    lookup = Records(table, frozenset({"silent.example.com"}))
    assert now(check_host(lookup, client, "example.com")).result == "temperror"


@pytest.mark.parametrize(
    ("macro", "value"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{L}", "strong-bad"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{h}%%%_%-", "mx.example.org% %20"),
        ("%{p}", "unknown"),
        ("%{d0}", "email.example.com"),
    ],
)
def test_macros_become_parts_of_the_sender(macro: str, value: str) -> None:
    """RFC 7208 7.4 in other words."""
    client = Client(
        ipaddress.ip_address("192.0.2.3"), "strong-bad@email.example.com", "mx.example.org"
    )
    assert expand(macro, client, "email.example.com") == value


def test_an_ipv6_address_is_written_in_nibbles() -> None:
    """And ``%{v}`` tells the family."""
    client = Client(ipaddress.ip_address("2001:db8::cb01"), "x@example.com")
    nibbles = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    assert expand("%{ir}.%{v}", client, "example.com") == f"{nibbles}.ip6"


def test_a_name_that_grew_too_long_loses_labels_on_the_left() -> None:
    """RFC 7208 7.3: at most 253 characters."""
    client = Client(ipaddress.ip_address("192.0.2.3"), f"{'a' * 60}.{'b' * 60}@x.example.com")
    name = expand("%{l}.%{l}.%{l}.%{d}", client, "x.example.com")
    assert len(name) <= 253
    assert name.endswith(".x.example.com")


NAMES = st.sampled_from(["a.example", "b.example", "c.example", "%{d}", "%{ir}.c.example"])
TERMS = st.one_of(
    st.builds(
        "{}{}:{}".format,
        st.sampled_from(["", "-", "~", "?"]),
        st.sampled_from(["include", "a", "mx", "ptr", "exists"]),
        NAMES,
    ),
    st.builds("redirect={}".format, NAMES),
    st.sampled_from(
        ["a", "mx", "ptr", "-all", "~all", "+all", "ip4:192.0.2.0/24", "nonsense", "a/99"]
    ),
)
RECORDS = st.lists(
    st.lists(TERMS, max_size=6).map(lambda terms: " ".join(["v=spf1", *terms])), max_size=2
)
HOSTS = st.lists(
    st.sampled_from(["a.example", "b.example", "", ".", "x" * 300, "192.0.2.1", "\udc80"]),
    max_size=12,
)
DOMAINS = st.fixed_dictionaries(
    {
        "TXT": st.one_of(RECORDS, st.lists(st.text(max_size=40), max_size=2)),
        "MX": HOSTS.map(lambda hosts: [(10, host) for host in hosts]),
        "A": st.lists(st.sampled_from(["192.0.2.1", "2001:db8::1", "no address"]), max_size=3),
    }
)
ZONES = st.fixed_dictionaries(dict.fromkeys(("a.example", "b.example", "c.example"), DOMAINS))


@settings(max_examples=200)
@given(ZONES, st.sampled_from(["192.0.2.1", "2001:db8::1"]), st.text(max_size=20))
def test_no_zone_breaks_the_evaluation(zone: Any, ip: str, local: str) -> None:
    """Whatever is published, there is a verdict, after a bounded number of questions."""
    lookup = Records(zone)
    client = Client(ipaddress.ip_address(ip), f"{local}@a.example", local)
    verdict = now(check_host(lookup, client, "a.example"))
    assert verdict.lookups <= LOOKUPS + 1
    assert len(lookup.asked) <= 12 * (LOOKUPS + 2)

"""SPF records are read by the grammar of RFC 7208, and by nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.deliverability.spf import SPFError, is_spf, parse_spf


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("v=spf1", []),
        ("v=spf1 -all", ["all"]),
        ("V=SPF1  A  Mx:Example.org/24//64 ~ALL ", ["a", "mx", "all"]),
        (
            "v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ?all",
            ["ip4", "ip4", "ip6", "all"],
        ),
        (
            "v=spf1 include:%{d2}.spf.example.net exists:%{ir}.%{v}.x.example.com",
            ["include", "exists"],
        ),
        ("v=spf1 ptr ptr:example.org redirect=_spf.example.com exp=why.%{d}", ["ptr", "ptr"]),
        ("v=spf1 a/0 mx//0 moo=%{c} -all", ["a", "mx", "all"]),
        ("v=spf1 exists:%{l1r-}.example.com. a:xn--bcher-kva.example", ["exists", "a"]),
    ],
)
def test_what_the_grammar_allows_is_read(text: str, names: list[str]) -> None:
    """Mechanisms in their order, whatever the case and the number of spaces."""
    assert [it.name for it in parse_spf(text).mechanisms] == names


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 foo",
        "v=spf1 all:x",
        "v=spf1 all/8",
        "v=spf1 include",
        "v=spf1 include:",
        "v=spf1 include:localhost",
        "v=spf1 include:example.123",
        "v=spf1 include:example.-com",
        "v=spf1 exists",
        "v=spf1 ip4",
        "v=spf1 ip4:192.0.2",
        "v=spf1 ip4:192.0.2.1/33",
        "v=spf1 ip4:192.0.2.1/",
        "v=spf1 ip4:192.0.2.1/08",
        "v=spf1 ip4:2001:db8::1",
        "v=spf1 ip6:192.0.2.1",
        "v=spf1 ip6:fe80::1%eth0",
        "v=spf1 a/33",
        "v=spf1 a//129",
        "v=spf1 a/24/64",
        "v=spf1 a:example.com/x",
        "v=spf1 mx:",
        "v=spf1 ptr/8",
        "v=spf1 a:%{c}.example.com",
        "v=spf1 a:%{x}.example.com",
        "v=spf1 a:%a.example.com",
        "v=spf1 a:%{d",
        "v=spf1 redirect=",
        "v=spf1 redirect=a.example redirect=b.example",
        "v=spf1 exp=a.example exp=b.example",
        "v=spf1 -redirect=a.example",
        "v=spf1 1x=y",
        "v=spf1\ta",
        "v=spf1 a\tmx",
        "v=spf1 a:müller.example",
        "v=spf10 a",
        "spf2.0/pra a",
    ],
)
def test_what_it_does_not_allow_is_an_error(text: str) -> None:
    """Receivers give up on such a record, so it is never half read."""
    with pytest.raises(SPFError):
        parse_spf(text)


def test_the_error_quotes_the_term() -> None:
    """Whoever repairs the record finds the place."""
    with pytest.raises(SPFError, match=r"'ip4:192\.0\.2'"):
        parse_spf("v=spf1 a ip4:192.0.2 -all")


def test_only_the_version_makes_an_spf_record() -> None:
    """Other TXT records, and a version that merely begins so, are none."""
    assert is_spf("v=spf1")
    assert is_spf("V=spf1 -all")
    assert not is_spf("v=spf1-all")
    assert not is_spf("v=spf10 -all")
    assert not is_spf("google-site-verification=v=spf1")


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    """A record or an SPFError, whatever is published."""
    for record in (text, f"v=spf1 {text}", f"v=spf1 include:{text}", f"v=spf1 a:%{{{text}}}"):
        try:
            parse_spf(record)
        except SPFError:
            continue


@pytest.mark.parametrize(
    "term",
    [
        "include:" + "a" * 4000 + "!",
        "a:" + "%{d}" * 1000 + "%",
        "mx:" + "a." * 2000 + "-",
        "a" * 4000,
    ],
)
def test_a_long_record_takes_no_time(term: str) -> None:
    """No pattern goes over the text again and again."""
    started = time.perf_counter()
    with pytest.raises(SPFError):
        parse_spf(f"v=spf1 {term}")
    assert time.perf_counter() - started < 1.0

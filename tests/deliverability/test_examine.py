"""The whole run: side by side, bounded in time and size, and never raising."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.domains import SENDGRID, ask, finding, run
from support.records import Records, now
from support.zones import good, quoted

from example_app.demo.names import name_server
from flask_smtpadmin.core.deliverability import checks
from flask_smtpadmin.core.deliverability.findings import Finding, Report, read_report
from flask_smtpadmin.core.deliverability.orders import Order
from flask_smtpadmin.core.deliverability.providers import provider_of
from flask_smtpadmin.core.deliverability.question import Question
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.deliverability import examine


def test_a_silent_name_leaves_only_its_check_unknown() -> None:
    """The others have their answers, and the run ends at its limit."""
    with name_server(good()) as names:
        names.silent.add("example.com")
        started = time.monotonic()
        report = ask(names, timeout=30.0, limit=1.0)
        assert time.monotonic() - started < 15.0
    states = {it.check: it.state for it in report.findings}
    assert states["spf"] == states["mx"] == "unknown"
    assert states["dkim"] == "good"


def test_a_failing_server_is_not_taken_for_a_missing_record() -> None:
    """SERVFAIL says nothing about what is published."""
    with name_server(good()) as names:
        names.broken.update({"example.com", "_dmarc.example.com"})
        report = ask(names)
    states = {it.check: it.state for it in report.findings}
    assert (states["spf"], states["dmarc"], states["mx"]) == ("unknown", "unknown", "unknown")
    assert report.ok


def test_each_question_is_asked_once_in_a_run() -> None:
    """Two servers that send for one domain share the answers."""
    with name_server(good()) as names:
        other = Server(key="other", host="smtp.sendgrid.net")
        examine([Order("example.com", SENDGRID), Order("example.com", other)], names.resolver())
        assert len(names.asked) == len(set(names.asked))


def test_hostile_answers_are_cleaned_and_cut() -> None:
    """Control characters, huge records and many of them reach neither page nor database."""
    evil = "v=spf1 include:sendgrid.net \x1b[31m\x00\u202e" + "x" * 3000
    zone = good(
        example__com={
            "TXT": [quoted("v=spf1 ~all")]
            + [quoted(f"v=spf1 a{number} ~all") for number in range(40)]
        },
        _dmarc__example__com={"TXT": [quoted("v=DMARC1; p=reject; x=\\027[2J")]},
    )
    with name_server(zone) as names:
        resolver = names.resolver()
        original = resolver.txt

        async def txt(name: str) -> list[str]:
            found = await original(name)
            return [evil, *found] if name == "example.com" else found

        resolver.txt = txt  # type: ignore[method-assign]  # bytes that a zone file cannot write
        (report,) = examine([Order("example.com", SENDGRID)], resolver)
    lines = [line for it in report.findings for line in (it.text, *it.found, *it.notes)]
    lines += [it.value for found in report.findings for it in found.publish]
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) < 2000
    assert len(finding(report, "spf").found) <= 21


def test_a_report_survives_being_kept() -> None:
    """The document holds all of it."""
    report = run({"example.com": {}})
    kept = read_report(report.document())
    assert kept.findings == report.findings
    assert (kept.domain, kept.server, kept.provider) == (report.domain, "default", report.provider)
    with pytest.raises(ValueError, match="no report"):
        read_report({"domain": "example.com"})


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "v=spf1 include:example.com -all",
            "v=spf1 redirect=%{d}",
            "v=DMARC1; p=none; psd=y",
            "v=DMARC1; p=\x00",
            "v=DKIM1; p=",
            "v=DKIM1; p=MIIB\u202e",
            "v=spf1 " + "a:\x1b[31m.example " * 30,
        ]
    ),
)
NAMES = ("example.com", "com", "_dmarc.example.com", "_dmarc.com", "s1._domainkey.example.com")
TYPES = st.fixed_dictionaries(
    {
        "TXT": st.lists(HOSTILE, max_size=3),
        "MX": st.lists(st.tuples(st.integers(0, 65535), st.text(max_size=20)), max_size=12),
        "A": st.lists(st.sampled_from(["192.0.2.1", "::1", "nonsense"]), max_size=2),
        "PTR": st.lists(st.text(max_size=30), max_size=3),
    }
)
ZONES = st.dictionaries(st.sampled_from((*NAMES, "9.100.51.198.in-addr.arpa")), TYPES)


@settings(max_examples=150)
@given(ZONES, st.sampled_from([None, "sendgrid", "fastmail", "postmark", "ses"]))
def test_no_zone_breaks_a_check(zone: Any, preset: str | None) -> None:
    """Every check ends in a finding that can be stored and shown, whatever is published."""
    lookup = Records(zone)
    question = Question(
        domain="example.com",
        mail_from="example.com",
        provider=provider_of(Server(key="default", preset=preset)),
        addresses=("198.51.100.9",),
        selector="s1",
        helo="mail.example.com",
    )

    async def every_check() -> list[Finding]:
        spf = await checks.check_spf(question, lookup)
        dkim = await checks.check_dkim(question, lookup, "com")
        mx = await checks.check_mx(question, lookup)
        ptr = await checks.check_ptr(question, lookup)
        dmarc = await checks.check_dmarc(question, lookup, spf, dkim)
        return [mx, spf.finding, dkim.finding, dmarc, ptr]

    found = now(every_check())
    for it in found:
        lines = [it.text, *it.found, *it.notes, *(record.value for record in it.publish)]
        assert [line for line in lines if clean(line, limit=5000) != line.strip()] == []
    report = Report(domain="x", server="y", findings=tuple(found))
    assert read_report(json.loads(json.dumps(report.document()))) == report

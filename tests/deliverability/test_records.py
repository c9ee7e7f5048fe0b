"""What is said about SPF, DKIM and DMARC, asked of a real DNS server, and what to publish."""

from __future__ import annotations

import pytest
from support.domains import RELAY, finding, run
from support.zones import good, key, quoted

from flask_smtpadmin.core.settings import Server


def test_a_domain_in_order_is_good_all_over() -> None:
    """Each check in its place, and nothing to publish."""
    report = run(good())
    assert {it.check: it.state for it in report.findings} == {
        "mx": "good",
        "spf": "good",
        "dkim": "good",
        "dmarc": "good",
        "ptr": "skipped",
    }
    assert (report.ok, report.state, report.provider) == (True, "good", "SendGrid")
    assert not any(it.publish for it in report.findings)


def test_a_bare_domain_is_told_what_to_publish() -> None:
    """Name, type and value of each record, for the provider in use."""
    report = run({"example.com": {}, "sendgrid.net": good()["sendgrid.net"]})
    told = {(it.name, it.type): it.value for found in report.findings for it in found.publish}
    assert told["example.com", "TXT"] == "v=spf1 include:sendgrid.net ~all"
    assert told["s1._domainkey.example.com", "CNAME"] == ""
    assert told["_dmarc.example.com", "TXT"].startswith("v=DMARC1; p=none; rua=mailto:")
    assert [it.state for it in report.findings] == [
        "missing",
        "warning",
        "missing",
        "missing",
        "skipped",
    ]
    assert not report.ok


def test_a_known_value_is_told_in_full() -> None:
    """Fastmail's DKIM names follow from the domain."""
    fastmail = Server(key="default", preset="fastmail", host="smtp.fastmail.com")
    found = finding(run({"example.com": {}}, fastmail), "dkim")
    assert [it.value for it in found.publish] == [
        f"fm{number}.example.com.dkim.fmhosted.com" for number in (1, 2, 3)
    ]


def test_a_record_that_does_not_name_the_provider_is_completed() -> None:
    """What is there stays, the include goes before the end."""
    server = Server(key="default", preset="fastmail", host="smtp.fastmail.com")
    zone = good(
        example__com={
            "TXT": [quoted("v=spf1 ip4:203.0.113.7 mx -all")],
            "MX": ["1 mx.example.com."],
        }
    )
    found = finding(run(zone, server), "spf")
    assert found.state == "missing"
    assert (
        found.publish[0].value == "v=spf1 ip4:203.0.113.7 mx include:spf.messagingengine.com -all"
    )


@pytest.mark.parametrize(
    ("texts", "state", "word"),
    [
        (["v=spf1 include:sendgrid.net"], "warning", "~all"),
        (["v=spf1 include:sendgrid.net ?all"], "warning", "?all"),
        (["v=spf1 include:sendgrid.net ptr ~all"], "warning", "ptr"),
        (["v=spf1 include:sendgrid.net +all"], "wrong", "+all"),
        (["v=spf1 include:sendgrid.net all"], "wrong", "+all"),
        (["v=spf1 include:sendgrid.net ip4:1.2.3 ~all"], "wrong", "ip4:1.2.3"),
        (["v=spf1 include:sendgrid.net -all", "v=spf1 mx -all"], "wrong", "2 SPF records"),
        (["v=spf1 include:example.com ~all"], "wrong", "leads back to itself"),
        (["v=spf1 include:gone.example.com ~all"], "wrong", "leads to no SPF record"),
        (["v=spf1 a:g1.example a:g2.example a:g3.example ~all"], "wrong", "lead to nothing"),
        (["v=spf1 " + "a:mx.example.com " * 11 + "~all"], "wrong", "11 DNS look-ups"),
        (["v=spf1 redirect=sendgrid.net"], "good", "in order"),
        (["v=spf1 -all a:g1.example a:g2.example a:g3.example"], "good", "in order"),
    ],
)
def test_what_is_said_about_spf(texts: list[str], state: str, word: str) -> None:
    """Every mistake has its word and a sentence with the reason."""
    zone = good(example__com={"TXT": [quoted(text) for text in texts]})
    found = finding(run(zone), "spf")
    assert (found.state, word in found.text) == (state, True), found.text


def test_two_records_are_merged_in_the_proposal() -> None:
    """What can be read of both, once each."""
    zone = good(
        example__com={
            "TXT": [
                quoted("v=spf1 mx include:sendgrid.net ~all"),
                quoted("v=spf1 mx oops ip4:192.0.2.1 -all"),
            ]
        }
    )
    (record,) = finding(run(zone), "spf").publish
    assert sorted(record.value.split()[1:-1]) == ["include:sendgrid.net", "ip4:192.0.2.1", "mx"]
    assert record.value.startswith("v=spf1 ")
    assert record.value.endswith(" ~all")


def test_a_loop_of_includes_ends() -> None:
    """Each includes the other; the walk and the evaluation stop all the same."""
    zone = good(
        example__com={"TXT": [quoted("v=spf1 include:a.example include:b.example ~all")]},
        a__example={"TXT": [quoted("v=spf1 include:b.example include:c.example ~all")]},
        b__example={"TXT": [quoted("v=spf1 include:a.example include:c.example ~all")]},
        c__example={"TXT": [quoted("v=spf1 include:a.example include:b.example ~all")]},
    )
    assert finding(run(zone, RELAY), "spf").state == "wrong"


@pytest.mark.parametrize(
    ("text", "state", "word"),
    [
        (key(512), "wrong", "512 bits"),
        (key(1024), "warning", "1024 bits"),
        (key(4096), "good", "4096 bits"),
        (key().replace("k=rsa", "k=rsa; t=y"), "warning", "t=y"),
        ("v=DKIM1; p=", "wrong", "withdrawn"),
        ("v=DKIM1; p=AAAA", "wrong", "damaged"),
        ("v=DKIM1; k=rsa", "wrong", "no key"),
    ],
)
def test_what_is_said_about_a_key(text: str, state: str, word: str) -> None:
    """By its length, its flags, and whether it is in use."""
    zone = good(
        s1___domainkey__example__com={"TXT": [quoted(text)]}, s2___domainkey__example__com=None
    )
    found = finding(run(zone), "dkim")
    assert (found.state, word in found.text) == (state, True), found.text


def test_a_withdrawn_key_beside_a_good_one_is_only_noted() -> None:
    """Keys are changed that way."""
    zone = good(s2___domainkey__example__com={"TXT": [quoted("v=DKIM1; p=")]})
    found = finding(run(zone), "dkim")
    assert found.state == "good"
    assert any("s2" in note and "withdrawn" in note for note in found.notes)


def test_a_typed_selector_is_looked_up() -> None:
    """Found or missing, it is the one that the sentence is about."""
    zone = good(mine___domainkey__example__com={"TXT": [quoted(key(1024))]})
    found = finding(run(zone, selector="mine"), "dkim")
    assert (found.state, "mine" in found.text) == ("warning", True)
    missing = finding(run(good(), selector="other"), "dkim")
    assert (missing.state, "other" in missing.text) == ("missing", True)
    assert missing.publish[0].name == "other._domainkey.example.com"


def test_a_provider_with_selectors_of_its_own_is_not_called_missing() -> None:
    """Amazon SES gives each domain other names: nobody can guess them."""
    ses = Server(key="default", host="email-smtp.eu-west-1.amazonaws.com")
    report = run(good(), ses)
    assert (report.provider, finding(report, "dkim").state) == ("Amazon SES", "unknown")
    assert finding(report, "dmarc").state == "good"


@pytest.mark.parametrize(
    ("text", "state", "word"),
    [
        ("v=DMARC1; p=none", "warning", "rua="),
        ("v=DMARC1; p=reject", "warning", "rua="),
        ("v=DMARC1; p=none; rua=mailto:d@example.com", "good", "none"),
        ("v=DMARC1; p=reject; pct=x; rua=mailto:d@example.com", "warning", "not all of it"),
        ("v=DMARC1; p=block", "wrong", "p="),
    ],
)
def test_what_is_said_about_dmarc(text: str, state: str, word: str) -> None:
    """By its policy, its reports, and whether it can be read."""
    found = finding(run(good(_dmarc__example__com={"TXT": [quoted(text)]})), "dmarc")
    assert (found.state, word in found.text) == (state, True), found.text


def test_mail_that_nothing_vouches_for_fails_dmarc() -> None:
    """No key, and the Return-Path is the provider's: neither is aligned."""
    zone = good(s1___domainkey__example__com=None, s2___domainkey__example__com=None)
    found = finding(run(zone), "dmarc")
    assert (found.state, "fails DMARC" in found.text) == ("wrong", True)


def test_a_key_of_the_organisation_is_aligned_only_relaxed() -> None:
    """From news.example.com, signed by example.com."""
    zone = good(news__example__com={"TXT": [quoted("v=spf1 -all")], "MX": ["1 mx.example.com."]})
    report = run(zone, domain="news.example.com")
    assert "organisational domain example.com" in " ".join(finding(report, "dmarc").notes)
    assert finding(report, "dmarc").state == "good"
    strict = quoted("v=DMARC1; p=reject; adkim=s; rua=mailto:d@example.com")
    zone["_dmarc.example.com"] = {"TXT": [strict]}
    assert finding(run(zone, domain="news.example.com"), "dmarc").state == "wrong"


def test_the_envelope_sender_decides_where_spf_is_looked_up() -> None:
    """ENVELOPE_FROM at another organisation passes there, but is not aligned."""
    server = Server(
        key="default",
        preset="fastmail",
        host="smtp.fastmail.com",
        envelope_from="b@bounce.example.net",
    )
    zone = good(
        bounce__example__net={"TXT": [quoted("v=spf1 include:spf.messagingengine.com -all")]},
        spf__messagingengine__com={"TXT": [quoted("v=spf1 ip4:198.51.100.0/24 -all")]},
    )
    report = run(zone, server)
    assert finding(report, "spf").state == "good"
    notes = " ".join(finding(report, "dmarc").notes)
    assert "SPF passes for bounce.example.net, which is not aligned" in notes


def test_a_return_path_below_the_domain_aligns_spf() -> None:
    """Postmark's, once its CNAME is there; until then the record is told."""
    postmark = Server(key="default", preset="postmark", host="smtp.postmarkapp.com")
    before = finding(run(good(), postmark), "spf")
    assert [(it.name, it.value) for it in before.publish] == [
        ("pm-bounces.example.com", "pm.mtasv.net")
    ]
    zone = good(
        **{"pm-bounces__example__com": {"TXT": [quoted("v=spf1 include:spf.mtasv.net -all")]}}
    )
    zone["spf.mtasv.net"] = {"TXT": [quoted("v=spf1 ip4:198.51.100.0/24 -all")]}
    after = run(zone, postmark)
    assert finding(after, "spf").publish == ()
    assert "pm-bounces.example.com" in " ".join(finding(after, "dmarc").notes)

"""Hosts: where mail arrives, where it leaves from, and who owns the domain."""

from __future__ import annotations

import pytest
from support.domains import LOCAL, RELAY, SENDGRID, finding, run
from support.zones import Zone, good, key, quoted

from flask_smtpadmin.core.settings import Server


def relay_zone(
    ptr: str | None = "relay.example.com.", spf: str = "v=spf1 ip4:198.51.100.9 -all"
) -> Zone:
    """Return the zone with a mail server of one's own."""
    zone = good(
        example__com={"TXT": [quoted(spf)], "MX": ["10 mx.example.com."]},
        relay__example__com={"A": ["198.51.100.9"]},
        default___domainkey__example__com={"TXT": [quoted(key())]},
    )
    if ptr:
        zone["9.100.51.198.in-addr.arpa"] = {"PTR": [ptr]}
    return zone


def test_a_server_of_ones_own_is_judged_by_its_address() -> None:
    """SPF is evaluated for it, and its name must lead back."""
    report = run(relay_zone(), RELAY)
    assert finding(report, "spf").state == "good"
    assert "198.51.100.9" in finding(report, "spf").text
    assert finding(report, "ptr").state == "good"
    assert report.ok


def test_an_address_that_spf_does_not_name_is_to_be_added() -> None:
    """With the record as it should be."""
    found = finding(run(relay_zone(spf="v=spf1 mx -all"), RELAY), "spf")
    assert (found.state, found.publish[0].value) == ("missing", "v=spf1 mx ip4:198.51.100.9 -all")


@pytest.mark.parametrize(
    ("ptr", "state", "record"),
    [
        (None, "missing", ("9.100.51.198.in-addr.arpa", "PTR", "mail.example.com")),
        ("mx.example.com.", "wrong", ("mx.example.com", "A", "198.51.100.9")),
    ],
)
def test_a_sending_address_needs_a_name_that_leads_back(
    ptr: str | None, state: str, record: tuple[str, str, str]
) -> None:
    """Forward-confirmed reverse DNS, and the record that is lacking."""
    found = finding(run(relay_zone(ptr), RELAY), "ptr")
    told = [(it.name, it.type, it.value) for it in found.publish]
    assert (found.state, record in told) == (state, True)


def test_a_server_on_this_host_sends_from_this_host() -> None:
    """Its outgoing address counts, and HELO_NAME should be its name."""
    own = Server(key="default", host="127.0.0.1", helo_name="app.example.com")
    found = finding(run(relay_zone(), own, own=lambda: ("198.51.100.9",)), "ptr")
    assert (found.state, "HELO_NAME" in found.text) == ("warning", True)


def test_behind_a_nat_the_name_of_the_host_tells_its_address() -> None:
    """A private address is never compared with SPF; without a name nothing is."""
    zone = relay_zone()
    named = Server(key="default", host="127.0.0.1", helo_name="relay.example.com")
    found = run(zone, named, own=lambda: ("10.0.0.7", "fe80::1"))
    assert (finding(found, "spf").state, finding(found, "ptr").state) == ("good", "good")
    nameless = run(zone, LOCAL, own=lambda: ("10.0.0.7",))
    assert finding(nameless, "ptr").state == "unknown"
    assert "not known here" in " ".join(finding(nameless, "spf").notes)


@pytest.mark.parametrize(
    ("types", "state"),
    [
        ({"MX": ["0 ."]}, "warning"),
        ({"MX": ["10 gone.example.com."]}, "wrong"),
        ({"A": ["192.0.2.1"]}, "warning"),
        ({"MX": ["10 gone.example.com.", "20 mx.example.com."]}, "good"),
        ({}, "missing"),
    ],
)
def test_what_is_said_about_mx(types: dict[str, list[str]], state: str) -> None:
    """Null MX, hosts without address, an address only, nothing at all."""
    assert finding(run(good(example__com=types)), "mx").state == state


def test_a_mailbox_providers_own_domain_has_nothing_to_publish() -> None:
    """Nobody but Google can write into gmail.com."""
    report = run({"gmail.com": {}}, SENDGRID, "gmail.com")
    assert not any(it.publish for it in report.findings)
    assert any("belongs to Gmail" in note for it in report.findings for note in it.notes)


def test_a_mailbox_at_its_own_provider_is_in_order() -> None:
    """Gmail signs mail from gmail.com with selectors that nobody need know."""
    gmail = Server(key="default", preset="gmail", host="smtp.gmail.com")
    zone = {
        "gmail.com": {
            "TXT": [quoted("v=spf1 redirect=_spf.google.com")],
            "MX": ["5 mx.example.com."],
        },
        "_spf.google.com": {"TXT": [quoted("v=spf1 ip4:198.51.100.0/24 ~all")]},
        "_dmarc.gmail.com": {"TXT": [quoted("v=DMARC1; p=none; rua=mailto:d@google.com")]},
        "mx.example.com": {"A": ["192.0.2.25"]},
    }
    report = run(zone, gmail, "gmail.com")
    assert (report.ok, finding(report, "dkim").state) == (True, "skipped")
    assert "with keys of its own" in finding(report, "dkim").text


def test_a_provider_whose_needs_are_not_listed_is_not_guessed_at() -> None:
    """Its submission host is not where its mail leaves from."""
    yahoo = Server(key="default", preset="yahoo", host="smtp.mail.yahoo.com")
    zone = good(smtp__mail__yahoo__com={"A": ["203.0.113.5"]})
    report = run(zone, yahoo)
    assert {it.check: it.state for it in report.findings if it.check in {"spf", "dkim", "ptr"}} == {
        "spf": "good",
        "dkim": "unknown",
        "ptr": "skipped",
    }
    assert any("see its own pages" in note for note in finding(report, "spf").notes)

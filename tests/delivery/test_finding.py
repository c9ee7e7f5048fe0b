"""Settings are found from an address: DNS says where, servers say how, within a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.dead_ends import black_hole, refusing
from support.scripted import Farm, scripted_servers
from support.smtp import authority

from example_app.demo.names import NameServer, name_server
from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.findings import Candidate, Finding, Probe, in_order
from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.settings.presets import preset_ports
from flask_smtpadmin.delivery.finding import run_find

HOME = {"A": ["127.0.0.1"]}


@contextmanager
def world(**zone: Any) -> Iterator[tuple[NameServer, Farm]]:
    """Run a DNS server with example.org and a farm of mail servers."""
    names = {"example.org": {"MX": ["10 mx.example.org."]}, "mx.example.org": {}}
    names |= {name.replace("__", "-").replace("0", "."): records for name, records in zone.items()}
    with name_server(names) as dns, scripted_servers() as farm:
        yield dns, farm


def offer(dns: NameServer, *, implicit: int = 0, starttls: int = 0) -> None:
    """Publish SRV records for mail.test, whose certificate and address are this machine's."""
    dns.zone["localhost"] = {"A": ["127.0.0.1"]}
    if implicit:
        dns.zone["_submissions._tcp.example.org"] = {"SRV": [f"0 1 {implicit} localhost."]}
    if starttls:
        dns.zone["_submission._tcp.example.org"] = {"SRV": [f"0 1 {starttls} localhost."]}


def find(dns: NameServer, address: str = "ada@example.org", **options: Any) -> Finding:
    """Search with the tests' names and authority."""
    options.setdefault("ca_file", authority().ca_file)
    return run_find(address, resolver=dns.resolver(2.0), **options)


def test_published_services_are_found_and_the_best_is_first() -> None:
    """RFC 6186: both SRV records are tried; implicit TLS stands before STARTTLS."""
    with world() as (dns, farm):
        late = farm.add(mode="starttls", auth="PLAIN")
        best = farm.add(mode="implicit", auth="PLAIN")
        offer(dns, implicit=best.port, starttls=late.port)
        found = find(dns)
        assert late.auths == best.auths == 0
    assert found.complete
    assert found.best is not None
    assert found.best.settings == ("localhost", best.port, "implicit")
    assert [probe.tls_mode for probe in found.probes if probe.state == "ok"] == [
        "implicit",
        "starttls",
    ]
    assert found.document()["best"]["auth"] == ["PLAIN"]


def test_the_usual_names_and_the_mx_hosts_are_tried_at_four_ports() -> None:
    """smtp., mail. and the MX host, at 465, 587, 2525 and 25, over IPv4 and IPv6."""
    with name_server(
        {
            "example.org": {"MX": ["10 mx.example.org."]},
            "smtp.example.org": {"A": ["127.0.0.1"], "AAAA": ["::1"]},
            "mx.example.org": HOME,
        }
    ) as dns:
        found = find(dns)
    rows = {(probe.candidate.host, probe.candidate.port, probe.family) for probe in found.probes}
    for port in (465, 587, 2525, 25):
        assert ("smtp.example.org", port, "IPv4") in rows
        assert ("smtp.example.org", port, "IPv6") in rows
        assert ("mx.example.org", port, "IPv4") in rows
    (missing,) = [probe for probe in found.probes if probe.candidate.host == "mail.example.org"]
    assert (missing.state, missing.detail) == ("unknown", "DNS: there is no such name.")
    assert found.notes == ("Mail to example.org goes to mx.example.org.",)


@pytest.mark.parametrize(
    ("address", "zone", "preset", "host", "why"),
    [
        ("ada@gmail.com", {}, "gmail", "smtp.gmail.com", "Addresses at gmail.com belong to Gmail"),
        ("ada@zohomail.eu", {}, "zoho:eu", "smtp.zoho.eu", "Addresses at zohomail.eu"),
        (
            "ada@example.org",
            {"example.org": {"MX": ["5 mx.example.org.", "10 aspmx.l.google.com."]}},
            "google_workspace",
            "smtp.gmail.com",
            "aspmx.l.google.com receives its mail",
        ),
    ],
)
def test_a_known_provider_gives_the_host(
    address: str, zone: Any, preset: str, host: str, why: str
) -> None:
    """By the domain or by the MX hosts; a mailbox provider leaves nothing to guess."""
    with name_server({**zone, host: HOME}) as dns:
        found = find(dns, address)
        asked = {line.partition(" ")[2] for line in dns.asked}
    assert found.preset == preset
    assert why in found.why
    assert {probe.candidate.host for probe in found.probes} == {host}
    assert {probe.candidate.preset for probe in found.probes} == {preset}
    assert not any(name.startswith(("smtp.example", "mail.")) for name in asked)


def test_a_sending_service_that_receives_mail_is_one_guess_among_others() -> None:
    """The MX tells who receives: the domain's own hosts are tried as well."""
    zone = {"example.org": {"MX": ["10 mxa.mailgun.org."]}, "smtp.example.org": HOME}
    with name_server(zone) as dns:
        found = find(dns)
    assert found.preset == "mailgun"
    hosts = {probe.candidate.host for probe in found.probes}
    assert {"smtp.mailgun.org", "smtp.example.org"} <= hosts


def test_rows_come_as_they_are_ready() -> None:
    """A refused port is told of while a black hole still keeps the search waiting."""
    seen: list[tuple[str, float]] = []
    with world() as (dns, _farm), black_hole() as dead:
        offer(dns, implicit=refusing().sockaddr[1], starttls=dead.sockaddr[1])
        started = time.monotonic()
        find(dns, progress=lambda row: seen.append((row.state, time.monotonic() - started)),
             limit=3.0)  # fmt: skip
    times = dict(reversed(seen))
    assert times["refused"] < 2.5
    assert "timed_out" not in times


def test_the_whole_has_one_limit() -> None:
    """What is not done by then has timed out, and the finding says that it is not complete."""
    with world() as (dns, farm), black_hole() as dead:
        good = farm.add(mode="implicit", auth="PLAIN")
        offer(dns, implicit=good.port, starttls=dead.sockaddr[1])
        started = time.monotonic()
        found = find(dns, limit=2.0)
        assert time.monotonic() - started < 5
    assert not found.complete
    assert found.best is not None
    (late,) = [probe for probe in found.probes if probe.candidate.port == dead.sockaddr[1]]
    assert (late.state, late.detail) == ("timed_out", "Not done within 2 s.")


def test_a_silent_dns_server_ends_in_time() -> None:
    """No answer about the domain is a sentence, not an error."""
    with name_server({}) as dns:
        dns.silent |= {"example.org", "smtp.example.org", "mail.example.org"}
        found = run_find("ada@example.org", resolver=dns.resolver(0.3), limit=5.0)
    assert found.best is None
    assert "DNS gave no answer about example.org: no answer within 0.3 s." in found.notes


@pytest.mark.parametrize(
    ("records", "note"),
    [
        (None, "There is no domain example.org."),
        ({"MX": ["0 ."]}, "example.org takes no mail (a null MX)."),
        ({"A": ["192.0.2.1"]}, "example.org names no MX host."),
    ],
)
def test_what_dns_said_about_the_domain_is_told(records: Any, note: str) -> None:
    """No domain, a null MX (RFC 7505), no MX at all."""
    with name_server({"example.org": records} if records else {}) as dns:
        assert note in find(dns).notes


def test_strict_sends_nothing_to_what_it_forbids() -> None:
    """Only public addresses and the presets' ports: one row, one text, no packet, no address."""
    with world() as (dns, farm):
        server = farm.add(mode="implicit")
        offer(dns, implicit=server.port)
        dns.zone["smtp.example.org"] = {"A": ["127.0.0.1", "10.0.0.1"], "AAAA": ["::1"]}
        found = find(dns, policy=HostPolicy("strict", preset_ports()))
        assert server.connections == 0
    rows = [probe for probe in found.probes if probe.state != "unknown"]
    assert {(probe.state, probe.ip) for probe in rows} == {("forbidden", "")}
    assert sorted(probe.candidate.host for probe in rows) == ["localhost", "smtp.example.org"]
    assert len({probe.detail for probe in rows}) == 1


def test_private_addresses_of_the_cloud_are_never_visited() -> None:
    """The metadata service is refused under the default policy too."""
    zone = {"example.org": {"MX": []}, "smtp.example.org": {"A": ["169.254.169.254"]}}
    with name_server(zone) as dns:
        (row,) = [p for p in find(dns).probes if p.candidate.host == "smtp.example.org"]
    assert (row.state, row.ip) == ("forbidden", "")


def test_a_search_can_be_cancelled() -> None:
    """Whoever leaves does not keep it going; what was found so far is there."""
    cancel = threading.Event()
    with world() as (dns, _farm), black_hole() as dead:
        offer(dns, starttls=dead.sockaddr[1])
        threading.Timer(0.5, cancel.set).start()
        started = time.monotonic()
        found = find(dns, cancel=cancel)
        assert time.monotonic() - started < 4
    assert not found.complete


@pytest.mark.parametrize("address", ["example.org", "a@[192.0.2.1]", "", "a@b@c", "a@x\r\ny"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Nothing is asked or tried."""
    with name_server({}) as dns:
        with pytest.raises(InvalidMessage):
            find(dns, address)
        assert dns.asked == []


def row(port: int, mode: Any, **changes: Any) -> Probe:
    """Return a row that answered."""
    values: dict[str, Any] = {"state": "ok", "tls_mode": mode, "mechanisms": ("PLAIN",)}
    candidate = Candidate("h", port, mode or "starttls", "test")
    return Probe(candidate=candidate, ip="192.0.2.1", **{**values, **changes})


def test_the_order_of_preference() -> None:
    """465 implicit, 587, 2525, 25; then no AUTH, plain, a bad certificate, and what failed."""
    wanted = [
        row(465, "implicit"),
        row(587, "starttls"),
        row(2525, "starttls"),
        row(25, "starttls"),
        row(465, "implicit", mechanisms=()),
        row(25, "none"),
        row(465, "implicit", certificate="The certificate has expired."),
        row(587, None, state="refused"),
    ]
    assert list(in_order(reversed(wanted), [])) == wanted

"""The page on SPF, DKIM and DMARC: kept results, asked anew by a button only."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.zones import good, quoted

from example_app.demo.names import NameServer, name_server
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.storage import findings
from flask_smtpadmin.storage.database import utcnow

PATH = "/deliverability"


@pytest.fixture
def names() -> Iterator[NameServer]:
    """Run a DNS server that holds a zone in order."""
    with name_server(good()) as server:
        yield server


@pytest.fixture
def office(office: Any, names: NameServer) -> Any:
    """Return a back office that sends through SendGrid and asks that server."""
    office.save(host="smtp.sendgrid.net", from_email="app@example.com")
    office.state.resolver = names.resolver()
    return office


def states(page: str) -> dict[str, str]:
    """Return the word of each record of the first card."""
    return dict(re.findall(r'data-check="(\w+)" data-state="(\w+)"', page))


def domains(page: str) -> list[tuple[str, str, str]]:
    """Return domain, server and state of each card."""
    return re.findall(r'data-domain="([^"]+)" data-server="([\w ]+)" data-state="(\w*)"', page)


def test_a_get_asks_nobody(office: Any, names: NameServer) -> None:
    """Neither before nor after a check."""
    assert domains(office.page(PATH)) == [("example.com", "default", "")]
    office.post(PATH)
    asked = len(names.asked)
    assert asked > 0
    office.page(PATH)
    assert len(names.asked) == asked


def test_check_now_asks_and_the_result_stays(office: Any, names: NameServer) -> None:
    """With its age, for every page that is opened later."""
    response = office.post(PATH)
    assert (response.status_code, response.location) == (303, "/admin/email/deliverability")
    page = office.page(PATH)
    assert "nothing is missing" in page
    assert states(page) == {
        "mx": "good",
        "spf": "good",
        "dkim": "good",
        "dmarc": "good",
        "ptr": "skipped",
    }
    assert re.search(r"checked\s+<time", page)
    assert "nothing is missing" not in office.page(PATH)
    assert states(office.page(PATH))["spf"] == "good"


def test_a_later_check_takes_the_place_of_the_first(office: Any, names: NameServer) -> None:
    """What was published meanwhile shows."""
    names.zone.pop("_dmarc.example.com")
    office.post(PATH)
    page = office.page(PATH)
    assert states(page)["dmarc"] == "missing"
    assert "something is missing or wrong" in page
    assert re.search(r"<pre[^>]*>_dmarc\.example\.com</pre>", page)
    assert re.search(r"<pre[^>]*>v=DMARC1; p=none; rua=mailto:postmaster@example\.com</pre>", page)
    names.zone["_dmarc.example.com"] = good()["_dmarc.example.com"]
    office.post(PATH)
    assert states(office.page(PATH))["dmarc"] == "good"


def test_any_domain_can_be_typed(office: Any, names: NameServer) -> None:
    """Its card stays beside those in use, and can be removed."""
    names.zone["shop.example"] = {"TXT": [quoted("v=spf1 -all")]}
    office.post(PATH, {"domain": " News@Shop.Example ", "server": "default", "selector": ""})
    assert [it[:2] for it in domains(office.page(PATH))] == [
        ("example.com", "default"),
        ("shop.example", "default"),
    ]
    office.post(f"{PATH}/forget", {"domain": "shop.example", "server": "default"})
    assert [it[0] for it in domains(office.page(PATH))] == ["example.com"]
    office.post(f"{PATH}/forget", {"domain": "shop.example", "server": "default"})
    assert "there is no such result" in office.page(PATH)


def test_a_typed_selector_is_remembered(office: Any, names: NameServer) -> None:
    """The next check looks it up again."""
    names.zone["mine._domainkey.example.com"] = good()["s1._domainkey.example.com"]
    office.post(PATH, {"domain": "example.com", "server": "default", "selector": "mine._domainkey"})
    names.asked.clear()
    office.post(PATH)
    assert "TXT mine._domainkey.example.com" in names.asked


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"domain": "", "server": "default"}, "domain"),
        ({"domain": "not a domain"}, "domain"),
        ({"domain": "<script>"}, "domain"),
        ({"domain": "a@[192.0.2.1]"}, "domain"),
        ({"domain": "localhost"}, "domain"),
        ({"domain": "x" * 5000}, "domain"),
        ({"domain": "example.com", "selector": "a b"}, "selector"),
    ],
)
def test_what_cannot_be_asked_for_is_said_at_its_field(
    office: Any, names: NameServer, form: dict[str, str], field: str
) -> None:
    """Nothing is asked then, and what was typed is still there."""
    response = office.post(PATH, form)
    assert response.status_code == 422
    assert f'id="dns-{field}-error"' in response.text
    assert "<script>" not in response.text
    assert names.asked == []


def test_an_unknown_server_is_not_found(office: Any, names: NameServer) -> None:
    """As on every other page."""
    form = {"domain": "example.com", "server": "nobody"}
    assert office.post(PATH, form).status_code == 404
    assert names.asked == []


def test_ten_checks_a_minute_are_enough(office: Any, names: NameServer) -> None:
    """The page is no tool to ask the DNS with."""
    form = {"domain": "example.com", "server": "default"}
    for _ in range(10):
        office.post(PATH, form)
    names.asked.clear()
    office.post(PATH, form)
    assert names.asked == []
    assert "Ten checks a minute" in office.page(PATH)


def test_who_may_only_look_sees_no_button(office: Any) -> None:
    """The results are for everybody who may see the pages."""
    office.post(PATH)
    office.rights = {"view"}
    page = office.page(PATH)
    assert states(page)["spf"] == "good"
    assert '<form method="post"' not in page
    assert "right operate" in page


def test_every_server_and_its_routes_have_a_card(make_office: Callable[..., Any]) -> None:
    """FROM_EMAIL of each, and the domains of ROUTES that keep their From."""
    office = make_office(
        SMTPADMIN_HOST="smtp.sendgrid.net",
        SMTPADMIN_FROM_EMAIL="app@example.com",
        SMTPADMIN_SERVERS={
            "shop": {
                "HOST": "relay.example.com",
                "FROM_EMAIL": "a@shop.example",
                "ROUTES": ["b@shop.example", "news.example"],
            },
            "forced": {
                "HOST": "relay.example.com",
                "FROM_EMAIL": "a@forced.example",
                "FORCE_FROM": True,
                "ROUTES": ["other.example"],
            },
        },
    )
    assert [it[:2] for it in domains(office.page(PATH))] == [
        ("example.com", "default"),
        ("forced.example", "forced"),
        ("shop.example", "shop"),
        ("news.example", "shop"),
    ]


def test_one_domain_of_several_servers_has_one_card(
    make_office: Callable[..., Any], names: NameServer
) -> None:
    """What they have in common stands there once; what differs names its servers."""
    config = {"HOST": "relay.example.com", "FROM_EMAIL": "b@example.com", "NAME": "Relay"}
    office = make_office(
        SMTPADMIN_HOST="smtp.sendgrid.net",
        SMTPADMIN_FROM_EMAIL="app@example.com",
        SMTPADMIN_NAME="Main",
        SMTPADMIN_SERVERS={"relay": config},
    )
    office.state.resolver = names.resolver()
    assert domains(office.page(PATH)) == [("example.com", "default relay", "")]
    office.post(PATH, {"domain": "example.com", "server": ""})
    page = office.page(PATH)
    assert [it[:2] for it in domains(page)] == [("example.com", "default relay")]
    assert page.count('data-check="mx"') == 1
    assert page.count('data-check="spf"') == 2
    assert "When sent via Main:" in page
    assert "When sent via Relay:" in page
    office.state.findings.forget("example.com", "relay")
    assert "Not checked yet for Relay." in office.page(PATH)


def test_without_a_from_address_the_page_says_so(make_office: Callable[..., Any]) -> None:
    """An empty state, and the form for any domain."""
    page = make_office().page(PATH)
    assert "No domain yet" in page
    assert "Check now" not in page


def test_what_the_dns_says_is_escaped(office: Any, names: NameServer) -> None:
    """A record is hostile input."""
    names.zone["example.com"]["TXT"] = [quoted("v=spf1 <script>alert(1)</script> -all")]
    office.post(PATH)
    page = office.page(PATH)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_result_of_another_version_is_left_out(office: Any) -> None:
    """It cannot be read, and the page opens all the same."""
    office.post(PATH)
    table = office.state.models.table("Finding")
    for report in ("nonsense", "{}", "[]", '{"domain": "x"}'):
        with office.app.app_context(), office.state.database.write() as connection:
            connection.execute(table.update().values(report=report))
        assert domains(office.page(PATH)) == [("example.com", "default", "")]


def test_the_oldest_results_go(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types many domains does not fill the table."""
    monkeypatch.setattr(findings, "MOST", 2)
    for name in ("a.example", "b.example", "c.example"):
        office.post(PATH, {"domain": name, "server": "default"})
    kept = {it[0] for it in domains(office.page(PATH)) if it[2]}
    assert kept == {"b.example", "c.example"}


def test_this_host_is_judged_by_the_address_that_servers_saw(
    office: Any, names: NameServer
) -> None:
    """Behind a NAT it does not know that address itself; a check of a server has told it."""
    office.save(host="127.0.0.1")
    names.zone["example.com"] = {"TXT": [quoted("v=spf1 ip4:198.51.100.9 -all")]}
    row = {"id": "c1", "batch": "b1", "kind": "test", "server_key": "default", "saved": True}
    row |= {"fingerprint": "x", "place": "", "host": socket.gethostname(), "state": "done"}
    row |= {"wish": Wish().dumped(), "created_at": utcnow(), "heard_at": utcnow(), "cancel": False}
    with office.app.app_context(), office.state.database.write() as connection:
        table = office.state.models.table("Check")
        connection.execute(table.insert().values(seen_as="198.51.100.9", **row))
    office.post(PATH)
    assert "198.51.100.9: no name" in office.page(PATH)


def test_the_navigation_leads_there(office: Any) -> None:
    """Below Settings, marked where one is."""
    page = office.page(PATH)
    entry = re.search(r'<a href="/admin/email/deliverability" aria-current="page">', page)
    assert entry

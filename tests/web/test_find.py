"""Finding settings from a page: with and without script, limited, safe, and nothing saved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from support.scripted import ScriptedServer, scripted_servers
from support.smtp import authority

from example_app.demo.names import NameServer, name_server
from flask_smtpadmin.core.findings import FORBIDDEN
from flask_smtpadmin.web import limits

STREAM = {"Accept": "application/x-ndjson"}
ADDRESS = {"address": "ada@example.org"}


@pytest.fixture
def names(office: Any) -> Iterator[NameServer]:
    """Let the site ask a DNS server of the test's own."""
    zone = {"example.org": {"MX": ["10 mx.example.org."]}, "localhost": {"A": ["127.0.0.1"]}}
    with name_server(zone) as running:
        office.state.resolver = running.resolver(2.0)
        office.save(ca_file=authority().ca_file)
        yield running


@pytest.fixture
def servers(names: NameServer) -> Iterator[tuple[ScriptedServer, ScriptedServer]]:
    """Run a server with implicit TLS and one with STARTTLS, both published in DNS."""
    with scripted_servers() as farm:
        best = farm.add(mode="implicit", auth="PLAIN LOGIN")
        other = farm.add(mode="starttls", auth="PLAIN")
        names.zone["_submissions._tcp.example.org"] = {"SRV": [f"0 1 {best.port} localhost."]}
        names.zone["_submission._tcp.example.org"] = {"SRV": [f"0 1 {other.port} localhost."]}
        yield best, other


def rows(source: str) -> dict[tuple[str, int], tuple[str, str]]:
    """Return state and encryption by host and port."""
    pattern = r'data-host="([^"]*)" data-port="(\d+)" data-state="(\w+)" data-mode="(\w*)"'
    return {(host, int(port)): (state, mode) for host, port, state, mode in
            re.findall(pattern, source)}  # fmt: skip


def hidden(source: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the first form with that action."""
    form = source[source.index(f'action="{action}"') :].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def test_the_page_looks_nothing_up(office: Any, names: NameServer) -> None:
    """A GET shows the form with the actor's address; DNS is not asked."""
    source = office.page("/servers/find")
    assert 'name="address" value="ada@example.com"' in source
    assert names.asked == []


@pytest.mark.parametrize("path", ["/", "/servers/new", "/servers/default"])
def test_the_search_is_linked_from_where_a_server_is_set_up(office: Any, path: str) -> None:
    """The first run, the choice of a provider, and the form."""
    assert 'href="/admin/email/servers/find' in office.page(path)


def test_without_script_the_page_waits_and_shows_the_table(office: Any, servers: Any) -> None:
    """The answer to the form is the whole result, the best choice on top."""
    best, other = servers
    source = office.post("/servers/find", ADDRESS).text
    found = rows(source)
    assert found["localhost", best.port] == ("ok", "implicit")
    assert found["localhost", other.port] == ("ok", "starttls")
    assert found["smtp.example.org", 465] == ("unknown", "")
    assert re.search(rf"<strong>\s*Found: localhost, port {best.port}, Implicit TLS", source)
    marked = re.findall(r'data-best data-probe data-host="localhost" data-port="(\d+)"', source)
    assert marked == [str(best.port)]
    assert "its certificate is valid. It asks for a password, which comes next" in " ".join(
        source.split()
    )
    for words in ("PLAIN, LOGIN", "TLSv1.3", "127.0.0.1", "IPv4", "up to 10.0 MB"):
        assert words in source
    assert best.auths == other.auths == 0
    assert not {"MAIL", "AUTH"} & {*best.commands, *other.commands}


def test_the_script_gets_each_row_and_then_the_result(office: Any, servers: Any) -> None:
    """The stream holds a line a row and the finished result as its last."""
    best, other = servers
    response = office.post("/servers/find", ADDRESS, headers=STREAM)
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert response.mimetype == "application/x-ndjson"
    told = {place for line in lines[:-1] for place in rows(line["row"])}
    assert {("localhost", best.port), ("localhost", other.port)} <= told
    assert told == set(rows(lines[-1]["html"]))


def test_what_was_found_opens_the_form_and_saves_nothing(office: Any, servers: Any) -> None:
    """Host, port, encryption, user name and From are filled in; saving the form keeps them."""
    best, _other = servers
    source = office.post("/servers/find", ADDRESS).text
    response = office.post("/servers/find/use", hidden(source, "/admin/email/servers/find/use"))
    assert response.status_code == 200
    assert "Filled in from what was found. Nothing is saved yet" in response.text
    me = "ada@example.org"
    wanted = {"host": "localhost", "port": str(best.port), "username": me, "from_email": me}
    for name, value in wanted.items():
        assert re.search(rf'name="{name}"[^>]* value="{re.escape(value)}"', response.text), name
    assert re.search(r'name="tls_mode" value="implicit"[^>]*checked', response.text)
    assert re.search(r'name="auth" value="password"[^>]*checked', response.text)
    assert re.search(r'name="name"[^>]* value="example\.org"', response.text)
    assert response.text.count("found for you") == len({"name", "tls_mode", "auth"} | {*wanted})
    assert '<a href="#field-password">' in response.text
    assert office.server().host == ""


def test_a_known_provider_comes_with_its_preset(office: Any, names: NameServer) -> None:
    """The host of Gmail is filled in by the provider, with all that is known about it."""
    form = {"address": "ada@gmail.com", "preset": "gmail", "host": "smtp.gmail.com",
            "port": "587", "tls_mode": "starttls", "auth": "password", "server": ""}  # fmt: skip
    source = office.post("/servers/find/use", form).text
    assert 'name="preset" value="gmail"' in source
    assert 'data-provider="gmail"' in source
    assert re.search(r'name="tls_mode" value="starttls"[^>]*checked', source)
    assert office.post("/servers/find/use", {**form, "preset": "nope"}).status_code == 404


def test_an_address_that_is_none_is_refused(office: Any, names: NameServer) -> None:
    """It is said at the form, and nothing is looked up."""
    response = office.post("/servers/find", {"address": "no address"})
    assert response.status_code == 422
    assert "The address cannot be used" in response.text
    assert names.asked == []


def test_strict_sends_nothing_and_tells_nothing(office: Any, servers: Any) -> None:
    """Under HOST_POLICY strict this machine is not visited and its address not shown."""
    office.app.config["SMTPADMIN_HOST_POLICY"] = "strict"
    source = office.post("/servers/find", ADDRESS).text
    assert [server.connections for server in servers] == [0, 0]
    assert FORBIDDEN in source
    assert "127.0.0.1" not in source


def test_a_search_counts_as_a_test(office: Any, names: NameServer) -> None:
    """The eleventh within a minute is put off and asks nobody."""
    limits.forget()
    office.post("/servers/find", ADDRESS)
    for _ in range(limits.TESTS - 1):
        limits.take("1", __import__("time").monotonic())
    names.asked.clear()
    assert "Ten tests a minute are enough" in office.post("/servers/find", ADDRESS).text
    assert names.asked == []
    limits.forget()


def test_what_others_say_is_escaped(office: Any, names: NameServer) -> None:
    """A reply with markup is text on the page, in the row and in the result."""
    with scripted_servers() as farm:
        rude = farm.add({"banner": "554 <script>alert(1)</script>"})
        names.zone["_submission._tcp.example.org"] = {"SRV": [f"0 1 {rude.port} localhost."]}
        text = office.post("/servers/find", ADDRESS, headers=STREAM).text
    assert "554" in text
    assert "<script>" not in text


def test_find_is_no_key_for_a_server(office: Any) -> None:
    """The page's address must not be that of a server."""
    response = office.post("/servers/new", {"key": "find", "host": "mail.example.org"})
    assert response.status_code == 422


def test_a_certificate_that_is_not_in_order_is_no_green_row(office: Any, servers: Any) -> None:
    """It can be reached and is not trusted: the answer says so, and nothing is marked as best."""
    office.save(ca_file="")
    source = office.post("/servers/find", ADDRESS).text
    assert "Not trusted" in source
    assert "Reachable" not in source
    assert "data-best" not in source

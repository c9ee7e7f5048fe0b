"""``flask smtp find`` for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.scripted import scripted_servers
from support.smtp import authority

from example_app.demo.names import NameServer, name_server


@pytest.fixture
def site(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, NameServer]]:
    """Yield a runner of commands and the DNS server that they ask."""
    monkeypatch.setenv("SMTPADMIN_CA_FILE", authority().ca_file)
    app = make_app().app
    with name_server({"example.org": {}, "localhost": {"A": ["127.0.0.1"]}}) as names:
        app.extensions["smtpadmin"].resolver = names.resolver(2.0)
        yield app.test_cli_runner(), names


def test_the_best_choice_is_named(site: Any) -> None:
    """Each row as it comes, then what to set; JSON: one document with the same."""
    runner, names = site
    with scripted_servers() as farm:
        server = farm.add(mode="implicit", auth="PLAIN")
        names.zone["_submissions._tcp.example.org"] = {"SRV": [f"0 1 {server.port} localhost."]}
        shown = runner.invoke(args=["smtp", "find", "ada@example.org"])
        found = json.loads(runner.invoke(args=["smtp", "find", "ada@example.org", "--json"]).output)
    assert shown.exit_code == 0
    assert f"HOST=localhost  PORT={server.port}  TLS_MODE=implicit" in shown.output
    assert "AUTH PLAIN" in shown.output
    assert found["best"]["tls_mode"] == "implicit"
    assert found["best"]["auth"] == ["PLAIN"]
    assert found["notes"] == ["example.org names no MX host."]
    assert {row["state"] for row in found["found"]} == {"ok", "unknown"}


def test_nothing_found_exits_with_1_and_a_wrong_address_with_2(site: Any) -> None:
    """As every check does."""
    runner, _names = site
    failed = runner.invoke(args=["smtp", "find", "ada@example.org"])
    assert (failed.exit_code, "No server answered" in failed.output) == (1, True)
    wrong = runner.invoke(args=["smtp", "find", "example.org", "--json"])
    assert wrong.exit_code == 2
    assert json.loads(wrong.output)["error"]["field"] == "address"

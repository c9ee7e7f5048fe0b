"""``flask smtp dns`` as somebody at a terminal meets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.zones import good, key, quoted

from example_app.demo.names import NameServer, name_server

DNS = ["smtp", "dns"]


@pytest.fixture
def names() -> Iterator[NameServer]:
    """Run a DNS server that holds a zone in order."""
    with name_server(good()) as server:
        yield server


@pytest.fixture
def run(make_app: Callable[..., Any], names: NameServer) -> Callable[..., Any]:
    """``run(*arguments)`` runs the command of an app that sends through SendGrid."""
    app = make_app(
        SMTPADMIN_HOST="smtp.sendgrid.net",
        SMTPADMIN_FROM_EMAIL="app@example.com",
        SMTPADMIN_SERVERS={"shop": {"HOST": "smtp.sendgrid.net", "FROM_EMAIL": "a@shop.example"}},
    ).app
    app.extensions["smtpadmin"].resolver = names.resolver()

    def run(*arguments: str) -> Any:
        return app.test_cli_runner().invoke(args=[*DNS, *arguments])

    return run


def test_a_domain_in_order_exits_with_0(run: Callable[..., Any]) -> None:
    """A line for each record."""
    result = run("example.com")
    assert result.exit_code == 0, result.output
    assert "example.com via default (SendGrid)" in result.output
    assert [line.split()[0] for line in result.output.splitlines()[1:] if line[:1].strip()] == [
        "MX",
        "SPF",
        "DKIM",
        "DMARC",
        "PTR",
    ]


def test_what_is_missing_is_told_as_a_record_and_exits_with_1(
    run: Callable[..., Any], names: NameServer
) -> None:
    """A line that can be copied into a zone."""
    names.zone.pop("_dmarc.example.com")
    result = run("example.com")
    assert result.exit_code == 1
    line = 'publish  _dmarc.example.com TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.com"'
    assert line in result.output


def test_json_holds_name_type_and_value(run: Callable[..., Any], names: NameServer) -> None:
    """One document for programs."""
    names.zone.pop("_dmarc.example.com")
    result = run("example.com", "--json")
    document = json.loads(result.output)
    (report,) = document["reports"]
    dmarc = next(it for it in report["findings"] if it["check"] == "dmarc")
    assert (document["ok"], report["domain"], report["server"]) == (False, "example.com", "default")
    assert (dmarc["state"], dmarc["publish"][0]["type"]) == ("missing", "TXT")
    assert result.exit_code == 1


def test_without_a_domain_all_in_use_are_checked(run: Callable[..., Any]) -> None:
    """Each server's From domain; ``--server`` names one."""
    everything = json.loads(run("--json").output)["reports"]
    assert [(it["domain"], it["server"]) for it in everything] == [
        ("example.com", "default"),
        ("shop.example", "shop"),
    ]
    one = json.loads(run("--server", "shop", "--json").output)["reports"]
    assert [it["domain"] for it in one] == ["shop.example"]


def test_a_domain_is_checked_as_its_own_server_sends_it(run: Callable[..., Any]) -> None:
    """One that no server sends for: as the default server would."""
    reports = json.loads(run("shop.example", "--json").output)["reports"]
    assert [it["server"] for it in reports] == ["shop"]
    reports = json.loads(run("other.example", "--json").output)["reports"]
    assert [it["server"] for it in reports] == ["default"]


def test_a_selector_can_be_named(run: Callable[..., Any], names: NameServer) -> None:
    """It is the one that the verdict is about."""
    names.zone["mine._domainkey.example.com"] = {"TXT": [quoted(key(1024))]}
    result = run("example.com", "--selector", "mine")
    assert "The key of mine has 1024 bits" in result.output


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["no domain"], "domain"),
        (["example.com", "--selector", "a b"], "selector"),
        (["example.com", "--server", "nobody"], None),
    ],
)
def test_wrong_usage_exits_with_2(
    run: Callable[..., Any], arguments: list[str], field: str | None
) -> None:
    """And asks nothing."""
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    error = json.loads(result.output)["error"]
    assert error["field"] == field or field is None


def test_without_a_from_address_a_domain_is_asked_for(make_app: Callable[..., Any]) -> None:
    """Nothing is wrong, there is nothing to check."""
    result = make_app().app.test_cli_runner().invoke(args=DNS)
    assert (result.exit_code, "Name a domain" in result.output) == (0, True)


def test_the_result_is_kept_for_the_page(run: Callable[..., Any], make_app: Any) -> None:
    """Whoever opens it sees what the command found."""
    run("example.com")
    app = make_app().app
    with app.app_context():
        (kept,) = app.extensions["smtpadmin"].findings.all()
    assert kept.report.domain == "example.com"

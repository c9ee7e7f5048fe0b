"""What is known about providers fits what the checks do with it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from flask_smtpadmin.core.deliverability.dkim import is_selector
from flask_smtpadmin.core.deliverability.lookups import is_name
from flask_smtpadmin.core.deliverability.providers import leaves_here, provider_of
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.settings.presets import presets

ROWS: dict[str, dict[str, Any]] = json.loads(
    files("flask_smtpadmin.core").joinpath("data/deliverability.json").read_text("utf-8")
)


@pytest.mark.parametrize("key", ROWS)
def test_each_entry_is_a_preset_with_usable_values(key: str) -> None:
    """Names are names, selectors selectors, records complete, sentences sentences."""
    assert key in presets()
    provider = provider_of(Server(key="default", preset=key))
    if provider is None:
        assert ROWS[key] == {"sender": "own"}
        return
    assert all(is_name(name) for name in provider.includes)
    assert all(is_selector(name) for name in provider.selectors)
    records = provider.dkim_records("news.example.com")
    assert all(is_name(record.name) for record in records)
    assert all(
        is_name(record.value) for record in records if record.type == "CNAME" and record.value
    )
    assert provider.where.endswith(".") or (
        not provider.where and (provider.values or not provider.selectors)
    )
    assert all(is_name(host.format(dashed="x-y", domain="x.y")) for _, host in provider.mx)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.sendgrid.net", "SendGrid"),
        ("SMTP.Sendgrid.NET.", "SendGrid"),
        ("email-smtp.eu-west-1.amazonaws.com", "Amazon SES"),
        ("email-smtp.xx-new-9.amazonaws.com", "Amazon SES"),
        ("smtp.eu.mailgun.org", "Mailgun"),
        ("smtp.office365.com", "Microsoft 365"),
        ("smtp.mail.yahoo.com", "Yahoo Mail"),
    ],
)
def test_a_provider_is_known_by_its_host(host: str, name: str) -> None:
    """A server that variables set up has no preset."""
    found = provider_of(Server(key="default", host=host))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "host", ["", "localhost", "mail.example.com", "127.0.0.1", "evil-smtp.sendgrid.net.example.com"]
)
def test_other_hosts_are_no_provider(host: str) -> None:
    """A relay of one's own, or nothing at all."""
    assert provider_of(Server(key="default", host=host)) is None
    assert provider_of(Server(key="default", host=host, preset="custom")) is None


def test_a_region_has_its_own_include_first() -> None:
    """What is to be published is the one of the region; others count as well."""
    zoho = provider_of(Server(key="default", preset="zoho:eu"))
    assert zoho is not None
    assert zoho.includes[0] == "zohomail.eu"
    assert "zoho.com" in zoho.includes


def test_direct_send_leaves_from_here() -> None:
    """Microsoft's direct send has no account: the app's own host is the sender."""
    server = Server(key="default", preset="microsoft365_direct_send", host="x.example")
    assert leaves_here(server)
    assert provider_of(server) is None

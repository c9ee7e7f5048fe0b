"""The files with what is known about providers hold together: every figure, link and date."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from flask_smtpadmin.core.settings.fields import IMPLICIT_PORTS, LIMIT_NAMES, STARTTLS_PORTS
from flask_smtpadmin.core.settings.preset import PASSWORDS, USERNAMES
from flask_smtpadmin.core.settings.presets import presets

FOLDER = files("flask_smtpadmin.core").joinpath("data/presets")
ROWS: list[dict[str, Any]] = [
    row
    for name in ("mailbox", "esp", "relay", "other")
    for row in json.loads(FOLDER.joinpath(f"{name}.json").read_text("utf-8"))
]
REQUIRED = {
    "key", "name", "category", "host", "ports", "recommended", "ways", "username_kind",
    "password_kind", "from_rule",
}  # fmt: skip
HOST = r"(?:[a-z0-9-]+|\{[a-z-]+\})(?:\.(?:[a-z0-9-]+|\{[a-z-]+\}))*"
TEXT = r"\S(?:.*\S)?"
SENTENCE = r"[A-Z0-9“].*[.”]"


def texts(pattern: str) -> dict[str, Any]:
    """Return the shape of a list of different texts."""
    return {"list": {"text": pattern}}


#: The shape of one provider: text (a pattern), a choice, a number, or a list or object of these.
SHAPE: dict[str, Any] = {
    "key": {"text": r"[a-z0-9_]{1,32}"},
    "name": {"text": TEXT},
    "category": {"choice": ["mailbox", "esp", "relay", "local", "custom"]},
    "host": {"text": f"(?:{HOST})?"},
    "ports": {"list": {
        "object": {"port": {"number": 65535},
                   "tls_mode": {"choice": ["implicit", "starttls", "none"]}},
        "optional": {"unverified": {"choice": [True]}}}},
    "recommended": {"number": 65535},
    "regions": {"list": {
        "object": {"key": {"text": r"[a-z0-9._-]{1,31}"}, "name": {"text": TEXT},
                   "host": {"text": HOST}},
        "optional": {"username": {"text": r"\S*"}, "suffixes": texts(HOST),
                     "old": {"choice": [True]}, "unverified": {"choice": [True]}}}},
    "ways": {"list": {"choice": ["anonymous", "password", "oauth2"]}},
    "username": {"text": r"\S+"},
    "username_kind": {"choice": list(USERNAMES)},
    "password_kind": {"choice": list(PASSWORDS)},
    "username_text": {"text": r"[A-Z].*[^.]"},
    "password_text": {"text": r"[A-Z].*[^.]"},
    "from_rule": {"object": {"kind": {"choice": ["login", "own", "domain", "verified", "any"]},
                             "text": {"text": f"(?:{SENTENCE})?"}}},
    "steps": texts(SENTENCE),
    "docs_url": {"text": r"https://\S+"},
    "links": {"list": {"object": {"title": {"text": r"[A-Z].*[^.]"},
                                  "url": {"text": r"https://\S+"}}}},
    "deprecations": {"list": {"object": {"date": {"date": True}, "text": {"text": SENTENCE}}}},
    "limits": {"limits": True},
    "limit_notes": texts(SENTENCE),
    "email_domains": texts(HOST),
    "mx_suffixes": texts(HOST),
    "mx_unverified": texts(HOST),
    "aliases": {"list": {"object": {"name": {"text": TEXT}, "note": {"text": f"(?:{TEXT}\\.)?"}}}},
    "old_hosts": {"list": {"object": {"host": {"text": HOST}, "note": {"text": SENTENCE}}}},
    "errors": texts(TEXT),
    "notes": texts(TEXT),
    "unverified": {"list": {"choice": ["all", "sign_in"]}},
}  # fmt: skip


def faults(value: Any, shape: dict[str, Any], where: str) -> list[str]:
    """Return what about ``value`` does not fit its shape."""
    if "object" in shape:
        return _object(value, shape["object"], shape.get("optional", {}), where)
    if "list" in shape:
        found = [] if isinstance(value, list) and value else [f"{where}: empty"]
        for number, item in enumerate(value):
            found += faults(item, shape["list"], f"{where}[{number}]")
        return found + ([f"{where}: twice"] if _twice(value) else [])
    return [] if _fits(value, shape) else [f"{where}: {value!r}"]


def _object(value: Any, must: dict[str, Any], may: dict[str, Any], where: str) -> list[str]:
    found = [f"{where}.{name} is missing" for name in must.keys() - value.keys()]
    found += [f"{where}.{name} is unknown" for name in value.keys() - must.keys() - may.keys()]
    known = {**must, **may}
    for name in value.keys() & known.keys():
        found += faults(value[name], known[name], f"{where}.{name}")
    return found


def _fits(value: Any, shape: dict[str, Any]) -> bool:
    if "text" in shape:
        return isinstance(value, str) and re.fullmatch(shape["text"], value) is not None
    if "choice" in shape:
        return value in shape["choice"]
    if "number" in shape:
        return type(value) is int and 0 < value <= shape["number"]
    if "date" in shape:
        return (
            value is None or re.fullmatch(r"20\d\d(-(0[1-9]|1[012])(-\d\d)?)?", value) is not None
        )
    return value.keys() <= set(LIMIT_NAMES) and all(_fits(n, {"number": 1 << 40})
                                                    for n in value.values())  # fmt: skip


def _twice(items: list[Any]) -> bool:
    return len({json.dumps(item, sort_keys=True) for item in items}) < len(items)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["key"])
def test_each_provider_has_the_shape_that_the_code_reads(row):
    """No unknown or missing name, no empty list, https links, sentences, ISO dates."""
    shape = {"object": {name: SHAPE[name] for name in REQUIRED},
             "optional": {name: SHAPE[name] for name in SHAPE.keys() - REQUIRED}}  # fmt: skip
    assert faults(row, shape, row["key"]) == []


def test_the_check_of_shapes_finds_faults():
    """A wrong link, date, limit, port and name are each found."""
    row = json.loads(json.dumps(ROWS[0]))
    row["docs_url"] = "http://example.org"
    row["deprecations"] = [{"date": "May 2022", "text": "It ended."}]
    row["limits"] = {"per_fortnight": 3}
    row["ports"][0]["port"] = 0
    row["surprise"] = 1
    shape = {"object": {}, "optional": SHAPE}
    assert len(faults(row, shape, "x")) == 5


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["key"])
def test_ports_and_encryption_go_together(row):
    """TLS starts at once where it does everywhere, never elsewhere; one port is recommended."""
    for offer in row["ports"]:
        number, mode = offer["port"], offer["tls_mode"]
        assert (mode == "implicit") == (number in IMPLICIT_PORTS)
        assert mode != "none" or row["category"] == "local"
        assert number not in STARTTLS_PORTS or mode == "starttls"
    numbers = [offer["port"] for offer in row["ports"]]
    assert len(set(numbers)) == len(numbers)
    assert row["recommended"] in numbers


def test_what_is_recommended_was_confirmed():
    """A port that the provider's pages do not confirm is only recommended for want of another."""
    for preset in presets().values():
        assert not preset.recommended.unverified or not preset.shown_ports, preset.key


def test_no_two_providers_claim_the_same():
    """Keys, names, aliases, e-mail domains, MX suffixes and old hosts belong to one each."""
    everything = presets().values()
    for found in (
        [name.casefold() for p in everything for name in (p.name, *(a.name for a in p.aliases))],
        [row["key"] for row in ROWS],
        [domain for p in everything for domain in p.email_domains],
        [suffix for p in everything for suffix in (*p.mx_suffixes, *p.mx_unverified)],
        [old.host for p in everything for old in p.old_hosts],
    ):
        assert [name for name, count in Counter(found).items() if count > 1] == []


def test_no_host_of_today_is_called_old():
    """An old host is none that a provider or region gives, those marked as old apart."""
    today = {
        host
        for preset in presets().values()
        for host, key in preset.hosts()
        if not (key and preset.region(key).old)
    }
    assert not today & {old.host for p in presets().values() for old in p.old_hosts}


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.key)
def test_sign_in_and_sender_fit_each_other(preset):
    """A fixed user name is there where it is promised; who must be the login signs in."""
    assert bool(preset.username) == (preset.username_kind == "literal")
    if preset.from_rule.kind in {"login", "own"}:
        assert "anonymous" not in preset.ways
    assert preset.from_rule.text or not preset.certain
    if "{" in preset.host:
        assert preset.regions or preset.category == "relay"
    if not preset.certain:
        told = (*preset.steps, *preset.limits, *preset.deprecations, *preset.shown_ports)
        assert told == ()


LIMITS = {
    "gmail": {"per_day": 500, "recipients_per_message": 100, "message_bytes": 26214400},
    "google_workspace": {
        "per_day": 2000, "recipients_per_message": 100, "recipients_per_day": 10000,
    },
    "google_workspace_relay": {"recipients_per_message": 100},
    "microsoft365": {
        "recipients_per_day": 10000, "per_minute": 30, "recipients_per_message": 500,
        "connections": 3, "message_bytes": 157286400,
    },
    "sendgrid": {"messages_per_connection": 5000},
    "ses": {"recipients_per_message": 50},
    "scaleway_tem": {
        "per_month": 10000, "recipients_per_month": 10000, "recipients_per_message": 10,
        "message_bytes": 52428800,
    },
}  # fmt: skip


def test_limits_are_those_that_were_published():
    """Only confirmed figures are kept to; what hangs on plan or account is told, not counted."""
    assert {key: dict(p.limits) for key, p in presets().items() if p.limits} == LIMITS
    assert "The free plan: 300 messages a day." in presets()["brevo"].limit_lines
    assert "500 messages a day" in presets()["gmail"].limit_lines


def test_the_dates_of_microsoft_are_there():
    """Basic authentication: the day for personal accounts, and the plan for organisations."""
    dates = [item.date for item in presets()["microsoft365"].deprecations]
    assert dates == ["2020-01", "2025-06-12", "2026-01-27", "2026-12-31", "2027"]
    for key in ("outlook", "hotmail"):
        assert presets()[key].deprecations[0].date == "2024-09-16"


def test_regions():
    """SES with every region that has SMTP, Zoho with both kinds of mailbox, Mailgun with two."""
    ses = [region.key for region in presets()["ses"].regions]
    assert len(ses) == 19
    assert {"us-east-1", "eu-central-1", "sa-east-1", "us-gov-west-1"} <= set(ses)
    assert presets()["zoho"].region("eu_pro").host == "smtppro.zoho.eu"
    assert [region.host for region in presets()["mailgun"].regions] == [
        "smtp.mailgun.org", "smtp.eu.mailgun.org",
    ]  # fmt: skip

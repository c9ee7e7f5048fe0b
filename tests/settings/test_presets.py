"""The presets are complete, and each of them makes a server that can be used."""

from __future__ import annotations

import pytest

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.settings.fields import LIMIT_NAMES, SERVER_FIELDS
from flask_smtpadmin.core.settings.origins import Stored, StoredServer
from flask_smtpadmin.core.settings.parse import parse
from flask_smtpadmin.core.settings.presets import (
    PASSWORDS,
    USERNAMES,
    find_preset,
    preset_of_domain,
    preset_of_host,
    preset_of_mx,
    preset_ports,
    presets,
    search,
)

EVERY = [
    (preset, region)
    for preset in presets().values()
    for region in ("", *(region.key for region in preset.regions))
]


def test_all_providers_are_there():
    """47 of them, keys unique; those that everyone asks for by name."""
    wanted = {
        "gmail", "google_workspace", "google_workspace_relay", "microsoft365", "outlook",
        "hotmail", "yahoo", "icloud", "zoho", "qq", "163", "aliyun_personal", "sendgrid",
        "mailgun", "ses", "exchange_anonymous", "custom",
    }  # fmt: skip
    assert len(presets()) == 47
    assert wanted <= presets().keys()
    assert {25, 465, 587, 994, 2525} <= preset_ports()


@pytest.mark.parametrize(("preset", "region"), EVERY, ids=lambda item: getattr(item, "key", item))
def test_each_preset_gives_values_that_can_be_used(read, preset, region):
    """Host, user name, limits and the rest parse; the recommended port is one of the ports."""
    for name, value in preset.values(region).items():
        assert parse(SERVER_FIELDS[name], value) == value
    assert preset.recommended in preset.ports
    assert preset.limits.keys() <= set(LIMIT_NAMES)
    assert preset.username_kind in USERNAMES
    assert preset.password_kind in PASSWORDS
    assert len(preset.key) + len(region) + 1 <= 64
    key = f"{preset.key}:{region}" if region else preset.key
    server = read({}, {}, Stored({}, {"default": StoredServer(key)})).default
    assert (server.port, server.tls_mode) == (preset.recommended.port, preset.recommended.tls_mode)
    assert {problem.field for problem in server.problems} <= {"auth", "password"}


def test_a_region_changes_the_host(read):
    """ses:eu-west-1 fills the host that ses alone cannot know."""
    assert find_preset("ses")[0].values().get("HOST") is None
    stored = Stored({}, {"default": StoredServer("mailtrap:sandbox")})
    server = read({}, {}, stored).default
    assert (server.host, server.username) == ("sandbox.smtp.mailtrap.io", "")


@pytest.mark.parametrize("key", ["nosuch", "ses:mars", "gmail:eu", ""])
def test_unknown_keys_are_not_found(key):
    """A preset or region that is not there raises NotFound."""
    with pytest.raises(NotFound):
        find_preset(key)


FOUND = [
    ("gmail", "gmail", "name", ""),
    ("Gmail SSL", "gmail", "also called Gmail SSL", "Port 465"),
    ("gmail  tls", "gmail", "also called Gmail TLS", "Port 587"),
    ("smtp.live.com", "hotmail", "old host smtp.live.com", "smtp-mail.outlook.com"),
    ("Hotmail", "hotmail", "name", ""),
    ("mxhichina", "alibaba_enterprise", "also called mxhichina", "smtp.qiye.aliyun.com"),
    ("smtp.mxhichina.com", "alibaba_enterprise", "old host", "smtp.qiye.aliyun.com"),
    ("aliyun", "alibaba_enterprise", "also called Aliyun", ""),
    ("Office 365", "microsoft365", "also called Office 365", "Microsoft 365"),
    ("exchange online", "microsoft365", "also called Exchange Online", ""),
    ("sendinblue", "brevo", "also called Sendinblue", "Brevo"),
    ("smtp.office365.com", "microsoft365", "host smtp.office365.com", ""),
    ("email-smtp.eu-west-1.amazonaws.com", "ses:eu-west-1", "host email-smtp", ""),
    ("smtp.eu.mailgun.org", "mailgun:eu", "host smtp.eu.mailgun.org", ""),
    ("ada@qq.com", "qq", "addresses @qq.com", ""),
    ("gmx.com", "gmx:com", "addresses @gmx.com", ""),
    ("it@contoso.onmicrosoft.com", "microsoft365", "addresses @contoso", ""),
    ("amazon", "ses", "name", ""),
    ("sendgrid twilio", "sendgrid", "name", ""),
]


@pytest.mark.parametrize(("text", "key", "why", "now"), FOUND)
def test_search_says_what_matched_and_what_replaced_it(text, key, why, now):
    """Names, old words, hosts and addresses lead to the provider, the best one first."""
    first = next(iter(search(text)), None)
    assert first.key == key
    assert why in first.why
    assert now in first.now
    assert bool(now) == bool(first.now)


def test_search_for_nothing_lists_all_and_for_nonsense_none():
    """No words: every provider, in order; words that nobody has: none."""
    assert [match.preset.key for match in search("  ")] == list(presets())
    assert search("nothing-like-it") == []
    assert {match.preset.key for match in search("google")} == {
        "gmail", "google_workspace", "google_workspace_relay",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("gmail-smtp-in.l.google.com", "gmail"),
        ("ALT1.gmail-smtp-in.l.google.com.", "gmail"),
        ("aspmx.l.google.com", "google_workspace"),
        ("contoso-com.mail.protection.outlook.com", "microsoft365"),
        ("mx-aol.mail.gm0.yahoodns.net", "aol"),
        ("mta7.am0.yahoodns.net", "yahoo"),
        ("mx2.zoho.eu", "zoho:eu_pro"),
        ("mx00.ionos.de", "ionos:de"),
        ("inbound-smtp.us-east-1.amazonaws.com", "ses"),
        ("notgoogle.com", None),
        ("mx.example.org", None),
    ],
)
def test_an_mx_host_tells_the_provider(host, key):
    """The longest suffix at a label's edge decides."""
    assert named(preset_of_mx(host)) == key


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("gmail.com", "gmail"),
        ("Contoso.onmicrosoft.com", "microsoft365"),
        ("zohomail.eu", "zoho:eu"),
        ("yandex.ru", "yandex:ru"),
        ("hotmail.co.uk", "hotmail"),
        ("live.com", "hotmail"),
        ("notqq.com", None),
    ],
)
def test_a_domain_tells_the_provider(domain, key):
    """The addresses of mailbox providers, with the region where the domain has one."""
    assert named(preset_of_domain(domain)) == key


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("SMTP.gmail.com", "gmail"),
        ("smtp.live.com", "hotmail"),
        ("smtppro.zoho.eu", "zoho:eu_pro"),
        ("email-smtp.eu-west-3.amazonaws.com", "ses:eu-west-3"),
        ("contoso-com.mail.protection.outlook.com", "microsoft365_direct_send"),
        ("mail.example.org", None),
    ],
)
def test_a_host_tells_the_provider(host, key):
    """Hosts of today, of regions, with a part of one's own, and of older guides."""
    assert named(preset_of_host(host)) == key


def named(found):
    """Return the key that ``found`` is chosen by."""
    return found and ":".join(filter(None, (found[0].key, found[1])))

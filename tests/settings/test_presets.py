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
    preset_ports,
    presets,
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

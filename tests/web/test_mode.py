"""Mail that is caught or redirected: the settings page decides, and every page says so."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flask_smtpadmin.core.audit_search import Sought


def chosen(source: str) -> str:
    """Return the mode that the settings page shows as chosen."""
    found = re.search(r'name="mode" value="(\w+)"[^>]* checked', source)
    assert found
    return found[1]


def mode(office: Any) -> str:
    """Return MODE as it is in force."""
    with office.app.app_context():
        return str(office.state.settings.snapshot()["MODE"])


def test_the_mode_is_chosen_on_the_settings_page(office: Any) -> None:
    """With the address that redirected mail goes to; the trail tells of it."""
    assert chosen(office.page("/settings")) == "live"
    form = {"mode": "redirect", "mode_to": "me@example.org", "catch_allow": "*.Test.example"}
    assert office.post("/settings", form).status_code == 303
    source = office.page("/settings")
    assert (chosen(source), mode(office)) == ("redirect", "redirect:me@example.org")
    assert 'name="mode_to" value="me@example.org"' in source
    assert 'value="*.test.example"' in source
    assert office.field("mode", "/settings")[0] == "database"
    with office.app.app_context():
        (entry, *_) = office.state.trail.of(Sought())
    assert entry.action == "settings.save"
    assert entry.details["fields"]["mode"] == {"from": None, "to": "redirect:me@example.org"}


def test_live_is_kept_only_against_something_else(make_office: Any) -> None:
    """A copy of the database must not turn another installation live."""
    office = make_office()
    office.post("/settings", {"mode": "catch"})
    office.post("/settings", {"mode": "live"})
    assert office.field("mode", "/settings")[0] == "default"
    staging = make_office(SMTPADMIN_MODE="catch")
    staging.post("/settings", {"mode": "live"})
    assert (staging.field("mode", "/settings")[0], mode(staging)) == ("database", "live")
    staging.post("/settings", {"mode": "catch"})
    assert staging.field("mode", "/settings")[0] == "app_config"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"mode": "redirect", "mode_to": "nobody"}, "mode"),
        ({"mode": "redirect"}, "mode"),
        ({"mode": "sideways"}, "mode"),
        ({"mode": "catch", "catch_allow": "good.example, *"}, "catch_allow"),
    ],
)
def test_a_mode_that_cannot_be_meant_is_refused_at_its_field(
    office: Any, form: dict[str, str], field: str
) -> None:
    """Nothing is stored, and what was typed is still there."""
    response = office.post("/settings", form)
    assert response.status_code == 422
    assert f'id="error-{field}"' in response.text
    assert mode(office) == "live"
    assert form.get("mode_to", "") in response.text
    assert form.get("catch_allow", "") in response.text


def test_a_mode_from_the_environment_is_locked(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page names the variable, and a submit changes nothing."""
    monkeypatch.setenv("SMTPADMIN_MODE", "catch")
    assert office.field("mode", "/settings") == ("environment", "SMTPADMIN_MODE")
    source = office.page("/settings")
    assert len(re.findall(r'name="mode"[^>]* disabled', source)) == 3
    assert re.search(r'name="mode_to"[^>]* disabled', source)
    office.post("/settings", {"mode": "live"})
    assert mode(office) == "catch"
    office.rights = {"view", "operate"}
    assert office.post("/settings", {"mode": "live"}).status_code == 403


PAGES = ["/", "/messages", "/inbox", "/settings", "/servers", "/test", "/activity", "/audit"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_that_mail_is_caught(make_office: Any, path: str) -> None:
    """With what becomes of mail, who is excepted, who decides, and the way to the inbox."""
    office = make_office(SMTPADMIN_MODE="catch", SMTPADMIN_CATCH_ALLOW="a.example, b@c.example")
    source = office.page(path)
    assert source.count('data-banner="mode"') == 1
    assert "new mail is kept here and reaches nobody" in source
    assert "Mail to a.example, b@c.example alone" in source
    assert "<code>SMTPADMIN_MODE</code> in app.config" in source
    assert ("Open the inbox" in source) == (path != "/inbox")
    office.rights.discard("privacy")
    if path != "/settings":  # where it is a setting among others
        assert "b@c.example" not in office.page(path)


def test_a_mode_of_the_settings_page_says_since_when(office: Any) -> None:
    """The moment it was saved; what the environment says has none."""
    assert 'data-banner="mode"' not in office.page("/messages")
    office.post("/settings", {"mode": "redirect", "mode_to": "me@example.org"})
    source = office.page("/messages")
    assert "new mail goes to me@example.org instead" in source
    assert "sa-banner-since" in source
    assert "Set on the settings page" in source


def test_the_banner_comes_and_goes_with_the_script(office: Any) -> None:
    """A page that is open learns of it."""
    parts = office.get("/messages", headers={"Smtpadmin-Live": "1"}).text
    assert 'data-live="mode"' in parts
    assert 'data-banner="mode"' not in parts
    office.post("/settings", {"mode": "catch"})
    parts = office.get("/messages", headers={"Smtpadmin-Live": "1"}).text
    assert 'data-banner="mode"' in parts

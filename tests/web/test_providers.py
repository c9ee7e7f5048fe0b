"""What the pages tell about a provider, and what they say after a save."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flask_smtpadmin.core.settings.presets import presets


def notice(office: Any, path: str = "/servers/default") -> str:
    """Return the first banner of a page: the result of what was asked."""
    source = office.page(path)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", source[source.index("sa-banner") :]))[:600]


@pytest.mark.parametrize("key", list(presets()))
def test_each_provider_has_its_panel(office: Any, key: str) -> None:
    """The page for every provider can be drawn; links lead out safely."""
    source = office.page(f"/servers/new?preset={key}")
    for link in presets()[key].links:
        assert f'href="{link.url}" target="_blank" rel="noopener noreferrer"' in source


def test_the_panel_tells_steps_sender_limits_links_and_hints(office: Any) -> None:
    """Gmail: an app password, whose spaces do not count, and 500 messages a day."""
    source = office.page("/servers/new?preset=gmail")
    assert "<li>Turn on 2-Step Verification for the Google account.</li>" in source
    assert 'data-from-rule="own"' in source
    assert "500 messages a day" in source
    assert "its spaces are left out" in source
    assert "465 Implicit TLS, 587 STARTTLS" in source


def test_dates_stand_in_the_notice(office: Any) -> None:
    """Microsoft 365: what happens to basic authentication, and when."""
    source = office.page("/servers/new?preset=microsoft365")
    assert '<time datetime="2026-12-31">2026-12-31</time>' in source
    assert "2024-09-16" in office.page("/servers/new?preset=outlook")


def test_what_was_not_confirmed_is_not_told(office: Any) -> None:
    """No unverified port, region or limit; an entry that is unverified as a whole says so."""
    yahoo = office.page("/servers/new?preset=yahoo")
    assert "465 Implicit TLS</dd>" in yahoo
    assert "data-limits" not in yahoo
    ionos = office.page("/servers/new?preset=ionos")
    assert 'value="ionos:com"' in ionos
    assert 'value="ionos:de"' not in ionos
    assert 'value="ionos:de" selected' in office.page("/servers/new?preset=ionos:de")
    assert "not confirmed by the provider" in office.page("/servers/new?preset=microsoft365_hve")


def test_the_fixed_user_name_is_filled_in(office: Any) -> None:
    """SendGrid's user name is the word apikey."""
    assert 'value="apikey"' in office.page("/servers/new?preset=sendgrid")


def test_the_spaces_of_an_app_password_are_left_out_and_that_is_said(office: Any) -> None:
    """The page names what it changed; a password without spaces needs no word."""
    form = {"preset": "gmail", "username": "ada@gmail.com", "from_email": "ada@gmail.com"}
    office.post("/servers/default", {**form, "password": "abcd efgh ijkl mnop"})
    assert "The spaces in the app password were left out." in notice(office)
    assert office.server().password == "abcdefghijklmnop"
    office.post("/servers/default", {"password": "ponmlkjihgfedcba"})
    assert "left out" not in notice(office)


def test_a_sender_that_the_provider_refuses_stops_the_save(office: Any) -> None:
    """The error stands at the field From address; nothing is stored."""
    form = {"preset": "qq", "username": "ada@qq.com", "password": "c", "from_email": "b@x.org"}
    response = office.post("/servers/default", form)
    assert response.status_code == 422
    assert 'id="error-from_email"' in response.text
    assert "takes mail only from the address that signs in" in response.text
    assert office.server().preset is None


def test_a_sender_to_be_verified_does_not(office: Any) -> None:
    """It is saved, with a line that says what the provider asks for."""
    form = {"preset": "sendgrid", "password": "SG.k", "from_email": "b@x.org"}
    assert office.post("/servers/default", form).status_code == 303
    assert "Make sure that b@x.org is that." in notice(office)
    office.post("/servers/default", {"name": "Main"})
    assert "Make sure" not in notice(office)


def test_an_old_host_is_warned_of_on_the_page(office: Any) -> None:
    """What took its place stands in the form."""
    office.save(host="smtp.live.com")
    assert "smtp-mail.outlook.com has taken its place" in office.page("/servers/default")


def test_the_search_says_what_replaced_an_old_word(office: Any) -> None:
    """An old host finds today's provider, with the sentence about it."""
    source = office.page("/servers/new?preset_q=smtp.live.com")
    assert "smtp-mail.outlook.com has taken its place" in source
    assert 'data-preset="hotmail"' in source
    assert 'data-preset="gmail"' not in source


def test_tiles_carry_what_the_script_filters_by(office: Any) -> None:
    """Names, aliases, hosts and domains in lower case."""
    source = office.page("/servers/new")
    (words,) = re.findall(r'data-preset="brevo" data-words="([^"]*)"', source)
    assert {"sendinblue", "brevo", "smtp-relay.brevo.com"} <= set(words.split())

"""The environment over the database, as the command line and the API tell it.

What the page shows of the same is in ``tests/web/test_server_form.py``.
"""

from __future__ import annotations

import json

import pytest
from support.fields import value_for

from flask_smtpadmin import Message
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS
from flask_smtpadmin.core.settings.parse import parse

SAVED = {"host": "saved.example", "port": "465", "name": "saved"}


@pytest.fixture
def site(make_app):
    """A site on which somebody saved a server."""
    site = make_app()
    with site.app.app_context():
        site.app.extensions["smtpadmin"].settings.save_server("default", SAVED)
    return site


def told(site, way):
    """Return the config document as the command line or the API gives it."""
    if way == "cli":
        result = site.app.test_cli_runner().invoke(args=["smtp", "config", "--json"])
        assert result.exit_code == 0
        return json.loads(result.stdout)
    with site.app.app_context():
        return json.loads(json.dumps(site.mail.config()))


@pytest.mark.parametrize("way", ["cli", "api"])
@pytest.mark.parametrize("spec", SERVER_FIELDS.values(), ids=lambda spec: spec.name)
def test_each_field_of_the_environment_wins_and_names_its_variable(site, monkeypatch, spec, way):
    """Each field: value, origin, variable and lock; a secret only as set."""
    text = value_for(spec)
    monkeypatch.setenv(f"SMTPADMIN_{spec.name}", text)
    field = told(site, way)["servers"]["default"]["fields"][spec.name.lower()]
    wanted = {"set": True} if spec.secret else json.loads(json.dumps(parse(spec, text)))
    variable = f"SMTPADMIN_{spec.name}"
    assert field == {
        "value": wanted,
        "origin": "environment",
        "variable": variable,
        "locked": True,
    }


@pytest.mark.parametrize("way", ["cli", "api"])
def test_without_the_variable_the_saved_value_is_back(site, monkeypatch, way):
    """The value in the database is kept underneath."""
    monkeypatch.setenv("SMTPADMIN_HOST", "env.example")
    told(site, way)
    monkeypatch.delenv("SMTPADMIN_HOST")
    field = told(site, way)["servers"]["default"]["fields"]["host"]
    assert (field["value"], field["origin"]) == ("saved.example", "database")


def test_a_port_that_is_no_number_holds_the_mail_and_is_named_everywhere(site, monkeypatch):
    """SMTPADMIN_PORT=abc: the app runs, mail is taken and waits; page, CLI and API say why."""
    monkeypatch.setenv("SMTPADMIN_PORT", "abc")
    site.mail.access_check(lambda right: True)
    with site.app.app_context():
        number = site.mail.send(Message("Hello", recipients=["ada@example.com"], body="x")).id
    burst = site.app.test_cli_runner().invoke(args=["smtp-worker", "--burst", "--json"])
    assert json.loads(burst.stdout)["waiting"] == 1
    with site.app.app_context():
        row = site.mail.queue.get(number)
    assert (row["state"], row["waiting_for"]) == ("queued", "settings")
    for way in ("cli", "api"):
        (problem,) = told(site, way)["servers"]["default"]["problems"]
        assert (problem["field"], problem["variable"]) == ("port", "SMTPADMIN_PORT")
        assert "abc" in problem["message"]
    page = site.app.test_client().get("/admin/email/servers/default").text
    assert "SMTPADMIN_PORT" in page
    assert "&#39;abc&#39; is not a whole number" in page

"""``flask smtp types`` and ``mail.types``: the kinds of mail of an app."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from support.apps import Site

from flask_smtpadmin import ConfigurationError, Message, NotFound, Texts


@pytest.fixture
def site(make_app: Callable[..., Site]) -> Site:
    """Build an app with two types, inside its context."""
    site = make_app()
    german = {"de": Texts("Hallo", None, "Hallo")}
    site.mail.email_type(
        "hi", subject="Hi", text="{{ n }}", sample={"n": 3}, trigger="dawn", locales=german
    )
    site.mail.email_type("lock", subject="Lock", text="x", critical=True, expires_in=60)
    return site


def run(site: Site, line: str) -> Any:
    """Run a command and return its result."""
    return site.app.test_cli_runner().invoke(args=["smtp", *shlex.split(line)])


def test_command_and_python_tell_the_same(site: Site) -> None:
    """All types in order, with what is known of each; one of them with its words."""
    with site.app.app_context():
        site.mail.send(Message("Hi", ["a@b.example"], body="x", sender="a@b.example"), type="hi")
        site.app.extensions["smtpadmin"].templates.save("hi", "de", Texts("Servus", None, "x"))
        listed, shown = site.mail.types.list(), site.mail.types.get("hi")
    assert json.loads(run(site, "types --json").stdout) == listed
    assert json.loads(run(site, "types show hi --json").stdout) == shown
    first, second = listed["types"]
    assert (first["name"], first["trigger"], first["edited"]) == ("hi", "dawn", ["de"])
    assert first["recent"] == {"messages": 1, "sent": 0, "failed": 0}
    assert (second["critical"], second["enabled"], second["edited"]) == (True, True, [])
    assert shown["variables"]["n"] == "3"
    assert (shown["texts"][""]["saved"], shown["texts"]["de"]["subject"]) == (None, "Servus")
    table = run(site, "types").stdout
    assert "hi    dawn     changed  on" in table
    assert "critical" in table
    assert "Servus" in run(site, "types show hi").stdout


def test_types_are_switched_and_reset(site: Site) -> None:
    """The result is the type as it is now; a critical one and an unknown one say why not."""
    off = json.loads(run(site, "types disable hi --json").stdout)
    assert (off["name"], off["enabled"]) == ("hi", False)
    assert run(site, "types enable hi").stdout == "Hi is switched on.\n"
    refused = run(site, "types disable lock --json")
    assert (refused.exit_code, json.loads(refused.stdout)["error"]["field"]) == (1, "name")
    assert run(site, "types disable nobody").exit_code == 2
    with site.app.app_context():
        site.app.extensions["smtpadmin"].templates.save("hi", "de", Texts("Servus", None, "x"))
        assert site.mail.types.reset("hi", "de")["edited"] == []
        with pytest.raises(NotFound):
            site.mail.types.reset("hi", "de")
        with pytest.raises(ConfigurationError, match="cannot be switched off"):
            site.mail.types.disable("lock")


def test_an_app_without_types_is_told_how_to_begin(make_app: Callable[..., Site]) -> None:
    """The command names the function that registers one."""
    assert "mail.email_type()" in run(make_app(), "types").stdout

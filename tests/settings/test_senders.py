"""What providers ask of the From address is said before the mail is refused."""

from __future__ import annotations

import pytest

from flask_smtpadmin.core.errors import InvalidSettings
from flask_smtpadmin.core.settings.origins import Stored, StoredServer
from flask_smtpadmin.core.settings.senders import remark


def server_of(read, preset=None, **fields):
    """Return the default server with these stored fields and preset."""
    values = {name.upper(): value for name, value in fields.items()}
    stored = Stored({"server:default": values}, {"default": StoredServer(preset)})
    return read({}, {}, stored).default


def warnings(server):
    """Return the warnings as ``field: message``."""
    return [f"{item.field}: {item.message}" for item in server.warnings]


@pytest.fixture
def settings(make_app):
    """Yield the settings of a fresh site."""
    site = make_app()
    with site.app.app_context():
        yield site.app.extensions["smtpadmin"].settings


@pytest.mark.parametrize(
    ("preset", "host"), [("qq", None), ("163", None), ("aliyun_personal", None),
                         (None, "smtp.qq.com"), ("custom", "smtp.163.com")]
)  # fmt: skip
def test_a_from_address_that_must_be_the_login_is_refused_on_save(settings, preset, host):
    """Nothing is stored; the message names the field, the rule and both remedies."""
    values = {"username": "ada@qq.com", "password": "code", "from_email": "app@example.org"}
    if host:
        values["host"] = host
    with pytest.raises(InvalidSettings) as caught:
        settings.save_server("default", values, preset=preset)
    (problem,) = caught.value.problems
    assert problem.field == "from_email"
    assert "Enter ada@qq.com as From address, or sign in as app@example.org" in problem.message
    assert settings.snapshot().default.username == ""
    values["from_email"] = "ADA@qq.com"
    assert not settings.save_server("default", values, preset=preset).warnings


def test_the_envelope_sender_must_be_the_login_too(settings):
    """MAIL FROM is what these servers look at."""
    values = {"username": "ada@qq.com", "password": "code", "envelope_from": "bounce@example.org"}
    with pytest.raises(InvalidSettings) as caught:
        settings.save_server("default", values, preset="qq")
    assert [item.field for item in caught.value.problems] == ["envelope_from"]


def test_other_fields_can_be_saved_beside_an_address_that_was_there(settings, monkeypatch):
    """A From address that the environment sets warns; it does not lock the form."""
    monkeypatch.setenv("SMTPADMIN_HOST", "smtp.qq.com")
    monkeypatch.setenv("SMTPADMIN_USERNAME", "ada@qq.com")
    monkeypatch.setenv("SMTPADMIN_PASSWORD", "code")
    monkeypatch.setenv("SMTPADMIN_FROM_EMAIL", "app@example.org")
    saved = settings.save_server("default", {"name": "Main"})
    assert saved.name == "Main"
    assert not saved.problems
    assert [(item.field, item.variable) for item in saved.warnings] == [
        ("from_email", "SMTPADMIN_FROM_EMAIL")
    ]


def test_a_mailbox_domain_through_a_sending_service_is_warned_of(read):
    """gmail.com is not the sender's to authenticate; a domain of one's own is no warning."""
    (warning,) = warnings(server_of(read, "sendgrid", from_email="a@gmail.com", password="k"))
    assert "gmail.com belongs to Gmail" in warning
    assert warnings(server_of(read, "sendgrid", from_email="a@example.org", password="k")) == []


def test_another_domain_than_the_login_s_is_warned_of(read):
    """Mailgun's SMTP users belong to one sending domain."""
    fields = {"username": "postmaster@mg.example.com", "password": "k"}
    (warning,) = warnings(server_of(read, "mailgun:eu", from_email="a@example.org", **fields))
    assert "signs in for mg.example.com, but the From address is at example.org" in warning
    assert warnings(server_of(read, "mailgun", from_email="a@mg.example.com", **fields)) == []


@pytest.mark.parametrize(
    ("host", "new"),
    [("smtp.live.com", "smtp-mail.outlook.com"), ("smtp-relay.sendinblue.com", "smtp-relay.brevo")],
)
def test_an_old_host_typed_by_hand_is_warned_of(read, host, new):
    """The warning says what took its place; the server stays usable."""
    server = server_of(read, host=host)
    (warning,) = warnings(server)
    assert warning.startswith(f"host: {host} is a host of older guides.")
    assert new in warning
    assert server.usable


def test_after_a_save_the_page_says_what_only_the_provider_knows(read):
    """An alias is to be confirmed there, a domain verified; nothing is said twice."""
    alias = server_of(read, "gmail", username="a@gmail.com", password="k", from_email="b@x.org")
    assert "b@x.org is not the login" in remark(None, alias)
    assert remark(alias, alias) == ""
    same = server_of(read, "gmail", username="a@gmail.com", password="k", from_email="A@gmail.com")
    assert remark(None, same) == ""
    verified = server_of(read, "resend", password="k", from_email="b@x.org")
    assert "Make sure that b@x.org is that." in remark(None, verified)
    assert remark(None, server_of(read, host="mail.example.org", from_email="b@x.org")) == ""


def test_the_provider_of_a_server_is_that_of_its_host(read):
    """A chosen provider counts as long as the host is one of its hosts."""
    moved = server_of(read, "qq", host="mail.example.org", username="a@qq.com",
                      password="k", from_email="b@x.org")  # fmt: skip
    assert moved.warnings == ()

"""Flask-Security's mails through the queue: from a form to a link that works."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_security import core
from support.apps import Site
from support.secured import ADA, PASSWORD, SETTINGS, Secured, path_in, plain
from support.smtp import MailServer, mail_server

from flask_smtpadmin import ConfigurationError, Message, QueueFull
from flask_smtpadmin.adapters.flask_security import MailUtil
from flask_smtpadmin.adapters.security_kinds import MAILS, mail_of, mails

#: Flask-Security with the newest WTForms.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Passing SelectField choices as tuples:DeprecationWarning"
)
WHO = {"sample": {"who": "Ada"}}
SENDER = "shop@example.com"


@pytest.fixture(scope="module")
def smtp() -> Iterator[MailServer]:
    """Run a real SMTP server; each test looks at what came last."""
    with mail_server() as server:
        yield server


@pytest.fixture
def make_secured(make_app: Callable[..., Site], smtp: MailServer) -> Callable[..., Secured]:
    """``make_secured(RECOVERABLE=True)`` builds a site with these settings of Flask-Security."""

    def build(before: Callable[[Site], None] = lambda _site: None, **settings: Any) -> Secured:
        config = {
            "SMTPADMIN_HOST": "127.0.0.1",
            "SMTPADMIN_PORT": smtp.port,
            "SMTPADMIN_TLS_MODE": "none",
            "SMTPADMIN_FROM_EMAIL": SENDER,
            **SETTINGS,
        }
        config |= {
            name if name.startswith(("SMTPADMIN_", "MAIL_")) else f"SECURITY_{name}": value
            for name, value in settings.items()
        }
        site = make_app(create=False, **config)
        before(site)
        return Secured(site, smtp)

    return build


def seconds_left(row: Any) -> int:
    """Return how long after it was queued a message is given up."""
    return round((row.expires_at - row.created_at).total_seconds())


def test_recover(make_secured):
    """The link from the delivered mail sets a new password."""
    site = make_secured(RECOVERABLE=True, RESET_PASSWORD_WITHIN=timedelta(hours=1))
    site.register()
    assert site.post("/reset", email=ADA).status_code == 200
    (message,) = site.queued()
    assert (message.type, message.priority) == ("security.reset_instructions", "urgent")
    assert (message.secret, seconds_left(message)) == (True, 3600)
    mail = site.delivered()
    assert (mail["To"], mail["Subject"]) == (ADA, "Password reset instructions")
    path = path_in(plain(mail))
    assert path in mail.get_body(("html",)).get_content()
    new = "battery staple"
    assert site.post(path, password=new, password_confirm=new).status_code == 200
    assert [site.sign_in(PASSWORD).status_code, site.sign_in(new).status_code] == [400, 200]
    assert [one.type for one in site.queued()][1:] == ["security.reset_notice"]


def test_link_is_nowhere_else(make_secured):
    """Neither the database nor the back office shows the link, waiting or sent."""
    site = make_secured(RECOVERABLE=True)
    site.mail.access_check(lambda _right: True)
    site.register()
    site.post("/reset", email=ADA)
    page = f"/admin/email/messages/{site.queued()[0].id}"
    assert "Password reset instructions" in site.client.get(page).text
    waiting = [site.on_disk(), site.client.get(page).data]
    token = path_in(plain(site.delivered())).rpartition("/")[2].encode()
    parts = [token[at : at + 12] for at in range(0, len(token) - 12, 12)]
    for kept in [*waiting, site.on_disk(), site.client.get(page).data]:
        assert not any(part in kept for part in parts)


def test_confirm(make_secured):
    """Who registers is confirmed by the link in the mail."""
    site = make_secured(REGISTERABLE=True, CONFIRMABLE=True)
    assert site.sign_up().status_code == 200
    (message,) = site.queued()
    assert (message.type, message.secret) == ("security.welcome", True)
    assert seconds_left(message) == timedelta(days=2).total_seconds()
    assert site.sign_in().status_code == 400
    assert site.client.get(path_in(plain(site.delivered()))).status_code == 302
    assert site.sign_in().status_code == 200


def test_second_factor(make_secured):
    """The code that arrives signs in; one that cannot be queued is told of."""
    site = make_secured(TWO_FACTOR=True, TWO_FACTOR_MAIL_VALIDITY=240)
    with site.app.app_context():
        secret = site.security._totp_factory.generate_totp_secret()
    site.register(tf_primary_method="email", tf_totp_secret=secret)
    assert site.sign_in().json["response"]["tf_required"] is True
    (message,) = site.queued()
    assert message.type == "security.two_factor_instructions"
    assert (message.secret, seconds_left(message)) == (True, 240)
    code = re.search(r"\b\d{6}\b", plain(site.delivered()))[0]
    assert site.post("/tf-validate", code="0").status_code == 400
    assert site.post("/tf-validate", code=code).status_code == 200
    site.post("/logout")
    site.app.config["SECURITY_EMAIL_SENDER"] = "nobody"
    assert "Failed to send code" in site.sign_in().text


def test_mail_that_opens_nothing(make_secured):
    """Where nothing is to be confirmed, the welcome is an ordinary mail that is in no hurry."""
    site = make_secured(REGISTERABLE=True)
    assert site.sign_up().status_code == 200
    (message,) = site.queued()
    assert (message.priority, message.secret, message.expires_at) == ("normal", False, None)


def test_templates_of_the_app(make_secured):
    """A template by another name is the same mail; one of the app's own is known by its name."""
    site = make_secured(EMAIL_TEMPLATE_CONFIRM="mail/hello", CONFIRMABLE=True)
    with site.app.app_context():
        send = site.security.mail_util.send_mail
        send("mail/hello", "Hi", ADA, None, "x", None)
        send("mail/Your Invitation", "Hi", ADA, None, "x", None, invitation_token="", token="1")
        send("mail/news", "Hi", ("Ada", ADA), None, "x", None, user=None, token="")
    assert [(one.type, one.secret) for one in site.queued()] == [
        ("security.confirmation_instructions", True),
        ("security.your-invitation", True),
        ("security.news", False),
    ]


def test_rollback(make_secured):
    """An account that is rolled back is not welcomed."""
    site = make_secured()
    with site.app.app_context():
        site.datastore.create_user(email=ADA, password=PASSWORD)
        site.security.mail_util.send_mail("security/email/welcome", "Hi", ADA, None, "x", None)
        site.db.session.rollback()
    assert site.queued() == []


def test_sender(make_secured):
    """The app's sender counts; Flask-Security's own stand-in gives way to the server's."""
    site = make_secured(RECOVERABLE=True)
    site.register()
    for settings in (
        {},
        {"MAIL_DEFAULT_SENDER": "app@example.com"},
        {"SECURITY_EMAIL_SENDER": ("Shop", "me@example.com")},
        {"SECURITY_EMAIL_SENDER": "no-reply@localhost"},
    ):
        site.app.config.update(settings)
        site.post("/reset", email=ADA)
    assert [message.sender for message in site.queued()] == [
        None,
        "app@example.com",
        "Shop <me@example.com>",
        "no-reply@localhost",
    ]


def test_full_queue(make_secured):
    """Without room for its mail an account is not made; a mail with a link has room of its own."""
    site = make_secured(REGISTERABLE=True, RECOVERABLE=True, SMTPADMIN_MAX_QUEUE=10)
    site.app.config["PROPAGATE_EXCEPTIONS"] = True
    with site.app.app_context():
        site.mail.send_many([Message("Hi", [ADA], body="x")] * 10)
    with pytest.raises(QueueFull):
        site.sign_up()
    with site.app.app_context():
        assert site.datastore.find_user(email=ADA) is None
    site.register()
    assert site.post("/reset", email=ADA).status_code == 200


def test_types(make_secured):
    """What the app can send is registered, with how it is handled; what it cannot is not."""
    site = make_secured(RECOVERABLE=True, TWO_FACTOR=True)
    types = {one.name.partition(".")[2]: one for one in site.state.hooks.types}
    assert {name for name, one in types.items() if one.secret} == {
        "reset_instructions",
        "two_factor_instructions",
    }
    assert set(types) - {"reset_instructions", "two_factor_instructions"} == {
        "reset_notice",
        "two_factor_rescue",
    }
    reset, notice = types["reset_instructions"], types["reset_notice"]
    assert (reset.critical, reset.priority, reset.expires_in) == (True, "urgent", timedelta(days=1))
    assert (notice.critical, notice.priority, notice.expires_in) == (True, None, None)
    assert not reset.customizable
    MailUtil(site.app)  # a second app that shares the SMTPAdmin shares the types
    assert len(site.state.hooks.types) == len(types)


def test_every_mail_is_known():
    """All mails of the installed version are told apart, and the settings named for them exist."""
    settings = core._default_config
    texts = {name: value for name, value in settings.items() if isinstance(value, str)}
    mails = {name for name, value in texts.items() if value.startswith("security/email/")}
    assert mails == {mail.setting for mail in MAILS}
    for mail in MAILS:
        assert settings[mail.setting] == f"security/email/{mail.name}"
        named = {mail.subject, *mail.features, *(name for link in mail.links for name in link)}
        assert named <= set(settings)


def test_mail_of_a_newer_version():
    """A mail that came later is a type, too, by the setting of its template."""
    (mail,) = mails({"SECURITY_NEW_TEMPLATE": "security/email/new_passkey", "SECURITY_NONE": None})
    assert mail.kind({}).name == "security.new_passkey"


@pytest.mark.parametrize(
    ("within", "seconds"),
    [(timedelta(hours=1), 3600), (90, 90), ("5 days", 5 * 86400), (0, None), (None, None)],
)
def test_how_long_a_link_is_good(within, seconds):
    """Settings hold timedeltas, seconds, or, before Flask-Security 5.9, words."""
    settings = {"SECURITY_RECOVERABLE": True, "SECURITY_RESET_PASSWORD_WITHIN": within}
    span = mail_of("reset_instructions", {}).span(settings)
    assert (span and span.total_seconds()) == seconds


def test_words_of_the_app(make_secured):
    """Types that the app registers, before or after, have its words and the same care."""

    def register(site: Site) -> None:
        @site.mail.email_type("security.reset_notice", subject="{{ who }}", text="Done", **WHO)
        def done(user: Any, **_rest: Any) -> dict[str, Any]:
            return {"who": f"For {user.email}"}

    site = make_secured(register, RECOVERABLE=True)
    site.mail.email_type(
        "security.reset_instructions",
        subject="A new password for {{ user_email }}",
        html='<p><a href="{{ reset_link }}">Choose it</a> within {{ within }}</p>',
        sample={"user_email": ADA, "reset_link": "https://shop.example/1", "within": "1 day"},
    )
    for name, secret in (("reset_instructions", True), ("reset_notice", False)):
        kind = site.state.hooks.types.get(f"security.{name}")
        assert (kind.customizable, kind.critical, kind.secret) == (True, True, secret)
    site.register()
    site.post("/reset", email=ADA)
    (message,) = site.queued()
    assert (message.secret, message.priority, seconds_left(message)) == (True, "urgent", 86400)
    mail = site.delivered()
    assert mail["Subject"] == f"A new password for {ADA}"
    new = "battery staple"
    answer = site.post(path_in(plain(mail)), password=new, password_confirm=new)
    assert answer.status_code == 200
    assert site.queued()[1].subject == f"For {ADA}"


def test_without_smtpadmin():
    """An app whose SMTPAdmin is missing, or comes later, is told so when it starts."""
    app = Flask("alone")
    with pytest.raises(ConfigurationError, match=r"Add SMTPAdmin\(app, db\)"):
        MailUtil(app)


def test_without_flask_security(monkeypatch):
    """Where Flask-Security is not installed, the import says what to install."""
    name = "flask_smtpadmin.adapters.flask_security"
    monkeypatch.setitem(sys.modules, "flask_security", None)
    monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="pip install Flask-Security"):
        importlib.import_module(name)

"""What the example app sends by command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from support.apps import Site, close_site

from example_app import create_app
from example_app.extensions import db, mail
from example_app.models import Membership, Note, User, Workspace, now


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Build the example app with two people in a workspace, who wrote a note each."""
    app = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "a long random text that stays the same",
            "SMTPADMIN_BASE_URL": "https://tidepool.example",
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'tidepool.db'}",
        }
    )
    with app.app_context():
        db.create_all()
        pool = Workspace(name="Rock pool survey")
        for name in ("Ada", "Ben"):
            user = User(email=f"{name.lower()}@tidepool.example", name=name, password_hash="")
            pool.memberships.append(Membership(user=user))
            pool.notes.append(Note(text=f"{name} was here\nand left", author=user))
        old = Note(text="Long ago", author=pool.memberships[0].user)
        old.created_at = now() - timedelta(days=3)
        pool.notes.append(old)
        db.session.add(pool)
        db.session.commit()
    yield app
    close_site(Site(app, db, mail))


def test_the_digest_tells_each_what_others_wrote_once_a_day(app: Flask) -> None:
    """Neither one's own notes nor old ones; a second run on the same day sends nothing new."""
    run = app.test_cli_runner()
    with mail.record_messages() as sent:
        first = run.invoke(args=["send-digests"])
        again = run.invoke(args=["send-digests"])
    assert first.exit_code == again.exit_code == 0
    texts = {message.recipients[0]: message.body for message in sent}
    assert sorted(texts) == ["ada@tidepool.example", "ben@tidepool.example"]
    assert "Rock pool survey (1)\n\n- Ben was here (Ben, " in texts["ada@tidepool.example"]
    assert "Long ago" not in texts["ben@tidepool.example"]


def test_the_button_of_mail_programs_switches_the_digest_off(app: Flask) -> None:
    """One post to the address of List-Unsubscribe, without a session; a forged one does nothing."""
    with mail.record_messages() as sent:
        app.test_cli_runner().invoke(args=["send-digests"])
    address = next(one.unsubscribe for one in sent if "ada@tidepool.example" in one.recipients)
    assert isinstance(address, str)
    path = address.removeprefix("https://tidepool.example")
    client = app.test_client()
    posted = {"List-Unsubscribe": "One-Click"}
    assert client.post(f"{path}x", data=posted).status_code == 404
    assert client.get(path).status_code == 405
    assert client.post(path, data=posted).status_code == 200
    with app.app_context():
        wishes = {user.name: user.wants_digest for user in db.session.query(User)}
    assert wishes == {"Ada": False, "Ben": True}


def test_who_does_not_want_the_digest_gets_none(app: Flask) -> None:
    """The tick on the account's page."""
    with app.app_context():
        db.session.query(User).filter_by(name="Ada").one().wants_digest = False
        db.session.commit()
    with mail.record_messages() as sent:
        app.test_cli_runner().invoke(args=["send-digests"])
    assert [message.recipients[0] for message in sent] == ["ben@tidepool.example"]


def test_a_test_mail_goes_where_it_is_told(app: Flask) -> None:
    """And says who sent it."""
    with mail.record_messages() as sent:
        app.test_cli_runner().invoke(args=["send-test", "eve@tidepool.example"])
    assert [message.subject for message in sent] == ["Test e-mail from Tidepool"]
    assert "Sent by: flask send-test" in sent[0].body


def test_nobody_advertises_to_strangers_through_the_form_for_signing_up(app: Flask) -> None:
    """A name with an address in it is refused, and no welcome goes out."""
    app.config["WTF_CSRF_ENABLED"] = False
    form = {"email": "eve@tidepool.example", "password": "a long enough password"}
    with mail.record_messages() as sent:
        for name in ("Win at https://evil.example", "WWW.evil.example"):
            page = app.test_client().post("/sign-up", data={**form, "name": name})
            assert "without an address" in page.text
    assert not sent

"""Flask-Mailman's messages, queued by its backend of ours."""

from __future__ import annotations

import logging
import subprocess
import sys
from email.mime.image import MIMEImage
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_mailman import BadHeaderError, EmailMessage, EmailMultiAlternatives, Mail

from flask_smtpadmin import ConfigurationError, InvalidMessage, QueueFull

BACKEND = "flask_smtpadmin.adapters.flask_mailman.EmailBackend"
SENDER = "support@shop.example"


@pytest.fixture
def make_mail(make_office):
    """``make_mail(**config)`` returns an office and its Flask-Mailman object."""

    def build(**config: Any):
        defaults = {"MAIL_BACKEND": BACKEND, "MAIL_DEFAULT_SENDER": SENDER}
        office = make_office(**{**defaults, **config})
        return office, Mail(office.app)

    return build


@pytest.fixture
def shop(make_mail):
    """Return an office and its Flask-Mailman object."""
    return make_mail()


def letter(**values: Any) -> EmailMessage:
    """Return a message that can be sent."""
    return EmailMessage(**{"subject": "Hi", "body": "x", "to": ["ada@example.com"], **values})


def test_whole_message(shop):
    """Everybody who gets it, its headers, alternatives and files are in the queue."""
    office, _mail = shop
    message = EmailMultiAlternatives(
        "Grüße",
        "Text",
        ("Shop", "me@shop.example"),
        ["ada@example.com", "Bob <bob@example.com>"],
        cc=["cc@example.com"],
        bcc=["bcc@example.com"],
        reply_to=["help@example.com", "desk@example.com"],
        headers={"X-Extra": "yes", "Message-ID": "<1@shop.example>"},
    )
    message.attach_alternative("<p>Grüße</p>", "text/html")
    message.attach("ü.txt", "text", "text/plain")
    message.attach(MIMEImage(b"GIF89a", "gif"))
    assert message.send() == 1
    (mail,) = office.mails()
    assert (mail["From"], mail["Subject"]) == ("Shop <me@shop.example>", "Grüße")
    assert (mail["To"], mail["Cc"]) == ("ada@example.com, Bob <bob@example.com>", "cc@example.com")
    assert mail["Reply-To"] == "help@example.com, desk@example.com"
    assert (mail["X-Extra"], mail["Message-ID"], mail["Bcc"]) == ("yes", "<1@shop.example>", None)
    assert mail.get_body(("plain",)).get_content().strip() == "Text"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    types = [(file.get_content_type(), file.get_filename()) for file in mail.iter_attachments()]
    assert types == [("text/plain", "ü.txt"), ("image/gif", None)]
    assert office.recipients() == [
        {
            ("to", "ada@example.com"),
            ("to", "bob@example.com"),
            ("cc", "cc@example.com"),
            ("bcc", "bcc@example.com"),
        }
    ]


def test_send_mail(shop):
    """The function with HTML beside the text queues, with the default sender."""
    office, mail = shop
    assert mail.send_mail("Hi", "x", None, ["ada@example.com"], html_message="<p>x</p>") == 1
    (sent,) = office.mails()
    assert (sent["From"], sent.get_content_type()) == (SENDER, "multipart/alternative")


def test_send_mass_mail(shop):
    """Many are counted, stand in one transaction, and give way to single ones."""
    office, mail = shop
    letters = [(f"Hi {number}", "x", None, [f"{number}@example.com"]) for number in range(3)]
    assert mail.send_mass_mail(letters) == 3
    assert [one["Subject"] for one in office.mails()] == ["Hi 0", "Hi 1", "Hi 2"]
    letter().send()
    priorities = [office.admin.queue.get(number)["priority"] for number in office.numbers()]
    assert priorities == ["bulk", "bulk", "bulk", "normal"]


def test_all_or_none(shop):
    """One of them that cannot be sent keeps back the others."""
    office, mail = shop
    with pytest.raises(InvalidMessage) as caught:
        mail.get_connection().send_messages([letter(), letter(to=["nobody"])])
    assert (caught.value.index, office.numbers()) == (1, [])


def test_nobody_to_send_to(shop):
    """Without recipients there is nothing to send."""
    office, mail = shop
    with mail.get_connection() as connection:
        assert connection.send_messages([]) == connection.send_messages(None) == 0
        assert connection.send_messages([letter(to=[]), letter()]) == 1
    assert len(office.numbers()) == 1


def test_fail_silently(make_mail, caplog):
    """A full queue is an error, or with fail_silently 0 and a line in the log."""
    office, _mail = make_mail(SMTPADMIN_MAX_QUEUE=1)
    letter().send()
    with pytest.raises(QueueFull):
        letter().send()
    with caplog.at_level(logging.WARNING):
        assert letter().send(fail_silently=True) == 0
    assert "could not be queued" in caplog.text
    assert len(office.numbers()) == 1


def test_without_any_sender(make_mail):
    """With no sender set in the app, From is the server's."""
    office, _mail = make_mail(MAIL_DEFAULT_SENDER=None)
    letter().send()
    assert office.mails()[0]["From"] is None
    assert office.state.queue.get(office.numbers()[0]).message.sender is None


def test_bad_header(shop):
    """A line break in a header is Flask-Mailman's BadHeaderError, also in Bcc."""
    office, _mail = shop
    for values in ({"subject": "a\nb"}, {"bcc": ["a@b.example\nX: y"]}):
        with pytest.raises(BadHeaderError):
            letter(**values).send()
    assert office.numbers() == []


def test_header_that_shows_others(shop):
    """A To header that is not those in ``to`` is refused: it would be sent to them."""
    office, _mail = shop
    with pytest.raises(InvalidMessage, match="as bcc=") as caught:
        letter(headers={"To": "list@example.com"}).send()
    assert (caught.value.field, office.numbers()) == ("to", [])
    letter(headers={"to": "ada@example.com", "Reply-To": "b@c.example"}, reply_to=["a@b"]).send()
    (mail,) = office.mails()
    assert (mail["To"], mail["Reply-To"]) == ("ada@example.com", "b@c.example")


def test_sender_in_the_headers(shop):
    """``from_email`` beside From in the headers is the envelope's sender, also when sent again."""
    office, _mail = shop
    letter(headers={"From": "Me <me@shop.example>"}, from_email="b@shop.example").send()
    letter(from_email="b@shop.example").send()
    assert [mail["From"] for mail in office.mails()] == ["Me <me@shop.example>", "b@shop.example"]
    office.admin.queue.resend(1)
    table = office.state.models.table("Message")
    rows = office.db.session.execute(sa.select(table.c.envelope_from).order_by(table.c.id))
    assert rows.scalars().all() == ["b@shop.example", None, "b@shop.example"]


def test_recorded(make_mail):
    """In tests ``record_messages()`` and ``mail.outbox`` list the very objects; they are caught."""
    office, mail = make_mail(TESTING=True)
    message = letter()
    with office.admin.record_messages() as recorded:
        message.send()
    assert recorded == mail.outbox == [message]
    assert office.admin.queue.get(office.numbers()[0])["state"] == "caught"


def test_without_smtpadmin():
    """An app without SMTPAdmin is told what to add."""
    app = Flask("alone")
    app.config.update(MAIL_BACKEND=BACKEND, MAIL_DEFAULT_SENDER=SENDER)
    Mail(app)
    with app.app_context(), pytest.raises(ConfigurationError, match=r"Add SMTPAdmin\(app, db\)"):
        letter().send()


def test_without_flask_mailman():
    """Where Flask-Mailman is not installed, the import says what to install."""
    code = (
        "import sys; sys.modules['flask_mailman'] = None\n"
        "try: import flask_smtpadmin.adapters.flask_mailman\n"
        "except ImportError as error: assert 'pip install Flask-Mailman' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

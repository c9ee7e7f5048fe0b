"""Flask-Mail's Mail over the queue: what its users know still holds."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from support.smtp import mail_server

from flask_smtpadmin import ConfigurationError, InvalidMessage
from flask_smtpadmin.adapters.flask_mail import BadHeaderError, Mail, Message, email_dispatched

SENDER = "support@shop.example"


@pytest.fixture
def make_mail(make_office):
    """``make_mail(**config)`` returns an office and its Flask-Mail object."""

    def build(**config: Any):
        office = make_office(**{"MAIL_DEFAULT_SENDER": SENDER, **config})
        return office, Mail(office.app)

    return build


@pytest.fixture
def shop(make_mail):
    """Return an office and its Flask-Mail object."""
    return make_mail()


def letter(**values: Any) -> Message:
    """Return a message that can be sent."""
    return Message(**{"subject": "Hi", "recipients": ["ada@example.com"], "body": "x", **values})


def test_send_queues(shop):
    """``send`` stores the message for the worker, with the Message-ID and date it shows."""
    office, mail = shop
    message = letter()
    mail.send(message)
    (stored,) = office.mails()
    assert (stored["From"], stored["To"], stored["Subject"]) == (SENDER, "ada@example.com", "Hi")
    assert stored["Message-ID"] == message.msgId
    assert stored["Date"].datetime.timestamp() == int(message.date)
    assert office.admin.queue.get(office.numbers()[0])["state"] == "queued"


def test_send_message(shop):
    """``send_message`` takes Message's arguments."""
    office, mail = shop
    mail.send_message("Hi", recipients=["ada@example.com"], body="x")
    mail.send_message(subject="Ho", recipients=["ada@example.com"], body="x")
    assert [one["Subject"] for one in office.mails()] == ["Hi", "Ho"]


def test_connection_queues_each_at_once(shop):
    """What was sent in a block before an error is kept; both verbs work."""
    office, mail = shop

    def work():
        with mail.connect() as connection:
            connection.send(letter())
            assert len(office.numbers()) == 1
            connection.send_message("Ho", recipients=["ada@example.com"], body="x")
            assert connection.num_emails == 2
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert [one["Subject"] for one in office.mails()] == ["Hi", "Ho"]


def test_one_object_sent_twice_is_two_mails(shop):
    """A message may be sent again with another recipient, as in a loop."""
    office, mail = shop
    message = letter()
    mail.send(message)
    message.recipients = ["bob@example.com"]
    mail.send(message)
    assert [one["To"] for one in office.mails()] == ["ada@example.com", "bob@example.com"]


def test_state_of_other_extensions(shop):
    """``app.extensions["mail"]``, which other extensions use, queues, too."""
    office, _mail = shop
    office.app.extensions["mail"].send(letter())
    assert len(office.numbers()) == 1


def test_init_app_in_a_factory(make_office):
    """Without an app of its own, Mail works on the current one."""
    office, mail = make_office(MAIL_DEFAULT_SENDER=SENDER), Mail()
    mail.init_app(office.app)
    mail.send(letter())
    assert office.mails()[0]["From"] == SENDER


def test_settings_are_flask_mail_s(shop):
    """``init_mail`` reads the same settings again, and ``mail.state`` shows them."""
    office, mail = shop
    again = mail.init_mail(office.app.config, office.app.debug, office.app.testing)
    assert vars(mail.state) == vars(again)
    assert (mail.default_sender, mail.suppress) == (SENDER, False)


def test_outside_an_app_context(make_app):
    """A message made earlier is queued by a Mail that knows its app."""
    app, _db, _admin = make_app(MAIL_DEFAULT_SENDER=SENDER)
    mail = Mail(app)
    with app.app_context():
        message = letter()
    mail.send(message)
    state = app.extensions["smtpadmin"]
    with app.app_context():
        assert state.queue.get(1).message.subject == "Hi"


def test_joins_the_open_transaction(shop):
    """With work open in ``db.session`` the mail goes out if and only if that is committed."""
    office, mail = shop
    with office.admin.record_messages() as recorded:
        for end in (office.db.session.rollback, office.db.session.commit):
            office.db.session.execute(sa.text("create table if not exists t (x integer)"))
            office.db.session.execute(sa.text("insert into t values (1)"))
            mail.send(letter())
            assert office.numbers() == []
            end()
    assert (len(office.numbers()), len(recorded)) == (1, 1)


# -- who hears of it --------------------------------------------------------------------------


def test_recorders_and_signal(shop):
    """Both ``record_messages()`` and the signal give the very object that was sent."""
    office, mail = shop
    heard = []

    def hear(app, message):
        heard.append((app, message))

    message = letter()
    with (
        email_dispatched.connected_to(hear),
        mail.record_messages() as theirs,
        office.admin.record_messages() as ours,
    ):
        mail.send(message)
    assert heard == [(office.app, message)]
    assert theirs == ours == [message]
    assert ours[0] is message


def test_hundred_in_one_connection(shop):
    """Each of many messages is recorded."""
    office, mail = shop
    with mail.record_messages() as outbox, mail.connect() as connection:
        for _ in range(100):
            connection.send(letter())
    assert (len(outbox), len(office.numbers()), outbox[0].sender) == (100, 100, SENDER)


@pytest.mark.parametrize("config", [{"TESTING": True}, {"MAIL_SUPPRESS_SEND": True}])
def test_suppressed(make_mail, config):
    """While suppressed, also by TESTING, nothing is stored, and recorders list it all the same."""
    office, mail = make_mail(**config)
    with mail.record_messages() as theirs, office.admin.record_messages() as ours:
        mail.send(letter())
    assert (len(theirs), len(ours), office.numbers()) == (1, 1, [])


def test_not_suppressed_while_testing(make_mail):
    """A test that wants it stored gets it stored, and caught."""
    office, mail = make_mail(TESTING=True, MAIL_SUPPRESS_SEND=False)
    mail.send(letter())
    assert office.admin.queue.get(office.numbers()[0])["state"] == "caught"


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("config", [{}, {"TESTING": True}])
def test_assertions(make_mail, config):
    """Without recipients, or without any sender, there is an AssertionError, as ever."""
    office, mail = make_mail(**config)
    with pytest.raises(AssertionError, match="No recipients"):
        mail.send(letter(recipients=[]))
    office.app.extensions["mail"].default_sender = None
    with pytest.raises(AssertionError, match="does not specify a sender"):
        mail.send(letter())
    with mail.connect() as connection, pytest.raises(AssertionError):
        connection.send(letter())
    assert office.numbers() == []


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "a\r\n"},
        {"subject": "a\n\r"},
        {"subject": "a\r\n b\r\n "},
        {"subject": "a\r\n b\r\n\t"},
        {"subject": "a\r\n b\r\n\n"},
        {"sender": "from@example.com\r\n"},
        {"reply_to": "evil@example.com\r"},
        {"recipients": ["ada@example.com", "to\r\n@example.com"]},
        {"sender": ("a\n", "from@example.com")},
    ],
)
def test_bad_headers(shop, values):
    """A line break that would begin a header of its own is a BadHeaderError."""
    office, mail = shop
    with pytest.raises(BadHeaderError):
        mail.send(letter(**values))
    assert office.numbers() == []


def test_broken_address(shop):
    """An address that no server would take is refused in the call, by its field."""
    office, mail = shop
    with pytest.raises(InvalidMessage) as caught:
        mail.send(letter(cc=["nobody"]))
    assert (caught.value.field, office.numbers()) == ("cc", [])


def test_without_smtpadmin():
    """An app without SMTPAdmin is told what to add."""
    app = Flask("alone")
    mail = Mail(app)
    with app.app_context(), pytest.raises(ConfigurationError, match=r"Add SMTPAdmin\(app, db\)"):
        mail.connect()


def test_without_init_app(make_office):
    """An app that Mail was not given is refused as Flask-Mail does."""
    make_office()
    with pytest.raises(RuntimeError, match="not configured with Flask-Mail"):
        Mail().connect()


def test_without_flask_mail():
    """Where Flask-Mail is not installed, the import says what to install."""
    code = (
        "import sys; sys.modules['flask_mail'] = None\n"
        "try: import flask_smtpadmin.adapters.flask_mail\n"
        "except ImportError as error: assert 'pip install Flask-Mail' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# -- the envelope sender ----------------------------------------------------------------------


@pytest.mark.parametrize("given", ["Back <b@back.example>", ("Back", "b@back.example")])
def test_envelope_from(make_mail, given):
    """It is what the server is told in MAIL FROM, before its own setting; From stays."""
    with mail_server() as server:
        office, mail = make_mail(
            SMTPADMIN_HOST=server.host,
            SMTPADMIN_PORT=server.port,
            SMTPADMIN_TLS_MODE="none",
            SMTPADMIN_ENVELOPE_FROM="bounces@shop.example",
        )
        with mail.connect() as connection:
            connection.send(letter(), envelope_from=given)
            connection.send(letter())
        office.app.test_cli_runner().invoke(args=["smtp-worker", "--burst"])
        senders = {one.sender for one in server.received}
    assert senders == {"b@back.example", "bounces@shop.example"}
    assert office.mails()[0]["From"] == SENDER


def test_bad_envelope_from(shop):
    """One that is no address is refused in the call."""
    office, mail = shop
    with mail.connect() as connection, pytest.raises(InvalidMessage) as caught:
        connection.send(letter(), envelope_from="b@c.example>\r\nRCPT TO:<x@y.example>")
    assert (caught.value.field, office.numbers()) == ("envelope_from", [])


# -- what is sent -----------------------------------------------------------------------------


def stored(shop, **values):
    """Send a message and return it as it was stored."""
    office, mail = shop
    mail.send(letter(**values))
    return office.mails()[-1]


def test_recipients(shop):
    """To and Cc are shown, Bcc is not, and an address that stands twice is sent to once."""
    office, _mail = shop
    mail = stored(shop, cc=["cc@example.com", "ada@example.com"], bcc=["bcc@example.com"])
    assert (mail["Cc"], mail["Bcc"]) == ("cc@example.com, ada@example.com", None)
    assert office.recipients() == [
        {("to", "ada@example.com"), ("cc", "cc@example.com"), ("bcc", "bcc@example.com")}
    ]


@pytest.mark.parametrize("sender", [("ÄÜÖ → ✓", "from@example.com"), "ÄÜÖ → ✓ <from@example.com>"])
def test_sender_with_a_name(shop, sender):
    """A name beyond ASCII is kept, from a tuple or a string."""
    address = stored(shop, sender=sender)["From"].addresses[0]
    assert (address.display_name, address.addr_spec) == ("ÄÜÖ → ✓", "from@example.com")


def test_default_sender_as_a_tuple(make_mail):
    """MAIL_DEFAULT_SENDER may be a pair."""
    mail = stored(make_mail(MAIL_DEFAULT_SENDER=("Shop", SENDER)))
    assert mail["From"] == f"Shop <{SENDER}>"


@pytest.mark.parametrize(
    "values",
    [
        {"reply_to": "Help <help@example.com>"},
        {"reply_to": ("Help", "help@example.com")},
        {"extra_headers": {"reply-to": "Help <help@example.com>", "X-Extra": "yes"}},
    ],
)
def test_reply_to(shop, values):
    """Reply-To is set, also where it stands in the headers."""
    assert stored(shop, **values)["Reply-To"] == "Help <help@example.com>"


def test_further_headers(shop):
    """Other headers are kept as they are."""
    assert stored(shop, extra_headers={"X-Extra": "yes"})["X-Extra"] == "yes"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("one\r\n two\r\n \tthree", "one two \tthree"),
        ("sübject → ✓", "sübject → ✓"),
        ("", None),
        (None, None),
    ],
)
def test_subject(shop, given, read):
    """A folded subject is one line, text beyond ASCII is kept, none makes no header."""
    assert stored(shop, subject=given)["Subject"] == read


def test_lazy_subject(shop):
    """A subject that is translated late is text by then."""
    from flask_babel import Babel, lazy_gettext

    Babel(shop[0].app)
    assert stored(shop, subject=lazy_gettext("Hello"))["Subject"] == "Hello"


def test_texts(shop):
    """Text and HTML are alternatives, beside them an attachment."""
    office, mail = shop
    message = letter(html="<p>ünicöde</p>")
    message.attach("a.txt", "text/plain", b"this is a test")
    mail.send(message)
    (sent,) = office.mails()
    assert sent.get_content_type() == "multipart/mixed"
    assert sent.get_body(("html",)).get_content().strip() == "<p>ünicöde</p>"
    assert sent.get_body(("plain",)).get_content().strip() == "x"
    (file,) = sent.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("a.txt", "this is a test")


def test_charset(shop):
    """A charset of the message's own is used where the text fits into it."""
    mail = stored(shop, body="内容", charset="iso-2022-jp")
    assert (mail.get_content_charset(), mail.get_content().strip()) == ("iso-2022-jp", "内容")


@pytest.mark.parametrize(
    ("ascii_only", "name"), [(False, "ünicödeß ←.→ ✓.txt"), (True, "unicode . .txt")]
)
def test_names_of_attachments(make_mail, ascii_only, name):
    """MAIL_ASCII_ATTACHMENTS takes accents off file names; the app's object keeps its own."""
    office, mail = make_mail(MAIL_ASCII_ATTACHMENTS=ascii_only)
    message = letter()
    message.attach("ünicödeß ←.→ ✓.txt", "text/plain", "x")
    message.attach(data=b"x")
    mail.send(message)
    files = list(office.mails()[0].iter_attachments())
    assert [file.get_filename() for file in files] == [name, None]
    assert message.attachments[0].filename == "ünicödeß ←.→ ✓.txt"

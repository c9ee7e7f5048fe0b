"""build() takes the messages of the standard library and of Flask-Mail as they are."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import flask
import flask_mail
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.mail import NOW, TOKEN, assert_sendable, built, parsed, text

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.mime import Recipient


def email_message(body="x", **headers):
    """Return an EmailMessage with ``headers`` (``reply_to`` for Reply-To)."""
    message = EmailMessage()
    for name, value in ({"to": "a@b.example"} | headers).items():
        message[name.replace("_", "-").title()] = value
    message.set_content(body)
    return message


def test_an_email_message_is_taken_whole():
    """Subject, addresses, texts, images, files and further headers arrive."""
    message = email_message(
        "Zoë",
        subject="Grüße an alle",
        sender="app@app.example",
        to="Ada <ada@example.com>, zoe@bücher.example",
        cc=[Address("Zoë, X", "cc", "example.com")],
        reply_to="help@app.example",
        x_note="Zoë",
    )
    message.add_alternative("<p>Zoë</p>", subtype="html")
    message.get_payload()[1].add_related(b"x", "image", "png", cid="<logo>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Zoë.pdf")
    before = message.as_bytes()
    rendered = built(message, subject_prefix="[App]")
    received = parsed(rendered)
    assert received["Subject"] == rendered.subject == "[App] Grüße an alle"
    assert received["To"] == "Ada <ada@example.com>, zoe@xn--bcher-kva.example"
    assert received["Cc"] == '"Zoë, X" <cc@example.com>'
    assert (received["Reply-To"], rendered.has_reply_to) == ("help@app.example", True)
    assert received["X-Note"] == "Zoë"
    assert text(received.get_body(("plain",))) == "Zoë\n"
    assert text(received.get_body(("html",))) == "<p>Zoë</p>\n"
    [file] = received.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Zoë.pdf", b"%PDF")
    assert_sendable(rendered.content)
    assert rendered.content.isascii()
    assert message.as_bytes() == before


def test_bcc_leaves_the_headers_and_stays_in_the_envelope():
    """Whoever is hidden stays hidden."""
    rendered = built(email_message(bcc="eve@hidden.example, a@b.example"))
    assert rendered.recipients == (
        Recipient("a@b.example", "to"),
        Recipient("eve@hidden.example", "bcc"),
    )
    assert b"hidden" not in rendered.content
    assert b"bcc" not in rendered.content.lower()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"from": "Ada <ada@example.com>"}, "Ada <ada@example.com>"),
        ({"sender": "app@app.example"}, "app@app.example"),
        ({"from": "ada@example.com", "sender": "app@app.example"}, "ada@example.com"),
    ],
)
def test_the_sender_goes_into_the_sender_block(headers, expected):
    """From, else Sender, is taken out; a message without either is fine."""
    rendered = built(email_message(**headers))
    assert rendered.sender == expected
    assert b"From:" not in rendered.content
    assert b"Sender:" not in rendered.content


def test_several_senders_are_refused():
    """One mail has one author here; RFC 5322 would want a Sender beside them."""
    with pytest.raises(InvalidMessage, match="From: a message has one sender"):
        built(email_message(**{"from": "a@b.example, c@d.example"}))


@pytest.mark.parametrize(
    ("message_id", "kept"),
    [("<mine@app.example>", True), ("<broken", False), ("", False), ("<a b@c>", False)],
)
def test_a_valid_message_id_is_kept(message_id, kept):
    """An invalid one is replaced, for servers and threads rely on it."""
    message = message_from_bytes(
        f"To: a@b.example\r\nMessage-ID: {message_id}\r\n\r\nx".encode(), policy=policy.default
    )
    made = built(message).message_id
    assert made == message_id if kept else made.endswith(f".{TOKEN}@app.example>")
    assert built(message).content.count(b"Message-ID") == 1


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Thu, 01 Jan 2026 10:00:00 +0200", "Thu, 01 Jan 2026 10:00:00 +0200"),
        ("Thu, 01 Jan 2026 10:00:00 -0000", "Thu, 01 Jan 2026 10:00:00 +0000"),
        ("yesterday", NOW.strftime("%a, %d %b %Y %H:%M:%S +0000")),
        (None, NOW.strftime("%a, %d %b %Y %H:%M:%S +0000")),
    ],
)
def test_a_valid_date_is_kept(date, expected):
    """A date nobody can read is replaced by the time of send()."""
    message = MIMEText("x")
    message["To"] = "a@b.example"
    if date:
        message["Date"] = date
    assert parsed(built(message))["Date"] == expected


def test_the_older_classes_are_taken_too():
    """MIMEText and its relatives bring headers as they stand on the wire."""
    message = MIMEMultipart()
    message["Subject"] = "=?utf-8?q?Gr=C3=BC=C3=9Fe?="
    message["To"] = '"X, Ada" <ada@example.com>,\r\n =?utf-8?q?Zo=C3=AB=2C_X?= <zoe@example.com>'
    message["Bcc"] = "eve@hidden.example"
    message["List-Id"] = "=?utf-8?q?Zo=C3=AB?= <zoe.example>"
    message.attach(MIMEText("Zoë"))
    message.attach(MIMEApplication(b"%PDF", "pdf"))
    rendered = built(message)
    received = parsed(rendered)
    assert received["Subject"] == rendered.subject == "Grüße"
    assert [a.display_name for a in received["To"].addresses] == ["X, Ada", "Zoë, X"]
    assert b"List-Id: =?utf-8?b?Wm/Dqw==?= <zoe.example>\r\n" in rendered.content
    assert text(received.get_payload()[0]) == "Zoë"
    assert b"hidden" not in rendered.content


def test_headers_of_another_journey_are_left_out():
    """Trace, bounce and signature fields of a received mail do not travel again."""
    message = message_from_bytes(
        b"Return-Path: <x@y>\r\nReceived: from a by b\r\nDKIM-Signature: v=1\r\n"
        b"X-SMTPAdmin-Attempt: 3\r\nTo: a@b.example\r\nX-Kept: yes\r\n\r\nx",
        policy=policy.default,
    )
    assert set(parsed(built(message)).keys()) == {
        "From",
        "To",
        "Date",
        "Message-ID",
        "X-Kept",
        "MIME-Version",
    }


def test_a_resent_message_is_refused():
    """Its recipients would be others than those of To (RFC 5322 3.6.6)."""
    with pytest.raises(InvalidMessage, match="Resent-Bcc: "):
        built(email_message(resent_bcc="eve@hidden.example"))


@pytest.mark.parametrize("policy_name", ["default", "SMTP", "SMTPUTF8", "compat32", "HTTP"])
def test_any_policy_gives_the_same_content(policy_name):
    """Line ends, line length and 8bit follow from the wire, not from the caller's policy."""
    source = "To: a@b.example\nContent-Type: text/plain; charset=utf-8\n"
    source += "Content-Transfer-Encoding: 8bit\n\nZoë\n"
    message = message_from_bytes(source.encode(), policy=getattr(policy, policy_name))
    rendered = built(message)
    assert text(parsed(rendered)) == "Zoë\n"
    assert_sendable(rendered.content)
    assert not rendered.eight_bit


def test_a_message_without_content_is_sent_empty():
    """Only headers: the body is an empty line."""
    message = EmailMessage()
    message["To"] = "a@b.example"
    assert built(message).content.endswith(b"MIME-Version: 1.0\r\n\r\n\r\n")


@pytest.mark.parametrize(
    "to",
    [
        "alice@example.org)bob@evil.example",
        "alice@example.org(bob@evil.example",
        "alice@example.org<bob@evil.example>",
        "alice@example.org <bob@evil.example>",
        "alice@example.org;bob@evil.example",
        "alice@example.org bob@evil.example",
        "<@relay.example:alice@example.org>",
        "Flask, Inc <a@b.example>",
        '"unclosed <a@b.example>',
        "Team: a@b.example, c@d.example;",
    ],
)
@pytest.mark.parametrize("kind", [EmailMessage, lambda: MIMEText("x")])
def test_an_ambiguous_address_header_is_refused(kind, to):
    """The library's parser drops what it cannot read; here the whole header counts."""
    message = kind()
    message["To"] = to
    with pytest.raises(InvalidMessage) as caught:
        built(message)
    assert caught.value.field == "To"


def test_an_empty_group_names_nobody():
    """The usual To header of mail to hidden recipients."""
    for message in (EmailMessage(), MIMEText("x")):
        message["To"] = "undisclosed-recipients:;"
        message["Bcc"] = "a@b.example"
        rendered = built(message)
        assert rendered.recipients == (Recipient("a@b.example", "bcc"),)
        assert b"To: undisclosed-recipients:;\r\n" in rendered.content


def test_a_group_is_refused():
    """A group's name would be lost in the envelope."""
    with pytest.raises(InvalidMessage, match="To: groups are not supported"):
        built(email_message(to=Group("Team", (Address("", "a", "b.example"),))))


def forged(name, value, *, nested=False):
    """Return a message with a header that no check of the library has seen."""
    message = MIMEText("x")
    message["To"] = "a@b.example"
    target = message
    if nested:
        message = MIMEMultipart()
        message["To"] = "a@b.example"
        message.attach(target)
        del target["To"]
    target[name] = value
    return message


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A\r\nBcc", "eve@evil.example"),
        ("Content-A\r\nBcc", "eve@evil.example"),
        ("X-A: b\r\nBcc", "eve@evil.example"),
        ("X-A", "b\r\nBcc: eve@evil.example"),
        ("Content-A", "b\nBcc: eve@evil.example"),
        ("Content-A", "b\r\r\n\r\nbody"),
        ("X-A", "b\0"),
    ],
)
def test_a_forged_header_is_refused(name, value, nested):
    """EmailMessage itself takes names with CRLF and values with NUL."""
    with pytest.raises(InvalidMessage):
        built(forged(name, value, nested=nested))


def test_an_encoded_line_break_is_refused():
    """A word that decodes to CRLF is a line break for some reader."""
    for kind in (policy.default, policy.compat32):
        message = message_from_bytes(
            b"To: a@b.example\r\nX-A: =?utf-8?q?b=0D=0ABcc=3A_eve=40evil.example?=\r\n\r\nx",
            policy=kind,
        )
        with pytest.raises(InvalidMessage, match="X-A: "):
            built(message)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"x" * 999),
        ("text/plain", b"nul\0"),
        ("text/plain; charset=utf-8", "Zoë\nallein zu Haus\n".encode()),
        ("application/pdf", b"%PDF\n\xff\n\0"),
    ],
)
@pytest.mark.parametrize("policy_name", ["default", "compat32"])
def test_content_that_does_not_fit_the_wire_is_encoded(policy_name, kind, body):
    """Long lines, NULs and 8bit get a transfer encoding; the caller's message keeps its own."""
    source = b"To: a@b.example\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body
    message = message_from_bytes(source, policy=getattr(policy, policy_name))
    rendered = built(message)
    assert_sendable(rendered.content)
    assert rendered.content.isascii()
    received = parsed(rendered).get_payload(decode=True)
    assert received.replace(b"\r\n", b"\n").rstrip(b"\n") == body.rstrip(b"\n")
    assert "Content-Transfer-Encoding" not in message


def test_signed_content_is_not_touched():
    """A new transfer encoding would break the signature: the part travels as 8bit, or not."""
    source = (
        "To: a@b.example\nContent-Type: multipart/signed; boundary=b\n\n"
        "--b\nContent-Type: text/plain; charset=utf-8\n\n{}\n--b\n\nsignature\n--b--\n"
    )
    rendered = built(message_from_bytes(source.format("Zoë").encode(), policy=policy.default))
    assert rendered.eight_bit
    assert "\r\n\r\nZoë\r\n--b".encode() in rendered.content
    for body in ("x" * 999, "\0"):
        message = message_from_bytes(source.format(body).encode(), policy=policy.default)
        with pytest.raises(InvalidMessage, match="body: "):
            built(message)


def test_content_that_cannot_be_rendered_is_refused():
    """An error of the library's generator is the message's fault."""
    message = email_message()
    message.set_payload(object())
    with pytest.raises(InvalidMessage, match="body: the content cannot be rendered"):
        built(message)


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_no_parsed_bytes_get_out_of_line(data):
    """Whatever was received can be forwarded cleanly, or is refused."""
    for kind in (policy.default, policy.compat32):
        message = message_from_bytes(data, policy=kind)
        del message["To"]
        try:
            message["To"] = "a@b.example"
            rendered = built(message)
        except InvalidMessage:
            continue
        assert_sendable(rendered.content)
        assert parsed(rendered)["To"] == "a@b.example"


@pytest.fixture
def flask_mail_message():
    """Return a factory of flask_mail.Message, which needs an app with Flask-Mail."""
    app = flask.Flask(__name__)
    app.config["MAIL_DEFAULT_SENDER"] = ("Flask, Inc.", "app@app.example")
    flask_mail.Mail(app)
    with app.app_context():
        yield flask_mail.Message


def test_a_flask_mail_message_is_taken_whole(flask_mail_message):
    """Its texts, files, addresses, sender and Message-ID are those of the result."""
    message = flask_mail_message(
        "Grüße",
        recipients=[("Ada", "ada@example.com")],
        body="Zoë",
        html="<p>Zoë</p>",
        bcc=["eve@hidden.example"],
        extra_headers={"X-Note": "1"},
    )
    message.attach("a.txt", "text/plain", "file")
    rendered = built(message)
    received = parsed(rendered)
    assert rendered.message_id == message.msgId
    assert rendered.sender == '"Flask, Inc." <app@app.example>'
    assert (received["Subject"], received["To"]) == ("Grüße", "Ada <ada@example.com>")
    assert received["X-Note"] == "1"
    assert text(received.get_body(("html",))) == "<p>Zoë</p>\n"
    assert [part.get_filename() for part in received.iter_attachments()] == ["a.txt"]
    assert b"hidden" not in rendered.content
    assert rendered.recipients[1] == Recipient("eve@hidden.example", "bcc")


def test_flask_mail_s_sender_is_no_way_around_the_parser(flask_mail_message):
    """Its unquoted names are understood, a second address among them is not."""
    message = flask_mail_message("S", ["a@b"], sender="x@y.example <eve@evil.example>")
    with pytest.raises(InvalidMessage, match="sender: "):
        built(message)

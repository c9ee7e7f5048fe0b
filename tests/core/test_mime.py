"""build(): the structure of a message, its headers and its envelope."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
from support.mail import NOW, TOKEN, assert_sendable, built, parsed, text

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.mime import (
    MAX_RECIPIENTS,
    Recipient,
    Renderer,
    build,
    sender_block,
    sender_email,
)


def structure(part):
    """Return the tree of content types."""
    if part.is_multipart():
        return part.get_content_type(), [structure(child) for child in part.iter_parts()]
    return part.get_content_type()


def test_plain_text_is_rendered_byte_for_byte():
    """The whole rendering of the commonest mail, so that a change of it is seen."""
    rendered = built(Message("Welcome", ["Ada <ada@example.com>"], "Hi.\nBye."))
    assert rendered.content == (
        b"Subject: Welcome\r\n"
        b"To: Ada <ada@example.com>\r\n"
        b"Date: Sat, 14 Mar 2026 15:09:26 +0000\r\n"
        b"Message-ID: <19cece52470.0123456789abcdef0123456789abcdef@app.example>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hi.\r\nBye.\r\n"
    )
    assert rendered.size == len(rendered.content)
    assert rendered.message_id == f"<19cece52470.{TOKEN}@app.example>"
    assert (rendered.sender, rendered.has_reply_to) == (None, False)
    assert (rendered.smtputf8, rendered.eight_bit) == (False, False)


def test_everything_at_once_nests_as_readers_expect():
    """Mixed holds alternative and files; alternative holds text and related; related the images."""
    message = Message(
        "All", ["a@b.example"], "text", "<img src='cid:logo'>", alts={"calendar": "BEGIN:VCALENDAR"}
    )
    message.attach("logo.png", "image/png", b"\x89PNG", "inline", content_id="logo")
    message.attach("report.pdf", None, b"%PDF")
    rendered = built(message)
    assert structure(parsed(rendered)) == (
        "multipart/mixed",
        [
            (
                "multipart/alternative",
                [
                    "text/plain",
                    "text/calendar",
                    ("multipart/related", ["text/html", "image/png"]),
                ],
            ),
            "application/pdf",
        ],
    )
    assert_sendable(rendered.content)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "text/plain"),
        ({"body": ""}, "text/plain"),
        ({"html": "<p>"}, "text/html"),
        ({"body": "", "html": "<p>"}, "text/html"),
        ({"body": "x", "html": "<p>"}, ("multipart/alternative", ["text/plain", "text/html"])),
        (
            {"body": "x", "alts": {"calendar; method=REQUEST": "y"}},
            ("multipart/alternative", ["text/plain", "text/calendar"]),
        ),
        ({"alts": [("text/html", "<p>")]}, "text/html"),
    ],
)
def test_no_container_stands_there_needlessly(arguments, expected):
    """One part needs no multipart, and an empty text beside HTML is left out."""
    assert structure(parsed(built(Message("S", ["a@b"], **arguments)))) == expected


def test_parameters_of_an_alternative_are_kept():
    """An invitation says its method in the content type."""
    message = Message("S", ["a@b"], "x", alts={"calendar; method=REQUEST": "y"})
    [_, invitation] = parsed(built(message)).iter_parts()
    assert invitation.get_param("method") == "REQUEST"
    assert text(invitation) == "y\n"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("plain\nlines\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("nul\0", "quoted-printable"),
        ("Zoë kam nach Hause, und alle freuten sich.", "quoted-printable"),
        ("件名と本文", "base64"),
        (".\nFrom here\n.", "7bit"),
        ("blank at the end \nä" + "x" * 20, "quoted-printable"),
    ],
)
def test_the_transfer_encoding_fits_the_text(body, encoding):
    """Plain text travels as it is, mostly Latin as quoted-printable, the rest as base64."""
    rendered = built(Message("S", ["a@b"], body))
    received = parsed(rendered)
    assert received["Content-Transfer-Encoding"] == encoding
    assert text(received) == body.removesuffix("\n") + "\n"
    assert_sendable(rendered.content)


@pytest.mark.parametrize("ends", ["a\nb\n", "a\r\nb\r\n", "a\rb\r", "a\rb\n", "a\r\nb"])
def test_every_line_end_becomes_crlf(ends):
    """Bare CR and LF never reach the wire, where servers disagree about them."""
    assert built(Message("S", ["a@b"], ends)).content.endswith(b"\r\n\r\na\r\nb\r\n")


def test_a_charset_is_used_where_it_fits():
    """Flask-Mail's charset; text beyond it goes as UTF-8 and still arrives."""
    latin = parsed(built(Message("S", ["a@b"], "Zoë", charset="iso-8859-1")))
    assert (latin.get_content_charset(), text(latin)) == ("iso-8859-1", "Zoë\n")
    wide = parsed(built(Message("S", ["a@b"], "件名", charset="iso-8859-1")))
    assert (wide.get_content_charset(), text(wide)) == ("utf-8", "件名\n")


def test_addresses_stand_in_their_headers_and_once_in_the_envelope():
    """Bcc is in no header; who is named twice gets one copy."""
    message = Message(
        "S",
        ["Ada <ada@example.com>", ("Zoë, X", "zoe@bücher.example")],
        "x",
        cc=["ada@EXAMPLE.com", "cc@example.com"],
        bcc=["bcc@example.com", "cc@example.com"],
        reply_to="Help <help@app.example>",
    )
    rendered = built(message)
    assert rendered.recipients == (
        Recipient("ada@example.com", "to"),
        Recipient("zoe@xn--bcher-kva.example", "to"),
        Recipient("cc@example.com", "cc"),
        Recipient("bcc@example.com", "bcc"),
    )
    received = parsed(rendered)
    assert [a.display_name for a in received["To"].addresses] == ["Ada", "Zoë, X"]
    assert [a.addr_spec for a in received["Cc"].addresses] == ["ada@example.com", "cc@example.com"]
    assert received["Reply-To"] == "Help <help@app.example>"
    assert rendered.has_reply_to
    assert b"bcc" not in rendered.content.lower()


def test_reply_to_may_be_several():
    """RFC 5322 allows a list; Flask-Mail's single address stays the rule."""
    rendered = built(Message("S", ["a@b"], "x", reply_to=["a@b.example", ("C", "c@d.example")]))
    assert parsed(rendered)["Reply-To"] == "a@b.example, C <c@d.example>"


def test_only_hidden_recipients_leave_a_to_header_that_says_so():
    """Filters dislike mail without To; an empty group names nobody (RFC 5322 3.4)."""
    rendered = built(Message("S", body="x", bcc=["a@b"]))
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in rendered.content
    assert rendered.recipients == (Recipient("a@b", "bcc"),)


def test_smtputf8_is_asked_for_where_an_address_needs_it():
    """A local part beyond ASCII, even a hidden one or the sender's, needs RFC 6531."""
    shown = built(Message("S", ["jörg@example.com"], "x"))
    assert (shown.smtputf8, shown.eight_bit) == (True, True)
    assert "To: jörg@example.com\r\n".encode() in shown.content
    hidden = built(Message("S", bcc=["jörg@example.com"], body="x"))
    assert (hidden.smtputf8, hidden.eight_bit) == (True, False)
    assert built(Message("S", ["a@b"], "x", sender="jörg@example.com")).smtputf8
    assert not built(Message("S", [("Jörg", "a@bücher.example")], "x")).smtputf8


def test_the_subject_gets_its_prefix():
    """Prefix and subject are joined by one space; both are part of what is stored."""
    message = Message("Zoë", ["a@b"], "x")
    rendered = built(message, subject_prefix="[App] ")
    assert rendered.subject == parsed(rendered)["Subject"] == "[App] Zoë"
    assert built(Message(recipients=["a@b"]), subject_prefix="[App]").subject == "[App]"


def test_without_a_subject_there_is_no_header():
    """An empty Subject header says nothing."""
    assert b"Subject" not in built(Message(recipients=["a@b"], body="x")).content
    assert built(Message(None, ["a@b"], "x")).subject == ""


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (None, NOW),
        (0, datetime(1970, 1, 1, tzinfo=NOW.tzinfo)),
        (1e9, datetime(2001, 9, 9, 1, 46, 40, tzinfo=NOW.tzinfo)),
        (NOW - timedelta(days=1), NOW - timedelta(days=1)),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))),) * 2,
    ],
)
def test_the_date_is_the_message_s_or_now(date, expected):
    """Seconds as in Flask-Mail, or an aware datetime."""
    assert parsed(built(Message("S", ["a@b"], "x", date=date)))["Date"].datetime == expected


def test_a_message_may_bring_its_message_id():
    """A valid Message-ID among the extra headers is taken, and stands there once."""
    message = Message("S", ["a@b"], "x", extra_headers={"message-id": "<mine@app.example>"})
    rendered = built(message)
    assert rendered.message_id == "<mine@app.example>"
    assert rendered.content.lower().count(b"message-id") == 1
    message.extra_headers = {"Message-ID": "mine"}
    with pytest.raises(InvalidMessage, match="extra_headers: 'mine' is not a Message-ID"):
        built(message)


def test_extra_headers_are_written():
    """Values beyond ASCII are encoded, values with blanks folded."""
    headers = {"List-Unsubscribe": "<https://app.example/u>", "X-Note": "Zoë"}
    received = parsed(built(Message("S", ["a@b"], "x", extra_headers=headers)))
    assert {name: received[name] for name in headers} == headers


def test_a_message_without_recipients_is_refused():
    """Nobody to send to is an error in the caller, not a dead letter."""
    with pytest.raises(InvalidMessage, match="recipients: a message needs at least one recipient"):
        built(Message("S", body="x"))


def test_a_message_has_at_most_a_thousand_recipients():
    """A mailing belongs into messages of their own."""
    message = Message("S", [f"a{n}@b.example" for n in range(MAX_RECIPIENTS)], "x")
    assert len(built(message).recipients) == MAX_RECIPIENTS
    message.add_recipient("one@more.example")
    with pytest.raises(InvalidMessage, match=r"recipients: 1001 are more .*send_many"):
        built(message)


def test_token_and_domain_must_make_a_message_id():
    """They come from the house, so a bad one is no fault of the message."""
    with pytest.raises(ValueError, match="not a Message-ID"):
        build(Message("S", ["a@b"], "x"), now=NOW, domain="a b", token=TOKEN)


def test_the_sender_block_goes_in_front():
    """From, the default Reply-To and the trace, each on lines of its own."""
    block = sender_block(
        "Zoë <app@bücher.example>", reply_to="help@app.example", trace={"X-SMTPAdmin-Attempt": "2"}
    )
    assert block == (
        b"From: =?utf-8?b?Wm/Dqw==?= <app@xn--bcher-kva.example>\r\n"
        b"Reply-To: help@app.example\r\n"
        b"X-SMTPAdmin-Attempt: 2\r\n"
    )


def test_the_sender_of_a_message_fits_the_sender_block():
    """What build() keeps of the sender comes out as the From header."""
    rendered = built(Message("S", ["a@b"], "x", sender=("Zoë, Inc.", "zoe@example.com")))
    assert rendered.sender is not None
    [sender] = parsed(rendered)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Zoë, Inc.", "zoe@example.com")
    assert sender_email(rendered.sender) == "zoe@example.com"


def test_the_date_is_written_in_the_zone_that_was_given() -> None:
    """One moment in two zones, one after the other."""
    for hours, zone in ((0, "+0000"), (2, "+0200"), (0, "+0000")):
        now = NOW.astimezone(timezone(timedelta(hours=hours)))
        renderer = Renderer(now=now, domain="app.example")
        content = renderer.render(Message("S", ["a@b.example"], "Hi"), TOKEN).content.decode()
        (line,) = re.findall("Date: (.*)\r\n", content)
        assert line.endswith(zone)
        assert parsedate_to_datetime(line) == NOW.replace(microsecond=0)

"""Invitations arrive as mail programs expect them, and what they could not use is refused."""

from __future__ import annotations

import pytest
from support.mail import assert_sendable, built, parsed

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Message

INVITATION = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Tea//EN
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:12@tea.example
DTSTAMP:20261129T080000Z
DTSTART;TZID=Europe/Berlin:20261201T160000
SUMMARY:Tee für zwei
ORGANIZER;CN="Ada: the first":mailto:ada@tea.example
ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION;
 CN=Bob:mailto:bob@tea.example
END:VEVENT
END:VCALENDAR
"""
CRLF = INVITATION.replace("\n", "\r\n")


def invitation(**arguments):
    """Return a message with text, HTML and an invitation."""
    message = Message("Tea?", ["bob@tea.example"], "Tea?", "<p>Tea?</p>", charset="iso-8859-1")
    message.invite(**({"ics": INVITATION} | arguments))
    return message


@pytest.mark.parametrize("ics", [INVITATION, CRLF, INVITATION.encode(), "\ufeff" + INVITATION])
def test_an_invitation_is_an_alternative_with_its_method_and_a_file(ics):
    """mixed(alternative(text, html, calendar), file), the calendar last and in UTF-8."""
    rendered = built(invitation(ics=ics))
    assert_sendable(rendered.content)
    message = parsed(rendered)
    alternative, file = message.iter_parts()
    assert [part.get_content_type() for part in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    calendar = list(alternative.iter_parts())[-1]
    assert (calendar.get_param("method"), calendar.get_content_charset()) == ("REQUEST", "utf-8")
    assert (file.get_content_type(), file.get_filename()) == ("application/ics", "invite.ics")
    assert file.get_content_disposition() == "attachment"
    texts = [part.get_payload(decode=True).decode() for part in (calendar, file)]
    unfolded = [text.replace("\r\n ", "") for text in texts]
    assert unfolded == [CRLF.replace("\r\n ", "")] * 2


def test_a_character_may_be_folded_between_its_bytes():
    """RFC 5545 3.1 lets that happen."""
    cut = INVITATION.replace("\n", "\r\n").encode().replace("ü".encode(), b"\xc3\r\n \xbc")
    content = parsed(built(invitation(ics=cut))).get_content_type()
    assert content == "multipart/mixed"


@pytest.mark.parametrize("method", ["request", "Cancel", "PUBLISH", "REPLY"])
def test_the_method_may_be_any_of_the_standard(method):
    """In capitals or not; only a calendar that is published needs nobody who organises it."""
    ics = INVITATION.replace("REQUEST", method.upper())
    if method == "PUBLISH":
        ics = ics.replace('ORGANIZER;CN="Ada: the first":mailto:ada@tea.example\n', "")
    message = invitation(ics=ics, method=method, filename="tea.ics")
    assert f"calendar; method={method.upper()}" in message.alts
    assert message.attachments[0].filename == "tea.ics"


def test_the_alternative_alone_is_still_taken_as_it_is():
    """As with Flask-Mail: an app that writes it itself is not corrected."""
    message = Message("S", ["a@b"], "x", alts={"calendar; method=REQUEST": "BEGIN:VCALENDAR"})
    part = list(parsed(built(message)).iter_parts())[-1]
    assert (part.get_content_type(), part.get_param("method")) == ("text/calendar", "REQUEST")
    assert part.get_content().strip() == "BEGIN:VCALENDAR"


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        (INVITATION, "", "ics", "begins with BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR", "BEGIN:VCARD", "ics", "begins with BEGIN:VCALENDAR"),
        ("END:VCALENDAR", "", "ics", "END:VCALENDAR is missing"),
        ("END:VEVENT", "END:VTODO", "ics", "END:VTODO ends what is not open"),
        ("END:VCALENDAR", "END:VCALENDAR\nEND:VCALENDAR", "ics", "not open"),
        ("VEVENT", "X-EVENT", "ics", "no VEVENT"),
        ("METHOD:REQUEST\n", "", "method", "no line METHOD"),
        ("METHOD:REQUEST", "METHOD:PUBLISH", "method", "says METHOD:PUBLISH, the message REQUEST"),
        ("UID:12@tea.example\n", "", "ics", "UID is missing"),
        ("DTSTAMP:20261129T080000Z\n", "", "ics", "DTSTAMP is missing"),
        ("ORGANIZER;", "X-ORGANIZER;", "ics", "ORGANIZER is missing"),
        ("VERSION:2.0", "VERSION:1.0", "ics", "VERSION:2.0 is missing"),
        ("SUMMARY:", "SUMMARY ", "ics", "'SUMMARY Tee für zwei' is no line"),
    ],
)
def test_what_mail_programs_could_not_use_is_refused(old, new, field, why):
    """At once, in words, with the argument's name."""
    with pytest.raises(InvalidMessage, match=why) as caught:
        invitation(ics=INVITATION.replace(old, new))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"method": "INVITE"}, "method"),
        ({"method": "REQUEST\r\nBcc: x"}, "method"),
        ({"method": None}, "method"),
        ({"ics": INVITATION.encode("latin-1")}, "ics"),
        ({"ics": None}, "ics"),
        ({"ics": 1}, "ics"),
    ],
)
def test_values_of_other_kinds_are_refused(arguments, field):
    """Another charset as well: a calendar in mail is UTF-8 (RFC 6047 2.4)."""
    with pytest.raises(InvalidMessage) as caught:
        invitation(**arguments)
    assert caught.value.field == field

"""Message and Attachment: Flask-Mail's names and order."""

from __future__ import annotations

import inspect

import flask_mail
import pytest

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Attachment, Message


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Message.__init__, flask_mail.Message.__init__),
        (Message.attach, flask_mail.Message.attach),
        (Message.add_recipient, flask_mail.Message.add_recipient),
        (Attachment.__init__, flask_mail.Attachment.__init__),
    ],
)
def test_arguments_are_those_of_flask_mail(ours, theirs):
    """Code written for Flask-Mail calls ours alike, by position and by name."""
    names = list(inspect.signature(theirs).parameters)
    assert list(inspect.signature(ours).parameters)[: len(names)] == names


def test_lists_are_the_message_s_own():
    """Adding to a message changes nothing of the caller's."""
    recipients = ["a@b"]
    message = Message(recipients=recipients)
    message.add_recipient(("Ada", "ada@example.com"))
    assert message.recipients == ["a@b", ("Ada", "ada@example.com")]
    assert recipients == ["a@b"]


@pytest.mark.parametrize("name", list(inspect.get_annotations(Message)))
def test_what_is_not_given_is_empty_and_the_message_s_own(name):
    """A list or dict that nobody gave is there, the same each time, and no other message's."""
    message, other = Message(), Message(**{name: None})
    made = getattr(message, name)
    assert not made
    assert getattr(message, name) is made
    assert getattr(other, name) is not made
    if isinstance(made, list):
        made.append("x")
    else:
        made["x"] = "y"
    assert getattr(message, name)
    assert not getattr(other, name)
    assert not getattr(Message(), name)


def test_html_is_one_of_the_alternatives():
    """As in Flask-Mail, html and alts["html"] are one value."""
    message = Message(html="<p>", alts={"amp": "x"})
    assert message.alts == {"amp": "x", "html": "<p>"}
    message.html = None
    assert message.alts == {"amp": "x"}
    assert Message(alts=[("html", "<b>")]).html == "<b>"


def test_attach_makes_an_attachment():
    """attach() takes the arguments of Attachment."""
    message = Message()
    message.attach("a.txt", "text/plain", b"x", "inline", {"X-A": "b"}, "cid")
    assert message.attachments == [
        Attachment("a.txt", "text/plain", b"x", "inline", {"X-A": "b"}, "cid")
    ]


def test_an_attachment_needs_data():
    """As in Flask-Mail, data left out is an error and not an empty file."""
    with pytest.raises(InvalidMessage, match=r"attachments: .*needs data"):
        Attachment("a.txt")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"recipients": "a@b"}, "recipients"),
        ({"cc": "a@b"}, "cc"),
        ({"bcc": b"a@b"}, "bcc"),
        ({"attachments": "file"}, "attachments"),
        ({"attachments": 1}, "attachments"),
        ({"alts": "html"}, "alts"),
        ({"alts": [("html",)]}, "alts"),
        ({"extra_headers": ["X-A: b"]}, "extra_headers"),
        ({"mail_options": "SMTPUTF8"}, "mail_options"),
    ],
)
def test_what_is_no_list_is_refused_at_once(arguments, field):
    """The constructor names the argument that should have been a list or mapping."""
    with pytest.raises(InvalidMessage) as caught:
        Message(**arguments)
    assert caught.value.field == field


def test_a_message_shows_no_address_and_no_body():
    """repr() may land in a log."""
    shown = repr(Message("Hello", ["ada@example.com"], "secret"))
    assert shown == "<Message 'Hello', 1 in To>"
    assert "secret" not in repr(Attachment("a.txt", data="secret"))

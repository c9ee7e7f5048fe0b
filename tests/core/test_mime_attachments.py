"""Attachments: types, names and bytes as the receiver finds them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.mail import assert_sendable, built, parsed, read

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Attachment, Message


def attached(*args, **kwargs):
    """Return the one attachment of a message as its receiver finds it."""
    rendered = built(Message("S", ["a@b"], "x", attachments=[Attachment(*args, **kwargs)]))
    assert_sendable(rendered.content)
    [part] = parsed(rendered).iter_attachments()
    return part


@given(st.binary(max_size=400))
@settings(max_examples=50)
def test_bytes_arrive_exactly(data):
    """Line ends and NULs of a file are not text and stay what they are."""
    assert attached("a.bin", data=data).get_content() == data


@given(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"),
        min_size=1,
        max_size=60,
    )
    .map(str.strip)  # the library's reader strips a name
    .filter(bool)
)
@example('quo"te\\.txt')
@example("../../etc/passwd")
@example("a;b=c; d.txt")
@example("100%'s.pdf")
@example("=?utf-8?q?a?=.txt")
@example("x" * 255)
@settings(max_examples=150)
def test_any_file_name_arrives(name):
    """RFC 2231 carries what a quoted string cannot."""
    assert attached(name, "application/pdf", b"x").get_filename() == name


@pytest.mark.parametrize(
    ("filename", "data", "expected"),
    [
        ("a.pdf", b"", "application/pdf"),
        ("a.png", b"", "image/png"),
        ("a.csv", "x", "text/csv"),
        ("a.tar.gz", b"", "application/gzip"),
        ("a.txt.bz2", b"", "application/octet-stream"),
        ("a.eml", b"", "application/octet-stream"),
        ("a", b"", "application/octet-stream"),
        (None, b"", "application/octet-stream"),
        (None, "x", "text/plain"),
    ],
)
def test_the_type_is_guessed_from_the_name(filename, data, expected):
    """The guess is the same on every machine; packed files are named for their packing."""
    assert attached(filename, None, data).get_content_type() == expected


def test_text_is_stored_as_utf_8():
    """A str attachment says its charset, unless the type says it."""
    part = attached("a.txt", None, "Zoë\r\n")
    assert (part.get_content_charset(), part.get_content()) == ("utf-8", "Zoë\r\n")
    assert attached("a.html", "text/html; charset=utf-8", "x")["Content-Type"].count("utf-8") == 1


def test_an_inline_image_is_found_by_its_content_id():
    """Also when it stands in the headers, as Flask-Mail's users write it."""
    for arguments in ({"content_id": "logo@app"}, {"headers": {"Content-ID": "<logo@app>"}}):
        message = Message("S", ["a@b"], html="<img src='cid:logo@app'>")
        message.attach("l.png", "image/png", b"x", "inline", **arguments)
        related = parsed(built(message))
        assert related.get_content_type() == "multipart/related"
        assert related.get_param("type") == "text/html"
        [_, image] = related.iter_parts()
        assert (image["Content-ID"], image.get_content_disposition()) == ("<logo@app>", "inline")


def test_inline_without_html_is_a_file():
    """Without HTML that shows it, an inline image hangs on the message like any file."""
    part = attached("l.png", "image/png", b"x", "inline", content_id="logo")
    assert part.get_content_disposition() == "inline"


def test_headers_of_an_attachment_are_written():
    """Further headers are checked and encoded like those of the message."""
    assert attached("a", data=b"", headers={"Content-Description": "Zoë"})[
        "Content-Description"
    ] == ("Zoë")


def test_a_forwarded_message_is_readable_or_a_file():
    """RFC 2046 forbids base64 for message/rfc822: ASCII goes as it is, the rest as bytes."""
    original = built(Message("Inner", ["a@b"], "x")).content
    part = attached("a.eml", "message/rfc822", original)
    assert part.get_content()["Subject"] == "Inner"
    raw = "Subject: Zoë\r\n\r\n".encode()
    other = attached("a.eml", "message/rfc822", raw)
    assert (other.get_content_type(), other.get_content()) == ("application/octet-stream", raw)


def test_flask_mail_s_attachments_are_attachments():
    """Anything with Flask-Mail's attributes will do; it has no content_id."""
    import flask_mail

    message = Message("S", ["a@b"], "x")
    message.attachments.append(flask_mail.Attachment("a.txt", "text/plain", "x"))
    [part] = parsed(built(message)).iter_attachments()
    assert part.get_filename() == "a.txt"


@pytest.mark.parametrize(
    "arguments",
    [
        {"filename": "a\r\nBcc: eve@evil.example"},
        {"filename": "a\0"},
        {"filename": "x" * 256},
        {"filename": 1},
        {"content_type": "text/plain\r\nBcc: eve@evil.example"},
        {"content_type": "text"},
        {"content_type": "multipart/mixed; boundary=x"},
        {"content_type": "text/plain; name=" + "x" * 300},
        {"content_type": 1},
        {"disposition": "attachment\r\nBcc: eve@evil.example"},
        {"disposition": 'attachment; filename="b"'},
        {"content_id": "a> <b"},
        {"content_id": "a\r\nb"},
        {"content_id": 1},
        {"headers": {"X-A\r\nBcc": "eve@evil.example"}},
        {"headers": {"X-A": "1\r\nBcc: eve@evil.example"}},
        {"headers": {"Content-Type": "text/html"}},
        {"headers": {"content-transfer-encoding": "8bit"}},
        {"headers": "X-A: b"},
        {"headers": {"X-A": 1}},
        {"data": 1},
        {"data": ["x"]},
        {"data": "\ud800"},
    ],
)
def test_what_cannot_be_attached_is_refused(arguments):
    """Each value of an attachment is checked, and the error names the argument."""
    attachment = Attachment(**({"filename": "a.txt", "data": b"x"} | arguments))
    with pytest.raises(InvalidMessage) as caught:
        built(Message("S", ["a@b"], "x", attachments=[attachment]))
    assert caught.value.field == "attachments"


def test_what_is_no_attachment_is_refused():
    """A path or bytes are not an Attachment."""
    with pytest.raises(InvalidMessage, match="attachments: expected Attachment objects, got bytes"):
        built(Message("S", ["a@b"], "x", attachments=[b"x"]))


def test_a_boundary_in_the_text_is_text():
    """The boundary is made of the token, so a quoted older mail cannot end a part."""
    older = Message("S", ["a@b"], "x", "<p>")
    quoted = built(older).content.decode().replace("0123", "3210")
    received = read(built(Message("S", ["a@b"], quoted, "<p>")).content)
    assert len(list(received.iter_parts())) == 2

"""Any message reads back as it was written, and as EmailMessage would have written it."""

from __future__ import annotations

from email.headerregistry import Address as StandardAddress
from email.message import EmailMessage
from email.policy import SMTP

from hypothesis import given, settings
from hypothesis import strategies as st
from support.mail import assert_sendable, built, mailboxes, parsed, read, text

from flask_smtpadmin.core.mail.message import Attachment, Message

#: Without what the parser of some Python release itself takes for a line end inside a text.
BODY = st.text(st.characters(codec="utf-8"), max_size=300) | st.lists(
    st.sampled_from([*"abc .=\r\n\t\0äß件💌\x0c\u2028", "x" * 60]), max_size=80
).map("".join)
LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=60,
).map(lambda line: line.strip(" \t"))
HOST = st.sampled_from(["example.com", "localhost", "mail.intranet", "[192.0.2.1]"])
EMAIL = st.builds("{}@{}".format, st.text("abcXYZ019._-+", min_size=1, max_size=10), HOST).filter(
    lambda email: ".." not in email and ".@" not in email and not email.startswith(".")
)
MAILBOXES = st.lists(st.tuples(LINE, EMAIL), max_size=3)
FILES = st.lists(
    st.builds(
        Attachment,
        LINE.filter(bool),
        st.sampled_from([None, "application/pdf", "image/png"]),
        st.binary(max_size=60),
    ),
    max_size=2,
)


def as_text(body: str) -> str:
    """Return ``body`` with LF line ends and one at its end."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else f"{lines}\n"


@given(BODY, st.none() | BODY)
@settings(max_examples=300)
def test_any_text_is_read_back(body, html):
    """Text and HTML of any script, with any line ends and any control characters."""
    rendered = built(Message("S", ["a@b"], body, html))
    assert_sendable(rendered.content)
    assert rendered.content.isascii()
    received = parsed(rendered)
    if html is None or body:
        assert text(received.get_body(("plain",))) == as_text(body)
    if html is not None:
        assert text(received.get_body(("html",))) == as_text(html)


@given(LINE, MAILBOXES, MAILBOXES, MAILBOXES, LINE)
@settings(max_examples=200)
def test_headers_and_envelope_are_read_back(subject, to, cc, bcc, note):
    """Names, addresses and texts arrive as given; hidden recipients only in the envelope."""
    to = [*to, ("", "always@example.com")]
    rendered = built(Message(subject, to, "x", cc=cc, bcc=bcc, extra_headers={"X-Note": note}))
    received = parsed(rendered)
    assert (received["Subject"] or "", received["X-Note"]) == (subject, note)
    assert mailboxes(rendered.content, "To") == to
    assert mailboxes(rendered.content, "Cc") == cc
    assert "Bcc" not in received
    expected = dict.fromkeys(email for _, email in (*to, *cc, *bcc))
    assert [recipient.address for recipient in rendered.recipients] == list(expected)
    shown = {email for _, email in (*to, *cc)}
    for _, email in bcc:
        if not any(email in other for other in shown):
            assert email.encode() not in rendered.content
    assert_sendable(rendered.content)


def written_by_the_library(subject, to, body, html, files):
    """Return the same message as EmailMessage renders it."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["To"] = [StandardAddress(name, addr_spec=email) for name, email in to]
    message.set_content(body)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for file in files:
        main, _, sub = (file.content_type or "application/octet-stream").partition("/")
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=file.filename)
    return message.as_bytes()


#: Texts that EmailMessage itself keeps: it splits at every line end that Unicode knows.
PLAIN_BODY = st.lists(st.sampled_from([*"abc .=\näß件💌", "x" * 60]), max_size=80).map("".join)
#: What EmailMessage writes rightly: of a list with a name to encode it encodes commas as well,
#: where it folds (Python 3.11).
QUOTED = st.text("abc ,\"()<>@.'", max_size=20).map(str.strip)
ENCODED = st.text("abcäß件", max_size=8)
TO = st.lists(st.tuples(QUOTED, EMAIL), min_size=1, max_size=3) | st.lists(
    st.tuples(ENCODED, EMAIL), min_size=1, max_size=1
)


@given(
    st.text("abc äß件💌=?_", min_size=1, max_size=60).map(str.strip),
    TO,
    PLAIN_BODY,
    st.none() | PLAIN_BODY,
    FILES,
)
@settings(max_examples=150)
def test_the_standard_library_writes_the_same_message(subject, to, body, html, files):
    """A differential test: both renderings are parsed to the same content."""
    # guessing a type is ours alone, and the library has no empty text beside HTML
    files = [Attachment(f.filename, f.content_type or "application/zip", f.data) for f in files]
    body = body or "x"
    rendered = built(Message(subject, to, body, html, attachments=files))
    library = written_by_the_library(subject, to, body, html, files)
    ours, theirs = parsed(rendered), read(library)
    assert (ours["Subject"] or "") == theirs["Subject"]
    assert mailboxes(rendered.content, "To") == mailboxes(library, "To") == to
    assert contents(ours) == contents(theirs)


def contents(message):
    """Return type and content of each leaf, in order."""
    return [
        (
            part.get_content_type(),
            part.get_filename(),
            text(part) if part.get_content_maintype() == "text" else part.get_content(),
        )
        for part in message.walk()
        if not part.is_multipart()
    ]

"""What an app writes is what its reader gets, through a real server, and how it looks there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_string, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.mail import assert_sendable, built, text
from support.smtp import LoopThread, mail_server

from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.mail.headers import has_encoded_word, unfold
from flask_smtpadmin.core.mail.message import Attachment, Message
from flask_smtpadmin.core.mail.mime import Built, sender_block
from flask_smtpadmin.core.transaction import Envelope
from flask_smtpadmin.transport import open_session

LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=50,
).map(lambda line: line.strip(" \t"))
#: Where folding and encoding have to choose: long words, many words, quotes, what looks encoded.
AWKWARD = st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "wörter",
                "件名",
                "💌",
                '"',
                "\\",
                "<",
                ">",
                "@",
                ",",
                ";",
                "=?utf-8?q?x?=",
                "=?",
                "?=",
            ),
            *("x" * 30, "ü" * 30, "y" * 76, "Bcc:", "\u202e", "\u200d", "e\u0301", "%0D%0A", "("),
        ]
    ),
    max_size=12,
).map(" ".join)
TEXT = LINE | AWKWARD
BODY = st.lists(
    st.sampled_from(
        ["Dear Ada,", "\n", "\r\n", "\r", " ", ".", "..", "From ", "ä", "💌", "x" * 1200, "\0"]
    ),
    max_size=20,
).map("".join) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=80
)
LOCAL = st.sampled_from(["ada", "o'brien", "a+b", "x" * 64, "jörg", "用户", "💌", "a=b", "_"])
HOST = st.sampled_from(
    ["example.com", "bücher.example", "localhost", "[192.0.2.1]", "例子.example"]
)
EMAIL = st.builds("{}@{}".format, LOCAL, HOST)
MAILBOX = st.tuples(TEXT.filter(lambda name: len(name.encode()) <= 320), EMAIL)
HIDDEN = st.builds("zq{}@zqsecret.example".format, st.integers(0, 99)).map(
    lambda email: ("Zqhidden Person", email)
)
FILE = st.builds(
    Attachment,
    TEXT.map(lambda name: name.encode()[:255].decode(errors="ignore").strip()).filter(
        # what reads it here takes angle brackets away, as it would those of a Message-ID
        lambda name: bool(name) and not (name[0] == "<" and name[-1] == ">")
    ),
    st.sampled_from(["application/pdf", "image/png"]),
    st.binary(max_size=80),
    st.sampled_from(["attachment", "inline"]),
)
LETTER = st.fixed_dictionaries(
    {
        "subject": TEXT,
        "recipients": st.lists(MAILBOX, min_size=1, max_size=4),
        "body": BODY,
        "html": st.none() | BODY.map(lambda body: f"<p>{body}"),
        "sender": MAILBOX,
        "cc": st.lists(MAILBOX, max_size=2),
        "bcc": st.lists(HIDDEN, max_size=2),
        "attachments": st.lists(FILE, max_size=2),
        "reply_to": st.lists(MAILBOX, max_size=2),
        "extra_headers": st.fixed_dictionaries({"X-Note": TEXT, "List-Id": TEXT}),
    }
)
#: Not made smaller when one fails: each try would be sent again.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
FIELD = re.compile(r"([!-9;-~]+):((?:[^\r]|\r\n[ \t])*)\r\n")
WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass
class Mailer:
    """One connection to a real server."""

    server: object
    thread: LoopThread
    session: object

    def relay(self, envelopes):
        """Hand ``envelopes`` over one after the other and return what the server got."""
        before, waiting, results = len(self.server.received), iter(envelopes), []
        if not self.session.usable:
            self.thread.run(self.session.close())
            self.session = open_session(self.server.settings())
            self.thread.run(self.session.open())
        self.thread.run(self.session.relay(lambda: next(waiting, None), results.append))
        assert all(result.accepted for result in results)
        return self.server.received[before:]


@pytest.fixture(scope="module")
def mailer():
    with mail_server(pipelining=True) as server:
        thread = LoopThread()
        session = open_session(server.settings())
        thread.run(session.open())
        mailer = Mailer(server, thread, session)
        yield mailer
        thread.run(mailer.session.close())
        thread.stop()


def envelope(letter, rendered: Built) -> Envelope:
    """Return what the worker hands over."""
    block = sender_block(rendered.sender, trace={})
    return Envelope(
        parse_address(letter["sender"], field="sender").email,
        tuple(one.address for one in rendered.recipients),
        block + rendered.content,
        smtputf8=rendered.smtputf8,
        eight_bit=rendered.eight_bit,
    )


def canonical(mailboxes):
    """Return mailboxes as they are written, and the addresses in each form."""
    parsed = [parse_address(mailbox, field="to") for mailbox in mailboxes]
    return [(one.name, one.email) for one in parsed]


@given(st.lists(LETTER, min_size=4, max_size=8))
@settings(max_examples=25, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_written_is_read_by_its_reader(mailer, letters):
    """Texts, names, addresses and files of any kind, several letters over one connection."""
    rendered = [built(Message(**letter)) for letter in letters]
    envelopes = [envelope(*pair) for pair in zip(letters, rendered, strict=True)]
    for letter, sent, got in zip(letters, envelopes, mailer.relay(envelopes), strict=True):
        assert got.content == sent.content
        assert (got.sender, got.recipients) == (sent.sender, sent.recipients)
        check_form(got.content)
        check_envelope(letter, got)
        check_words(letter, got.content)


def check_envelope(letter, got):
    """Everybody once; hidden ones there alone; SMTPUTF8 only where an address needs it."""
    people = [*letter["recipients"], *letter["cc"], *letter["bcc"]]
    assert got.recipients == tuple(dict.fromkeys(email for _, email in canonical(people)))
    everyone = canonical([*people, letter["sender"], *letter["reply_to"]])
    needed = not "".join(email for _, email in everyone).isascii()
    assert ("SMTPUTF8" in got.options) == needed
    assert needed or got.content.isascii()
    message = message_from_string(got.content.decode(), policy=policy.default)
    assert "Bcc" not in message
    seen = [str(value) for value in message.values()]
    seen += [str(part.get_payload(decode=True)) for part in message.walk()]
    assert not any("zqsecret" in text or "Zqhidden" in text for text in seen)


def check_words(letter, content):
    """Read as mail programs do."""
    message = message_from_string(content.decode(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers = {"Subject": letter["subject"], **letter["extra_headers"]}
    assert {name: message[name] or "" for name in headers} == headers
    for name, given_ in (
        ("From", [letter["sender"]]),
        ("To", letter["recipients"]),
        ("Cc", letter["cc"]),
        ("Reply-To", letter["reply_to"]),
    ):
        assert mailboxes(content, name) == canonical(given_)
        # the newer parser of Python 3.11 puts blanks between the encoded words of a name
        modern = message[name].addresses if given_ else ()
        assert [(squeezed(one.display_name), one.addr_spec) for one in modern] == [
            (squeezed(shown), email) for shown, email in canonical(given_)
        ]
    if letter["body"] or letter["html"] is None:
        assert lines(text(message.get_body(("plain",)))) == lines(letter["body"])
    if letter["html"] is not None:
        assert lines(text(message.get_body(("html",)))) == lines(letter["html"])
    files = [part for part in message.walk() if part.get_filename()]
    assert [
        (part.get_filename(), part.get_content_type(), part.get_content()) for part in files
    ] == [(file.filename, file.content_type, file.data) for file in letter["attachments"]]


def squeezed(name):
    return "".join(name.split())


def lines(body):
    """Return ``body`` with LF line ends and one at its end."""
    plain = body.replace("\r\n", "\n").replace("\r", "\n")
    return plain if plain.endswith("\n") else f"{plain}\n"


def mailboxes(content, name):
    """Return the mailboxes of a header as (name, email), as the older parser reads them."""
    message = message_from_string(content.decode(), policy=policy.compat32)
    header = unfold(str(message[name] or ""))
    return [
        (str(make_header(decode_header(phrase))), email)
        for phrase, email in getaddresses([header])
        if email
    ]


def check_form(content):
    """Line lengths (RFC 5322 2.1.1), encoded words (RFC 2047 2, 5), one header of each name."""
    assert_sendable(content)
    head = content.partition(b"\r\n\r\n")[0].decode() + "\r\n"
    fields = FIELD.findall(head)
    assert "".join(f"{name}:{value}\r\n" for name, value in fields) == head
    names = [name.lower() for name, _ in fields]
    assert len(names) == len(set(names))
    for name, value in fields:
        check_lines(name, value)
        for word in WORD.findall(value):
            assert len(word) <= 75
        if name.lower() in {"from", "to", "cc", "reply-to"}:
            assert not any(has_encoded_word(quoted) for quoted in QUOTED.findall(value))
            outside = QUOTED.sub('""', unfold(value))
            assert not any("=?" in one and WORD.search(one) for one in re.findall("<.*?>", outside))


def check_lines(name, value):
    """Longer than 78 is only what has no blank to fold at; with an encoded word, than 76."""
    first, *others = value.split("\r\n")
    for at, line in enumerate([f"{name}:{first}", *others]):
        shown = line.removeprefix(f"{name}:") if at == 0 else line
        assert len(line) <= 78 or not shown.strip(" \t").count(" ")
        assert len(line) <= 76 or not WORD.search(line)
        assert at == 0 or line.strip(" \t")

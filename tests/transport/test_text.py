"""Replies are hostile text: parsed without trust, cleaned before anybody keeps them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.redact import LIMIT, SECRET, clean, hide
from flask_smtpadmin.core.transaction import Reply
from flask_smtpadmin.transport.wire import ReplyParser, make_reply


@given(st.text() | st.binary() | st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf"])))
def test_clean_text_fits_every_database_and_one_line(raw: str | bytes) -> None:
    """R19: valid UTF-8 without NUL, controls or surrogates, 2 KiB at most."""
    text = clean(raw)
    assert len(text.encode("utf-8")) <= LIMIT
    assert not set(text) & {chr(code) for code in (*range(32), *range(127, 160))}
    assert clean(text) == text


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\ufeff"])
def test_marks_that_turn_text_around_are_replaced(mark: str) -> None:
    """A reply reads as what it is."""
    assert clean(f"a{mark}b") == "a\ufffdb"


def test_a_long_text_is_cut_between_characters() -> None:
    """The limit is in bytes."""
    text = clean("ä" * 5000)
    assert text.endswith("ä…")
    assert LIMIT - 3 <= len(text.encode()) <= LIMIT


@given(st.text(min_size=4, max_size=30), st.binary(max_size=8), st.binary(max_size=8))
def test_a_secret_is_found_inside_base64_wherever_it_begins(
    secret: str, before: bytes, after: bytes
) -> None:
    """AUTH PLAIN puts name and password into one base64 text."""
    raw = secret.encode()
    told = base64.b64encode(before + raw + after).decode()
    if len(raw) > 5:
        assert SECRET in hide(told, [secret])


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_the_parser_takes_any_bytes_and_never_invents_a_code(parts: list[bytes]) -> None:
    """F15: each reply has a code of 200-599, or -1 and is the last."""
    parser = ReplyParser()
    replies = [reply for part in parts for reply in parser.feed(part)]
    assert all(200 <= reply.code < 600 for reply in replies[:-1])
    assert parser.broken == any(reply.code == -1 for reply in replies)


@given(st.data())
def test_replies_do_not_depend_on_how_they_are_split(data: st.DataObject) -> None:
    """F14: TCP may cut anywhere."""
    wire = b"250-2.1.0 one\r\n250 2.1.0 two\r\n354 go\r\n550 5.1.1 no\n250\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    parser = ReplyParser()
    bounds = zip([0, *cuts], [*cuts, len(wire)], strict=True)
    replies = [reply for start, end in bounds for reply in parser.feed(wire[start:end])]
    assert replies == [
        Reply(250, "2.1.0", "one two"),
        Reply(354, "", "go"),
        Reply(550, "5.1.1", "no"),
        Reply(250, "", ""),
    ]


def test_memory_stays_bounded_whatever_comes() -> None:
    """F15: a line or a reply without end is one unparsable reply."""
    for chunk in (b"2" * 1000, b"250-x\r\n" * 100):
        parser = ReplyParser()
        replies = [reply for _ in range(200) for reply in parser.feed(chunk)]
        assert [reply.code for reply in replies] == [-1]
        assert len(parser._buffer) < 10_000


def test_a_reply_reads_like_the_server_said_it() -> None:
    """Code, enhanced code, text."""
    assert (
        str(make_reply(550, "5.1.1 <a@b>: no\n5.1.1 such user")) == "550 5.1.1 <a@b>: no such user"
    )
    assert str(make_reply(250, "")) == "250"

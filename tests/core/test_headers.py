"""Headers: encoded so that every reader sees the text, folded so that every line is short."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.headers import (
    LINE,
    check_name,
    decode_words,
    encoded_words,
    header,
    line_of,
    unfold,
)

ONE_LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=200,
)
ASCII_LINE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)


def value_of(line: str, name: str = "Subject") -> str:
    """Return the header's text as the standard library reads it."""
    return str(message_from_bytes(line.encode() + b"\r\n", policy=policy.SMTP)[name])


@given(ONE_LINE | ASCII_LINE)
@example("=?utf-8?q?a?=")
@example("=?utf-8?q? ü ?=")
@example("two  blanks ü  and more")
@example("x" * 3000)
@example("ü" + "x" * 3000 + " y")
@settings(max_examples=300)
def test_any_text_is_read_back_from_short_lines(text):
    """Whatever a subject holds, the reader sees it, in lines of ASCII."""
    line = header("Subject", text)
    assert value_of(line) == text.strip(" \t")
    assert line.isascii()
    assert line.endswith("\r\n")
    assert all(len(part) <= 998 for part in line.split("\r\n"))


@given(ONE_LINE)
def test_the_older_parser_agrees(text):
    """email.header, which most Python programs use, decodes the same text."""
    words = " ".join(encoded_words(text or "x"))
    assert str(make_header(decode_header(words))) == (text or "x")
    assert decode_words(words) == (text or "x")


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0, 78))
def test_encoded_words_keep_to_their_length(text, taken):
    """A word has at most 75 characters, and the first leaves room for what stands before it."""
    words = encoded_words(text, taken=taken)
    assert max(map(len, words)) <= 75
    assert taken + len(words[0]) <= LINE or len(words[0]) <= 24


@given(st.text(st.characters(codec="utf-8", min_codepoint=128), min_size=1))
def test_no_character_is_split_between_words(text):
    """RFC 2047 5: each word is decoded on its own, by readers that do not join bytes first."""
    assert "".join(map(decode_words, encoded_words(text))) == text


def test_what_looks_like_an_encoded_word_is_encoded_as_a_whole():
    """It may span blanks, so no word of such a text may stand there bare."""
    line = header("Subject", "=?utf-8?q? ü ?= and more")
    assert line == "Subject: =?utf-8?b?PT91dGYtOD9xPyDDvCA/PSBhbmQgbW9yZQ==?=\r\n"


def test_ascii_with_blanks_is_folded_and_nothing_else():
    """Structured values such as URL lists and JSON keep every character."""
    value = ", ".join(f"<https://app.example/unsubscribe/{n}?t=a=b>" for n in range(9))
    line = header("List-Unsubscribe", value)
    assert unfold(line) == f"List-Unsubscribe: {value}\r\n"
    assert max(map(len, line.split("\r\n"))) <= LINE


def test_only_the_words_that_need_it_are_encoded():
    """An identifier beside a name stays readable to programs."""
    assert header("List-Id", "Zoë's list <zoe.example>") == (
        "List-Id: =?utf-8?b?Wm/Dqydz?= list <zoe.example>\r\n"
    )


def test_mostly_ascii_is_q_and_the_rest_is_b():
    """The shorter of the two encodings is taken."""
    assert encoded_words("Gruesse und Küsse") == ["=?utf-8?q?Gruesse_und_K=C3=BCsse?="]
    assert encoded_words("件名") == ["=?utf-8?b?5Lu25ZCN?="]


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_value_is_an_empty_header(text):
    """Blanks around a value mean nothing in a header."""
    assert header("X-Empty", text) == "X-Empty:\r\n"


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nBcc", "X\n", "Ü", "X\0", "x" * 77, 1])
def test_a_name_is_printable_ascii_without_colon(name):
    """A line break or a colon in a name would make a header of its own."""
    with pytest.raises(InvalidMessage) as caught:
        check_name(name, "extra_headers")
    assert caught.value.field == "extra_headers"


@pytest.mark.parametrize("char", "\0\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029\ud800")
def test_a_value_is_one_line(char):
    """Every character that some reader takes for a line end is refused, and named."""
    with pytest.raises(InvalidMessage, match=f"subject: .*U\\+{ord(char):04X} at position 1"):
        line_of(f"a{char}b", "subject")


@pytest.mark.parametrize("value", [1, None, b"x", ["x"], 1.5])
def test_only_text_is_text(value):
    """Numbers, bytes and lists are not turned into text behind the caller's back."""
    with pytest.raises(InvalidMessage, match="expected text"):
        line_of(value, "subject")


def test_words_nobody_can_read_stay():
    """An unknown charset is no reason to fail."""
    assert decode_words("=?no-such-charset?q?=E4?=") == "=?no-such-charset?q?=E4?="

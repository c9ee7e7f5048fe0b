"""The address parser: what it takes, what it refuses, and that it reads what it writes."""

from __future__ import annotations

import json
from email import message_from_string, policy
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.mail import mailboxes

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import (
    MAX_EMAIL,
    MAX_NAME,
    Address,
    format_mailbox,
    listed,
    parse_address,
    parse_addresses,
)
from flask_smtpadmin.core.mail.headers import folded

ATEXT = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+/=?^_`{|}~-"
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=70,
)
LOCAL_PARTS = st.lists(st.text(ATEXT, min_size=1, max_size=12), min_size=1, max_size=3).map(
    ".".join
)
HOSTS = st.lists(
    st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True), min_size=1, max_size=4
).map(".".join)


#: One a line: ``value`` (a pair where the name is given apart), what it is ``about``, and ``name``
#: and ``email`` as they are read or, where it is refused, words of the reason ``why`` (None where
#: email-validator says it).
CORPUS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data/addresses.jsonl").read_text("utf-8").splitlines()
]


def outcome(value):
    """Return what the parser makes of a value: name and email, or the error's text."""
    value = tuple(value) if isinstance(value, list) else value
    try:
        address = parse_address(value, field="reply_to")
    except InvalidMessage as error:
        return str(error)
    return address.name, address.email


def test_mailboxes_are_read_on_the_internet_and_inside_a_house():
    """Plain, named and paired ones, of every script, in their canonical form."""
    valid = [row for row in CORPUS if "email" in row]
    assert len(valid) > 80
    wrong = {
        str(row): found
        for row in valid
        if (found := outcome(row["value"])) != (row["name"], row["email"])
    }
    assert not wrong


def test_all_else_is_refused_with_the_reason():
    """What is not exactly one plain mailbox raises, and the error names the field and says why."""
    invalid = [row for row in CORPUS if "why" in row]
    assert len(invalid) > 160
    for row in invalid:
        found = outcome(row["value"])
        assert isinstance(found, str), row
        assert found.startswith("reply_to: "), row
        assert found.isprintable(), row
        assert (row["why"] or "") in found, row


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        b"ada@example.com",
        ["ada@example.com"],
        ["ada@example.com", "eve@evil.example"],
        {"email": "ada@example.com"},
        (),
        ("ada@example.com",),
        ("Ada", "ada@example.com", "x"),
        ("Ada", None),
        ("Ada", ["ada@example.com", "eve@evil.example"]),
        (1, "ada@example.com"),
    ],
)
def test_what_is_neither_text_nor_a_pair_is_refused(value):
    """CVE-2023-7028: a list in the place of an address is not two recipients."""
    with pytest.raises(InvalidMessage) as caught:
        parse_address(value, field="reply_to")
    assert caught.value.field == "reply_to"


def test_an_address_of_the_corpus_makes_no_other_recipient():
    """In a list of three, each mailbox that is taken stays one, for two readers of the library."""
    for row in CORPUS:
        if "email" in row:
            first = format_mailbox(Address(row["name"], row["email"]))
            header = f"To: a@b.example, {first}, c@d.example\r\n\r\n"
            assert [email for _, email in getaddresses([message_from_string(header)["To"]])] == [
                "a@b.example",
                row["email"],
                "c@d.example",
            ]
            modern = message_from_string(header, policy=policy.default)["To"].addresses
            assert [one.addr_spec for one in modern] == ["a@b.example", row["email"], "c@d.example"]


@pytest.mark.parametrize("value", ["a@b.example,c@d.example", "a@b.example;c@d.example"])
def test_several_addresses_in_one_string_are_called_that(value):
    """The commonest mistake gets its own words."""
    with pytest.raises(InvalidMessage, match="is not one address"):
        parse_address(value, field="to")


def test_an_address_has_at_most_254_bytes():
    """RFC 5321 gives a path 256 bytes, brackets included; bytes count, not characters."""
    host = "@example.com"
    longest = "a" * (MAX_EMAIL - len(host)) + host
    assert parse_address(longest, field="to").email == longest
    for email in ("a" + longest, "ü" * 130 + host, "a" * 100_000 + host):
        with pytest.raises(InvalidMessage, match="long"):
            parse_address(email, field="to")


def test_a_name_has_at_most_320_bytes_and_its_mailbox_fits_a_line():
    """The longest mailbox stays below the 998 characters of a line."""
    name = "💌" * (MAX_NAME // 4)
    email = "a" * (MAX_EMAIL - 12) + "@example.com"
    assert len(format_mailbox(parse_address((name, email), field="to"))) <= 998
    with pytest.raises(InvalidMessage, match="320"):
        parse_address((name + "x", email), field="to")


@pytest.mark.parametrize("name", ["ü" * 60, "Küsse " * 20, "=?utf-8?q?x?=" * 9])
def test_a_long_name_leaves_room_for_the_name_of_its_header(name):
    """A line with an encoded word has 76 characters at most, the first one too (RFC 2047 2)."""
    line = folded("Reply-To", format_mailbox(Address(name, "a@b.example")))
    assert max(map(len, line.split("\r\n"))) <= 76


def test_only_a_local_part_beyond_ascii_needs_smtputf8():
    """An IDN host travels in A-labels, a local part cannot (RFC 6531)."""
    assert parse_address("a@bücher.example", field="to").email.isascii()
    assert not parse_address("jörg@example.com", field="to").email.isascii()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "a@b"),
        ("Ada Lovelace", "Ada Lovelace <a@b>"),
        ("Ada A. Lovelace", '"Ada A. Lovelace" <a@b>'),
        ('Say "hi" \\o/', '"Say \\"hi\\" \\\\o/" <a@b>'),
        ("Zoë", "=?utf-8?b?Wm/Dqw==?= <a@b>"),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b>"),
    ],
)
def test_a_mailbox_is_written_as_simply_as_it_can_be(name, expected):
    """Atoms stay bare, specials are quoted, the rest is encoded."""
    assert format_mailbox(Address(name, "a@b")) == expected


@given(NAMES, LOCAL_PARTS, HOSTS)
@settings(max_examples=150)
def test_what_is_written_is_read_back(name, local, host):
    """format_mailbox and parse_address are inverse, for any name."""
    address = parse_address((name, f"{local}@{host}"), field="to")
    assert address == Address(name, f"{local}@{host}")
    assert parse_address(format_mailbox(address), field="to") == address


@given(NAMES, LOCAL_PARTS, HOSTS)
@settings(max_examples=100)
def test_the_standard_library_reads_the_same_mailbox(name, local, host):
    """The library's own parser finds one mailbox with our name and our address."""
    address = Address(name, f"{local}@{host}")
    header = f"To: {format_mailbox(address)}\r\n\r\n".encode()
    assert mailboxes(header, "To") == [(address.name, address.email)]


@given(st.text(max_size=40) | st.text(ATEXT + '@.<>(),:;[]" \\\r\n\0ü', max_size=40))
@settings(max_examples=300)
def test_no_text_makes_an_address_that_could_break_a_command(value):
    """Whatever is accepted is one addr-spec without blanks, brackets and controls."""
    try:
        email = parse_address(value, field="to").email
    except InvalidMessage:
        return
    local, host = email.rsplit("@", 1)
    assert host.isascii()
    assert local.isprintable()
    assert not set(local) & set('@<>(),:;[]"\\ ')
    assert not set(host) & set('@<>(),;"\\ ')


@pytest.mark.parametrize("value", ["ada@example.com", b"ada@example.com", {"a@b": 1}, 7])
def test_a_list_of_addresses_is_never_a_string(value):
    """One string for a list would be sent to its letters, or to whoever a comma adds."""
    with pytest.raises(InvalidMessage, match=r"cc: expected a list, got "):
        parse_addresses(value, field="cc")


def test_any_other_iterable_is_a_list():
    """Tuples, sets and generators will do; None is an empty list."""
    assert listed(None, "cc") == []
    assert listed(("a@b",), "cc") == ["a@b"]
    assert listed((item for item in ["a@b"]), "cc") == ["a@b"]


PIECES = st.sampled_from(
    [*"aZ9.-_@@..", "x" * 63, "xn--", "com", "EXAMPLE", " ", "ö", "\n", "<", "["]
)
ODD = st.lists(PIECES, min_size=1, max_size=9).map("".join)


@given(st.builds("{}@{}".format, LOCAL_PARTS, HOSTS) | st.builds("{}@{}".format, ODD, ODD) | ODD)
@settings(max_examples=500)
def test_the_short_way_for_usual_addresses_leads_to_the_same_place(email):
    """A bare address is read as it is in a pair, where every rule is asked."""
    try:
        expected = parse_address((None, email), field="recipients")
    except InvalidMessage:
        with pytest.raises(InvalidMessage):
            parse_address(email, field="recipients")
    else:
        assert parse_address(email, field="recipients") == expected

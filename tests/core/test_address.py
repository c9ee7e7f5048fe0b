"""The address parser: what it takes, what it refuses, and that it reads what it writes."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("value", "name", "email"),
    [
        ("ada@example.com", "", "ada@example.com"),
        ("  ada@example.com ", "", "ada@example.com"),
        ("<ada@example.com>", "", "ada@example.com"),
        ("Ada Lovelace <ada@Example.COM>", "Ada Lovelace", "ada@example.com"),
        ("Dr. A. Lovelace <a@b.example>", "Dr. A. Lovelace", "a@b.example"),
        ('"Lovelace, Ada \\"A\\"" <a@b.example>', 'Lovelace, Ada "A"', "a@b.example"),
        ("Zoë <zoe@example.com>", "Zoë", "zoe@example.com"),
        ("=?utf-8?q?Zo=C3=AB=2C_X?= <z@example.com>", "Zoë, X", "z@example.com"),
        (("Ada, the <first>", "a@b.example"), "Ada, the <first>", "a@b.example"),
        ((None, "a@b.example"), "", "a@b.example"),
        (("", "a@b.example"), "", "a@b.example"),
        ("O'Brien!#$%&*+/=?^_`{|}~-@b.example", "", "O'Brien!#$%&*+/=?^_`{|}~-@b.example"),
        ("root@localhost", "", "root@localhost"),
        ("a@intranet", "", "a@intranet"),
        ("a@printer.local", "", "a@printer.local"),
        ("a@[192.0.2.1]", "", "a@[192.0.2.1]"),
        ("a@[ipv6:2001:DB8:0::1]", "", "a@[IPv6:2001:db8::1]"),
        ("a@bücher.example", "", "a@xn--bcher-kva.example"),
        ("a@Bücher", "", "a@xn--bcher-kva"),
        ("a@bücher.local", "", "a@xn--bcher-kva.local"),
        ("a@xn--bcher-kva.example", "", "a@xn--bcher-kva.example"),
        ("jörg@example.com", "", "jörg@example.com"),
        ("jo\u0308rg@example.com", "", "jörg@example.com"),
    ],
)
def test_one_mailbox_is_read(value, name, email):
    """Plain, named and paired mailboxes are read, on the internet and inside a house."""
    assert parse_address(value, field="recipients") == Address(name, email)


@pytest.mark.parametrize(
    "value",
    [
        # CVE-2023-27043 and its relatives: two readers, two addressees
        "alice@example.org)bob@evil.example",
        "alice@example.org(bob@evil.example",
        "alice@example.org<bob@evil.example>",
        "alice@example.org <bob@evil.example>",
        "alice@example.org>bob@evil.example",
        "alice@example.org@bob@evil.example",
        "alice@example.org,bob@evil.example",
        "alice@example.org;bob@evil.example",
        "alice@example.org:bob@evil.example",
        "alice@example.org.bob@evil.example",
        'alice@example.org"bob@evil.example',
        "alice@example.org[bob@evil.example",
        "alice@example.org]bob@evil.example",
        "alice@example.org bob@evil.example",
        "<alice@example.org><bob@evil.example>",
        "Alice <alice@example.org> <bob@evil.example>",
        "Alice <alice@example.org>, Bob <bob@evil.example>",
        "<@relay.example:alice@example.org>",
        # groups, comments, quoted local parts
        "undisclosed-recipients:;",
        "Team: ada@example.com;",
        "ada@example.com (Ada)",
        "ada(Ada)@example.com",
        "Ada (home) <ada@example.com>",
        '"ada lovelace"@example.com',
        '"ada"@example.com',
        # dots, hosts, literals
        ".ada@example.com",
        "ada.@example.com",
        "ada..l@example.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@example.com.",
        "ada@-example.com",
        "ada@example-.com",
        "ada@exam_ple.com",
        "ada@127.0.0.1",
        "ada@[127.0.0.256]",
        "ada@[127.0.0.1",
        "ada@[IPv6:fe80::1%eth0]",
        "ada@[example.com]",
        f"ada@{'a' * 64}.example",
        f"ada@{'a.' * 127}example",
        "ada@ab--cd\u00fc.example",
        "ada@ex\u200bample.com",
        "a\u202eda@example.com",
        "ada\uff20example.com",
        # nothing, or half of it
        "",
        " ",
        "ada",
        "@",
        "ada@",
        "@example.com",
        "<>",
        "Ada <>",
        "Ada <ada>",
        "Ada ada@example.com",
        "Ada <ada@example.com",
        "Ada ada@example.com>",
        "Flask, Inc. <ada@example.com>",
        # control characters
        "ada@example.com\n",
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada\r@example.com",
        "ada@example.com\0",
        "ada\x01@example.com",
        "ada@example.com\x7f",
        "ada\t@example.com",
        "ada@exa\u2028mple.com",
        "ad\ud800a@example.com",
        "=?utf-8?q?a=0D=0ABcc=3A_eve=40evil.example?= <ada@example.com>",
        ("Ada\nBcc: eve@evil.example", "ada@example.com"),
        ("Ada\0", "ada@example.com"),
        ("Ada", "ada@example.com\r\nRCPT TO:<eve@evil.example>"),
        ("Ada", "Ada <ada@example.com>"),
        # wrong types
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
def test_all_else_is_refused_by_name(value):
    """What is not exactly one plain mailbox raises, and the error names the field."""
    with pytest.raises(InvalidMessage) as caught:
        parse_address(value, field="reply_to")
    assert caught.value.field == "reply_to"
    assert str(caught.value).isprintable()


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

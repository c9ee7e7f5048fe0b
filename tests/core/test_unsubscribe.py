"""The button to unsubscribe: RFC 2369 and RFC 8058, and what would make it fail."""

from __future__ import annotations

import pytest
from support.mail import assert_sendable, built, parsed

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.unsubscribe import unsubscribe_headers

URL = "https://shop.example/off?who=QWRh&list=a"
POST = "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("value", "header", "one_click"),
    [
        (URL, f"<{URL}>", True),
        ([URL], f"<{URL}>", True),
        (f" {URL} ", f"<{URL}>", True),
        (
            ["mailto:off@shop.example?subject=off", URL],
            f"<{URL}>, <mailto:off@shop.example?subject=off>",
            True,
        ),
        ("mailto:off@shop.example", "<mailto:off@shop.example>", False),
        ("HTTPS://shop.example:8443/%C3%BC(1)", "<https://shop.example:8443/%C3%BC(1)>", True),
        ("https://[2001:db8::1]/u", "<https://[2001:db8::1]/u>", True),
    ],
)
def test_mail_programs_show_a_button(value, header, one_click):
    """The https address comes first and is posted to; mailto: alone is no one-click."""
    message = Message("S", ["a@b.example"], "x", unsubscribe=value)
    rendered = built(message)
    assert_sendable(rendered.content)
    received = parsed(rendered)
    assert received["List-Unsubscribe"] == header
    assert received["List-Unsubscribe-Post"] == (POST if one_click else None)


@pytest.mark.parametrize("value", [None, []])
def test_a_message_without_it_has_no_such_header(value):
    """It is for mail to many."""
    assert b"List-" not in built(Message("S", ["a@b"], "x", unsubscribe=value)).content


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("http://shop.example/off", "no https address"),
        ("ftp://shop.example/off", "no https address"),
        ("javascript:off()", "no https address"),
        ("/off", "no https address"),
        ("", "no https address"),
        ("off@shop.example", "no https address"),
        ("https:///off", "names no host"),
        ("https:off", "names no host"),
        ("https://[::1/off", "names no host"),
        ("https://shop.example:x/off", "names no host"),
        ("https://shop.example/a b", "percent-encoded"),
        ("https://shop.example/a,b", "percent-encoded"),
        ("https://shop.example/<b>", "percent-encoded"),
        ("https://shop.example/ü", "percent-encoded"),
        ("https://bücher.example/", "percent-encoded"),
        ("https://shop.example/\r\nBcc: eve@evil.example", "one line"),
        ("https://shop.example/\0", "one line"),
        ("https://shop.example/" + "x" * 900, "characters long"),
        ("mailto:", "percent-encoded"),
        ("mailto:off", "not an address"),
        ("mailto:a@b.example%2Cc@d.example", "not one address"),
        ([URL, URL], "one https"),
        (["mailto:a@b.example", "mailto:c@d.example"], "one https"),
        (b"https://shop.example", "expected a list"),
        ([1], "expected text"),
    ],
)
def test_what_would_not_work_is_refused(value, why):
    """Before anything is sent, with the argument's name."""
    with pytest.raises(InvalidMessage, match=why) as caught:
        built(Message("S", ["a@b"], "x", unsubscribe=value))
    assert caught.value.field == "unsubscribe"


def test_it_is_given_once():
    """extra_headers still takes the headers as they are, but not beside the argument."""
    for name in ("List-Unsubscribe", "list-unsubscribe-post"):
        headers = {name: f"<{URL}>", "List-Id": "Offers <offers.shop.example>"}
        alone = built(Message("S", ["a@b"], "x", extra_headers=headers))
        assert parsed(alone)["List-Id"] == "Offers <offers.shop.example>"
        assert parsed(alone)[name] == f"<{URL}>"
        with pytest.raises(InvalidMessage, match="give it once"):
            built(Message("S", ["a@b"], "x", extra_headers=headers, unsubscribe=URL))


def test_the_longest_addresses_fit_their_lines():
    """Each stands in a line of its own, below 998."""
    pair = ["https://a.example/" + "x" * 782, "mailto:off@b.example?subject=" + "y" * 771]
    rendered = built(Message("S", ["a@b"], "x", unsubscribe=pair))
    assert_sendable(rendered.content)
    assert parsed(rendered)["List-Unsubscribe"] == unsubscribe_headers(pair)["List-Unsubscribe"]

"""The links of a message as a tester sees them."""

from __future__ import annotations

import time

import pytest

from flask_smtpadmin.core.mail.links import MOST, Link, links


def test_each_address_is_listed_once_in_order() -> None:
    """With its words; entities are resolved; those that stand in the text alone come after."""
    html = (
        '<p><a href="https://shop.example/reset?t=a&amp;u=1"><b>Choose</b>\n a password</a>'
        '<a href="mailto:help@shop.example">Write</a> <a name="top">no link</a>'
        '<a href="https://shop.example/reset?t=a&u=1">again</a>'
        '<a href="/account"><img alt="Account" src="x"></a>'
    )
    text = "Go to https://shop.example/reset?t=a&u=1 or (see https://b.example/x_(y))."
    assert links(html, text) == (
        Link("https://shop.example/reset?t=a&u=1", "Choose a password", "html"),
        Link("mailto:help@shop.example", "Write", "html"),
        Link("/account", "Account", "html"),
        Link("https://b.example/x_(y)", "", "text"),
    )


@pytest.mark.parametrize(
    ("address", "scheme", "host", "opens"),
    [
        ("https://user:pw@Shop.example:8443/x", "https", "shop.example", True),
        ("https://bücher.example/", "https", "xn--bcher-kva.example", True),
        ("HTTP://a.example", "http", "a.example", True),
        ("https:///nowhere", "https", "", False),
        ("javascript:alert(1)", "javascript", "", False),
        ("data:text/html,x", "data", "", False),
        ("mailto:a@b.example", "mailto", "", False),
        ("/account", "", "", False),
        ("//a.example/x", "", "a.example", False),
        ("https://[::1", "", "", False),
    ],
)
def test_what_may_be_opened(address: str, scheme: str, host: str, *, opens: bool) -> None:
    """Web addresses with a host alone, and the host is the one that the browser would ask."""
    (link,) = links(f'<a href="{address}">x</a>', None)
    assert (link.scheme, link.host, link.opens) == (scheme, host, opens)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("See https://a.example/b.", "https://a.example/b"),
        ("<https://a.example/b>", "https://a.example/b"),
        ("[https://a.example/b]!", "https://a.example/b"),
        ("https://a.example/?q=(a)", "https://a.example/?q=(a)"),
    ],
)
def test_the_sentence_around_an_address_is_no_part_of_it(text: str, address: str) -> None:
    """Full stops, brackets and quotation marks are left out, brackets of its own are not."""
    assert [link.address for link in links(None, text)] == [address]


@pytest.mark.parametrize(
    "unit", ["<!", "<a ", "<![", "<a href='", '<a x="', "<!--", "<img ", "<a href=x>", "&#", "a ="]
)
def test_time_grows_with_the_length_alone(unit: str) -> None:
    """HTML that never closes what it opens, a million characters of it, takes no minutes."""
    began = time.monotonic()
    links(unit * (1_000_000 // len(unit)), "https://a" * 100_000)
    assert time.monotonic() - began < 10


def test_no_more_are_listed_than_can_be_read() -> None:
    """One more than the most says that there are others."""
    many = "".join(f"<a href='https://a.example/{n}'>{n}</a>" for n in range(MOST + 50))
    assert len(links(many, "https://b.example")) == MOST + 1


def test_what_is_no_link_of_the_mail_is_left_out() -> None:
    """Comments, attributes within attributes, tags whose name only begins alike."""
    html = (
        "<!-- <a href='https://a.example'>old</a> --><abbr href='https://b.example'>x</abbr>"
        "<a title=\"href='https://c.example'\" href = https://d.example >D <i>and</i> E</a>"
        "<map><area alt='F' href='https://f.example'></map><a href='https://g.example'>never closed"
    )
    assert links(html, None) == (
        Link("https://d.example", "D and E", "html"),
        Link("https://f.example", "F", "html"),
        Link("https://g.example", "never closed", "html"),
    )

"""Style sheets are put into the elements where css-inline is installed; nothing is loaded."""

from __future__ import annotations

import builtins
import socket
import time

import pytest

from flask_smtpadmin.content import inline
from flask_smtpadmin.content.inline import inline_styles

pytestmark = pytest.mark.needs("css_inline")

STYLED = "<style>p{color:red} p{margin:0!important} a:hover{color:blue}</style>"


def page(style: str, body: str) -> str:
    return f"<!DOCTYPE html><html><head>{style}</head><body>{body}</body></html>"


@pytest.fixture
def _no_css_inline(monkeypatch):
    """An interpreter without css-inline."""
    real = builtins.__import__

    def imported(name, *rest):
        if name == "css_inline":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", imported)
    inline._inliner.cache_clear()
    yield
    inline._inliner.cache_clear()


def test_rules_go_into_the_elements_and_what_cannot_stays():
    """The element's own style wins over the sheet's, and ``:hover`` and media queries stay."""
    media = "@media (max-width:600px){p{color:green}}"
    html = inline_styles(
        page(
            f"<style>p{{color:red;margin:0}} a:hover{{color:blue}} {media}</style>",
            '<p style="color:black">x &nbsp;<a href="https://x.example/?a=1&amp;b=2">y</a></p>',
        )
    )
    assert '<p style="margin: 0;color: black' in html
    assert ">x &nbsp;<a" in html
    assert 'href="https://x.example/?a=1&amp;b=2"' in html
    assert "a:hover" in html
    assert media in html
    assert "color: red" not in html


@pytest.mark.usefixtures("_no_css_inline")
def test_without_css_inline_the_html_stays_as_it_is():
    """The package is an extra: the mail goes out with its style sheet."""
    html = page(STYLED, "<p>x")
    assert inline_styles(html) is html


@pytest.mark.parametrize("html", ["", "<p>x</p>", "<p>a <stylet> b", "text, p{color:red}"])
def test_html_without_a_style_sheet_is_not_touched(html):
    """It is not even parsed, so a fragment stays a fragment."""
    assert inline_styles(html) is html


def test_conditions_for_outlook_are_kept():
    """Both forms reach Outlook, in the one that is valid HTML."""
    html = inline_styles(
        page(STYLED, "<!--[if mso]><p>old</p><![endif]--><![if !mso]><p>new</p><![endif]>")
    )
    assert "<!--[if mso]><p>old</p><![endif]-->" in html
    _, _, after = html.partition('<!--[if !mso]><!--><p style="color: red')
    assert after.partition('">new</p>')[2].startswith("<!--<![endif]-->")


def test_nothing_is_loaded(tmp_path):
    """Neither a file nor an address is opened, however a style sheet asks for it."""
    sheet = tmp_path / "sheet.css"
    sheet.write_text("p{color:lime}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/sheet.css"
        for address in (sheet.as_uri(), str(sheet), url):
            html = inline_styles(
                page(
                    f'<link rel="stylesheet" href="{address}"><base href="{url}">'
                    f'<style>@import "{address}"; @import url({address});p{{margin:0}}</style>',
                    "<p>x</p>",
                )
            )
            assert "lime" not in html
            assert '<p style="margin: 0' in html
        with pytest.raises(TimeoutError):
            listener.accept()


BROKEN = [
    "<style>p{color:",
    "<style>}}}{{{</style><p>x",
    "<style>@@@ p:::x{}</style>x",
    "<style>p{color:\0\ufffd}</style>\0",
    "<style>p{background:url(</style><p>x",
    "<style>" + "{" * 10_000,
    "<style>\ud800{}</style>x",
]


@pytest.mark.parametrize("html", BROKEN)
def test_a_broken_style_sheet_loses_no_mail(html):
    """Whatever css-inline makes of it, a text comes back, with the words in it."""
    assert ("x" in inline_styles(html)) == ("x" in html)


def test_what_css_inline_cannot_do_is_logged_and_the_html_kept(caplog, monkeypatch):
    """Even a panic in Rust, which is no Exception."""

    class Panic(BaseException):
        pass

    class Inliner:
        def inline(self, html):
            raise Panic("at the disco")

    monkeypatch.setattr(inline, "_inliner", Inliner)
    html = page(STYLED, "<p>x")
    assert inline_styles(html) is html
    assert caplog.messages == ["The styles of an e-mail stay in its style sheet: at the disco"]


HOSTILE = {
    "deep": STYLED + "<div>" * 300,
    "deep, as if closed": STYLED + "<div></x></p><!-- </div> -->" * 300,
    "deep, as if raw": STYLED + "<b><textarea></b></textarea>" * 300,
    "in svg": STYLED + "<svg><style><g>" * 100_000,
    "in cdata": STYLED + "<g><![CDATA[</g>]]>" * 30_000,
    "not script": STYLED + "<b><noscript></b></noscript>" * 30_000,
    "many": STYLED + "<p>x</p>" * 5_100,
    "slow": "<style>p:has(~b){color:red}</style>" + "<p>x</p>" * 4_900,
    "selectors": "<style>" + ".a,.b{}" * 2_000 + "</style>" + "<p>x</p>" * 4_900,
    "long": "<style>p{background:" + "x" * 10_000 + "}</style>" + "<p>x</p>" * 1_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_be_too_much_is_left_as_it_is(name):
    """Too deep would end the process, too many would take long: both are passed over, quickly."""
    start = time.process_time()
    assert inline_styles(HOSTILE[name]) is HOSTILE[name]
    assert time.process_time() - start < 2


def test_a_large_newsletter_is_within_the_bounds():
    """200 articles in tables of tables with 300 rules."""
    rules = "".join(f".c{n}{{color:#{n:03d}}}" for n in range(300))
    article = "<h2 class=c7>T</h2><p>x</p>"
    for _ in range(2):
        article = f"<table><tr><td>{article}</td></tr></table>"
    html = inline_styles(page(f"<style>{rules}</style>", article * 200))
    assert html.count('<h2 class="c7" style="color: #007') == 200

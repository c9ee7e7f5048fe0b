"""The plain text of HTML: what its reader sees, and nothing else, whatever it is made of."""

from __future__ import annotations

import gc
import time
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.mail import assert_sendable, built

from flask_smtpadmin.core.mail.boxes import plain
from flask_smtpadmin.core.mail.markup import Tag, pieces
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.plain import plain_text

EXAMPLES = {
    # texts and their blocks
    "": "",
    "just words": "just words",
    "  <p> a \n\t b </p>\n": "a b",
    "<p>a</p><p>b</p>": "a\n\nb",
    "<p>a<p>b": "a\n\nb",
    "<p>a</p><p></p><p>&nbsp;</p><br><br><br><p>b</p>": "a\n\nb",
    "<h1>Title</h1>Text<h2>Next</h2><p>More": "Title\n\nText\n\nNext\n\nMore",
    "<div>a</div><div>b</div>": "a\n\nb",
    "a<br>b<br/>c<br><br>d<br></br>e": "a\nb\nc\n\nd\n\ne",
    "a<b>b</b>c <i> d</i> <u>e</u>": "abc d e",
    "a<wbr>b&shy;c&ZeroWidthSpace;d\ufeffe": "abcde",
    "5&nbsp;&nbsp;&euro; &lt;b&gt; &amp;amp; &#233;&#xE9; &nosuch; R&D &copy": (
        "5 € <b> &amp; éé &nosuch; R&D ©"
    ),
    "1 < 2 > 1 <3 </ x> </>y": "1 < 2 > 1 <3 y",
    "&#0;&#55296;&#1114112;&#" + "9" * 5000 + ";": "\ufffd" * 4,
    "<q>Yes</q>, she said": '"Yes", she said',
    "a<hr>b": "a\n\n--------------------\n\nb",
    "<pre>\n a\n   b\n\n\n\tc  </pre>d": " a\n   b\n\n\tc\n\nd",
    "<xmp><b>x</b></xmp>y": "<b>x</b>\n\ny",
    "👩\u200d🚀 خ\u200cب": "👩\u200d🚀 خ\u200cب",
    # links
    '<a href="https://a.example/x">Here</a> it is': "Here (https://a.example/x) it is",
    'See <a href="https://a.example/x"> this </a>.': "See this (https://a.example/x) .",
    'At <a href="https://a.example">https://a.example</a>.': "At https://a.example.",
    'At <a href="http://www.a.example/">A.example</a>.': "At http://www.a.example/.",
    "<p><a href='https://a.example/c'>Confirm</a></p>": "Confirm: https://a.example/c",
    "<p><a href=https://a.example/c>Forgotten?</a></p>": "Forgotten? https://a.example/c",
    '<a href="https://a.example/?a=1&amp;b=2&copy=3&lt=4">x</a>': (
        "x: https://a.example/?a=1&b=2&copy=3&lt=4"
    ),
    '<a href=" https://a.ex\nample/a b ">x</a>': "x: https://a.example/a%20b",
    '<a href="//a.example/x">x</a>': "x: https://a.example/x",
    '<a href="mailto:ada@a.example?subject=x">Ada</a>': "Ada: ada@a.example",
    '<a href="mailto:ada@a.example">ada@a.example</a>': "ada@a.example",
    '<a href="tel:+4930123">Call</a> us': "Call (+4930123) us",
    '<a href="#top">Up</a> <a href="/x">x</a> <a>y</a> <a href="javascript:a()">z</a>': "Up x y z",
    '<a href="https://a.example"><img src="l.png" alt="Logo"></a>': "Logo: https://a.example",
    '<a href="https://a.example"><img src="l.png"></a>': "https://a.example",
    'a <a href="https://a.example">b<a href="https://c.example">c</a>': (
        "a b (https://a.example)c (https://c.example)"
    ),
    '<a href="https://a.example"><div>Go</div></a>': "Go: https://a.example",
    '<a href="https://a.example"><h2>T</h2><p>x</p></a>y': "T\n\nx\n\nhttps://a.example\ny",
    "<td><a href='https://a.example'>x</td>y": "x: https://a.example\ny",
    # pictures
    'a <img src="x.png" alt="a  cat"> b': "a a cat b",
    '<p>a</p><img src="https://t.example/p.gif" width="1"><img alt="">': "a",
    # lists
    "<ul><li>a</li><li>b</li></ul>c": "- a\n- b\n\nc",
    "<p>x</p><ol><li>a<li>b</ol>": "x\n\n1. a\n2. b",
    "<ol start=9><li>a<li>b<li value=3>c<li>d</ol>": "9. a\n10. b\n3. c\n4. d",
    "<ul><li>a<ol><li>b<br>c</ol><li>d</ul>": "- a\n  1. b\n     c\n- d",
    "<ul><li><p>a</p><p>b</p></li><li></li><li>c</li></ul>": "- a\n\n  b\n- c",
    "<ul><li><a href='https://a.example/d'>Docs</a></ul>": "- Docs: https://a.example/d",
    "<li>alone": "- alone",
    "<dl><dt>a<dd>b<dt>c<dd>d</dl>": "a\n  b\nc\n  d",
    # quotations
    "<blockquote>a<blockquote><p>b</blockquote>c</blockquote>d": "> a\n>\n> > b\n>\n> c\n\nd",
    "<blockquote><ul><li>a</ul></blockquote>": "> - a",
    # tables
    "<table><tr><th>Item<th>Price<tr><td>Tea<td>3<tr><td>Milk<td>1</table>": (
        "Item | Price\nTea | 3\nMilk | 1"
    ),
    "<table><caption>C</caption><thead><tr><th>A<th>B<tbody><tr><td>1<td>2<tfoot><tr><td>3<td>4"
    "</table>x": "C\n\nA | B\n1 | 2\n3 | 4\n\nx",
    "<table><tr><th>Total:<td>5<tr><th>Tax<td>1</table>": "Total: 5\nTax: 1",
    "<table><tr><td>&nbsp;<td>a<td><img src=s.gif><tr><td colspan=3>&nbsp;</table>": "a",
    "<table role=presentation><tr><td><h1>T</h1><p>x</p></td></tr><tr><td>y</td></tr></table>": (
        "T\n\nx\n\ny"
    ),
    "<table role=presentation><tr><td>Order<td>12</table>": "Order  12",
    "<table role=none><tr><td><a href=https://a.example/y>Yes</a><td>"
    "<a href=https://a.example/n>No</a></table>": "Yes: https://a.example/y\nNo: https://a.example/n",
    "<table><tr><td><p>a</p><p>b</p><td>c</table>": "a\n\nb\n\nc",
    "<table><tr><td><table><tr><td>a</div></td></tr></table></td></tr></table>b": "a\n\nb",
    "<div><table><tr><td>a</div>b</td><td>c</td></tr></table></div>": "ab | c",
    "<table>stray<tr><td>a</table>": "stray\n\na",
    "<table>[for]<tr>[if]<td>a</td>[else] <td>b</td> [end]</tr>[next]</table>": (
        "[for]\n[if]a | [else]b[end]\n[next]"
    ),
    "<table><tr>[if]<td></td>[end]<td>a<tr>[x]</table>": "[if] | [end]a\n\n[x]",
    "<td>no<td>table": "no\ntable",
    # what nobody sees
    "<html><head><title>T</title><style>p{}</style></head><body>a</body></html>": "a",
    "<title>T</title><meta x>a": "a",
    "<head><title>T</title><p>a": "a",
    "<head>a": "a",
    "<!-- a > b -->c<!--[if mso]><p>d</p><![endif]-->e<!--->f<!-->g<!-- <!-- --!>h": "cefgh",
    "<![if !mso]>a<![endif]><!--[if !mso]><!-->b<!--<![endif]-->": "ab",
    "<!doctype html><?xml x?>a<script>if (a < b) '</p>'</script><SCRIPT>x</Script >b": "ab",
    "<noscript>a</noscript><select><option>b</select><textarea>c</textarea><iframe>d</iframe>": "a",
    '<div style="display:none;font-size:1px">Preview &zwnj;&nbsp;</div>a': "a",
    '<span style="color:red; DISPLAY : none !important"><b>x</b></span>a': "a",
    '<p style="visibility:hidden">x<p>a': "a",
    '<div style="max-height:0;overflow:hidden">x</div>a<p style="max-height:0.5em">b': "a\n\nb",
    '<p hidden>x</p>a<br><img hidden alt="b">': "a",
    "<style>.pre, td.off{display:none}/*.a{display:none}*/.a{color:red}"
    "@media print{.m{display:none}}</style><p class='x pre'>x</p><b>a<p class=m>m": "a\n\nm",
    "<p>a</p><div>&#847;&zwnj;&nbsp;&#8199;&#65279;&#847; &lrm;</div><p>b": "a\n\nb",
}


@pytest.mark.parametrize("html", EXAMPLES)
def test_html_is_laid_out_as_text(html):
    """Each kind of element, well formed and as old mails write it."""
    assert plain_text(html) == EXAMPLES[html]


MAIL = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Order 12</title>
<style>@media (max-width:600px){.col{display:block!important}}
.preheader{display:none!important}</style>
<!--[if mso]><xml><o:OfficeDocumentSettings/></xml><![endif]--></head><body style="margin:0">
<span class="preheader">Your tea is on its way &#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;</span>
<table role="presentation" width="100%"><tr><td>&nbsp;</td><td align="center" style="font-size:0px">
<table role="presentation"><tr><td><a href="https://tea.example"><img src="cid:logo"
alt="Tea &amp; Co"></a></td></tr><tr><td><h1>Thanks, Ada!</h1>
<p>We have sent order <strong>12</strong>.<br>
It arrives on <em>Monday</em>.</p><table role="presentation"><tr><td class="button">
<a href="https://tea.example/o/12?a=1&amp;b=2" style="color:#fff">Follow the parcel</a>
</td></tr></table><table width="100%"><tr><th align="left">Item</th><th>Price</th></tr>
<tr><td>Green tea</td><td align="right">&euro;&nbsp;4.00</td></tr>
<tr><th>Total</th><td>&euro; 4.00</td></tr></table></td></tr></table></td><td>&nbsp;</td></tr>
<tr><td colspan="3"><p>Questions?
<a href="mailto:help@tea.example">Write to us</a>, or read
<a href="https://tea.example/faq">the answers</a>.</p></td></tr></table>
<img src="https://tea.example/t.gif" width="1" height="1" alt=""></body></html>"""

TEXT = """Tea & Co: https://tea.example

Thanks, Ada!

We have sent order 12.
It arrives on Monday.

Follow the parcel: https://tea.example/o/12?a=1&b=2

Item | Price
Green tea | € 4.00
Total: € 4.00

Questions? Write to us (help@tea.example), or read the answers (https://tea.example/faq)."""


def test_a_whole_mail_reads_as_if_somebody_had_written_it():
    """Tables that only lay out, the preview, styles and the counting pixel leave no trace."""
    assert plain_text(MAIL) == TEXT


NAMES = [
    "p",
    "b",
    "div",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "th",
    "blockquote",
    "q",
    "dl",
    "dd",
]
PIECES = st.sampled_from(
    [
        *(
            "a",
            "ä",
            " ",
            "\n",
            "\t",
            "&nbsp;",
            "\u200d",
            "💌",
            "<br>",
            "</br>",
            "<hr>",
            "<",
            ">",
            "&",
        ),
        *("<!--", "-->", "<![if x]>", "<style>", "</style>", "<pre>", "</pre>", "<xmp>", "<title>"),
        *("<a href='https://x.example/y'>", "<a>", "</a>", "<img alt='i'>", "<p hidden>", "<head>"),
        *(f"<{name}>" for name in NAMES),
        *(f"</{name}>" for name in NAMES),
    ]
)
SOUP = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


@given(SOUP)
@settings(max_examples=500)
def test_no_html_leaves_more_than_one_blank_line(html):
    """Whatever comes in: no blanks at the ends, one blank line at most, no controls."""
    text = plain_text(html)
    assert "\n\n\n" not in text
    assert text == "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    assert all(char in "\n\t" or char >= " " for char in text)


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.sampled_from(["p", "li", "td", "b"]))
@settings(max_examples=200)
def test_any_text_that_was_escaped_is_read_back(words, element):
    """Escaping a value and making a text of the HTML gives the value, its blanks collapsed."""
    text = plain_text(f"<{element}>{escape(words)}</{element}>")
    assert text.removeprefix("- ") == plain(words).removeprefix("- ")
    assert plain_text(escape(words)) == plain(words)


@given(SOUP)
@settings(max_examples=100)
def test_the_text_can_always_be_sent(html):
    """It goes through the encoder like any other: no line is too long."""
    text = plain_text(html * 40)
    assert_sendable(built(Message("S", ["a@b.example"], text, html or "x")).content)


WELL_FORMED = st.recursive(
    st.text("ab <&é\"'", max_size=8).map(escape),
    lambda inner: st.builds(
        '<{0} title="{1}" x={2}>{3}</{0}>'.format,
        st.sampled_from(["p", "B", "td", "a"]),
        st.text("a <>&'é", max_size=6).map(escape),
        st.from_regex("[a-z0-9]{1,4}", fullmatch=True),
        st.lists(inner, max_size=3).map("<!-- c --><br>".join),
    ),
    max_leaves=12,
)


class Library(HTMLParser):
    """The standard library's reading, in the same words."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):  # noqa: D102 - the library's
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):  # noqa: D102 - the library's
        self.seen.append((tag, "end"))

    def handle_data(self, data):  # noqa: D102 - the library's
        self.seen.append(data)


@given(WELL_FORMED)
@settings(max_examples=200)
def test_well_formed_html_is_read_as_the_standard_library_reads_it(html):
    """A differential test: the same tags, attributes and texts, in the same order."""
    library = Library()
    library.feed(html)
    library.close()
    ours = [
        piece if isinstance(piece, str) else (piece.name, "end" if piece.end else piece.attributes)
        for piece in pieces(html)
    ]
    assert joined(ours) == joined(library.seen)


def joined(seen):
    """Join texts that follow each other."""
    result = []
    for piece in seen:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] += piece
        else:
            result.append(piece)
    return result


def test_an_attribute_counts_once_and_may_have_no_quotes():
    """The first of two counts, as in browsers; a quote within a bare value is a part of it."""
    (tag,) = pieces('<A Href=it\'s HREF=x disabled title = "a>b" / =y>')
    assert tag == Tag("a", {"href": "it's", "disabled": "", "title": "a>b", "=y": ""})


HOSTILE = [
    *(
        "<b>",
        "<div><span>",
        "<blockquote>x",
        "<ul><li>",
        "<table><tr><td>",
        "<td>",
        "<table>",
        "<table><tr>x",
        "<dd>",
    ),
    *("<!--", "<", "</", "<!", "<?", '<a "', "<p a='", "<a =", "<a b ", "&", "&#9", "&#x", "&a"),
    *(
        "</p>",
        "<b></i>",
        "</table>",
        "<tr></td>",
        "<p hidden>",
        "<style>",
        "<title>",
        "<xmp>",
        "<pre>\n",
    ),
    *(
        "<a href=http://x>",
        "<a href=http://x>y",
        "<a href=http://x><p>",
        "<br>",
        "<q>",
        "\u200c",
        "\xa0 ",
    ),
    *(
        "<style>a{",
        "<style>{}",
        "<style>/*",
        "<p style='display:",
        "<p class='a ",
        "<ol start=9>",
        "<li>x",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_grows_with_the_length_alone(piece):
    """Ten times as much of what is never closed takes far less than a hundred times as long.

    A busy machine may make one look seem long, never each of five.
    """
    gc.disable()  # what it goes through grows with all that the process holds
    try:
        assert any(_grows_with_the_length(piece) for _ in range(5))
    finally:
        gc.enable()


def _grows_with_the_length(piece):
    spent = []
    for times in (2_000, 20_000):
        start = time.process_time()
        text = plain_text(piece * times + "</b></a></i></table></blockquote></div>" * 10)
        spent.append(time.process_time() - start)
    assert len(text) < 100 * len(piece) * 20_000
    return spent[1] < 40 * max(spent[0], 0.01)


def test_elements_may_be_nested_100000_deep():
    """Nothing recurses, and what is innermost is still there."""
    text = plain_text("<div><blockquote>" * 50_000 + "here" + "</blockquote></div>" * 50_000)
    assert text.endswith("here")
    assert len(plain_text("<table><tr>" + "x<b>" * 100_000)) == 100_000

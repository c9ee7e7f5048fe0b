"""No link of a mail runs something, whatever the value is that it is made of."""

from __future__ import annotations

import pytest

from flask_smtpadmin.content.links import without_unsafe_links


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " \tjavascript:alert(1)",
        "java\nscript:alert(1)",
        "&#106;avascript:alert(1)",
        "javascript&colon;alert(1)",
        "java&Tab;script&#58;alert(1)",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "file:///etc/passwd",
        "blob:x",
    ],
)
def test_an_address_that_could_run_something_is_taken_away(address: str) -> None:
    """The words of the link stay, and lead nowhere."""
    quoted = address.replace('"', "&quot;")
    safe = without_unsafe_links(f'<a class="b" href="{quoted}">x</a>')
    assert safe.replace("\n", "") == '<a class="b">x</a>'
    assert "href" not in without_unsafe_links(f'{{{{ <!-- <a\nhref="{quoted}">x</a> -->')


@pytest.mark.parametrize(
    "tag",
    [
        '<a href="https://tidepool.example/a?b=c:d">',
        '<a href="mailto:ada@tidepool.example">',
        '<a href="tel:+4940123">',
        '<a href="#top">',
        '<a href="/a:b">',
        '<img src="cid:logo">',
        '<img src="data:image/png;base64,AAAA">',
    ],
)
def test_pages_mailboxes_telephones_and_parts_of_the_mail_stay(tag: str) -> None:
    """What a mail links to is left exactly as it is."""
    assert without_unsafe_links(tag) == tag

"""No link of a mail runs something, whatever the value is that it is made of."""

from __future__ import annotations

import pytest

from flask_smtpadmin.content.links import guarded
from flask_smtpadmin.content.sandbox import compile_template
from flask_smtpadmin.core.errors import TemplateError

HOSTILE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " \tjavascript:alert(1)",
    "java\nscript:alert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "file:///etc/passwd",
    "blob:x",
    "\u200bjavascript:x",
]
WRITTEN = ["&#106;avascript:alert(1)", "javascript&colon;alert(1)", "java&Tab;script&#58;alert(1)"]


def rendered(source: str, **values: str) -> str:
    """Return what becomes of a template."""
    program = compile_template(guarded(source), variables=[*values, "x", "y"], html=True)
    return program.render(values)


@pytest.mark.parametrize("address", HOSTILE)
def test_a_value_that_could_run_something_leads_nowhere(address: str) -> None:
    """In every attribute and every way to write it, in comments for old programs, too."""
    for tag in (
        '<a href="{{ x }}">',
        "<a href='{{- x -}}'>",
        "<a\nclass=b href={{x}}>",
        '<A HREF="{{ x if x else y }}">',
        '<!--[if mso]><v:roundrect href="{{ x|trim }}"><![endif]-->',
        '<img src="{{ x }}">',
    ):
        assert address.strip() not in rendered(tag, x=address, y="")
        assert "#" in rendered(tag, x=address, y="")


@pytest.mark.parametrize("address", [*HOSTILE, *WRITTEN])
def test_an_address_in_the_template_that_could_run_something_is_refused(address: str) -> None:
    """The error names the line."""
    quoted = address.replace('"', "&quot;")
    with pytest.raises(TemplateError, match="cannot be the address") as caught:
        guarded(f'<p>\n{{{{ x }}}}</p>\n<a class="b" href="{quoted}">x</a>')
    assert caught.value.line == 3


@pytest.mark.parametrize(
    "address",
    [
        "java{{ x }}",
        "{{ x }}{{ y }}",
        "{{ x }}script:y",
        "{% if x %}{{ x }}{% endif %}",
        "&#106;ava{{ x }}",
        "{# #}{{ x }}",
    ],
)
def test_an_address_that_nobody_can_judge_is_refused(address: str) -> None:
    """Two values could make a scheme together."""
    with pytest.raises(TemplateError):
        guarded(f'<a href="{address}">')


@pytest.mark.parametrize(
    "address",
    [
        "https://tidepool.example/a?b=c:d",
        "mailto:ada@tidepool.example",
        "tel:+4940123",
        "#top",
        "/a:b",
    ],
)
def test_pages_mailboxes_telephones_and_parts_of_the_mail_stay(address: str) -> None:
    """Written or as a value, with more behind it."""
    assert rendered(f'<a href="{address}">') == f'<a href="{address}">'
    assert rendered('<a href="{{ x }}">', x=address) == f'<a href="{address}">'
    assert rendered('<a href="{{ x }}/{{ y }}">', x=address, y="z:") == f'<a href="{address}/z:">'
    assert rendered('<a href="https://a.example/{{ x }}{% if y %}?{% endif %}">', x=":", y="") == (
        '<a href="https://a.example/:">'
    )
    assert "data:image/png;base64,AAAA" in rendered('<img src="data:image/png;base64,AAAA">')

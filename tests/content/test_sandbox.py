"""The template language: what templates of e-mails may say, and what is said where they err."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from markupsafe import Markup

from flask_smtpadmin.content import fuel
from flask_smtpadmin.content.filters import FILTERS, TESTS
from flask_smtpadmin.content.sandbox import check_source, compile_template
from flask_smtpadmin.core.errors import SMTPAdminError, TemplateError


class Level(IntEnum):
    """A number with a name."""

    HIGH = 7


VALUES: dict[str, Any] = {
    "name": "<Ada>",
    "count": 3,
    "price": Decimal("1234.5"),
    "rate": 2.675,
    "rows": [{"title": "a", "hits": 1}, {"title": "b", "hits": 2}],
    "order": {"total": 9.5, "items": "two", 1: "one", "_secret": "x"},
    "at": datetime(2026, 1, 5, 14, 3, tzinfo=UTC),
    "day": date(2026, 1, 5),
    "hour": time(0, 7),
    "html": Markup("<b>x</b>"),
    "none": None,
    "empty": "",
    "no": False,
    "level": Level.HIGH,
    "pair": ("k", "v"),
    "lines": "a\n<b",
    "story": "the quick brown fox",
}


def rendered(source: str, *, html: bool = True, part: str = "", **values: object) -> str:
    """Return what becomes of a template with the usual values and some more."""
    program = compile_template(source, variables={**VALUES, **values}, html=html, part=part)
    return program.render({**VALUES, **values})


SAYS = [
    ("Hello {{ name }}!", "Hello &lt;Ada&gt;!"),
    ("{{ html }}{{ html ~ name }}", "<b>x</b><b>x</b>&lt;Ada&gt;"),
    ("{{ none }}{{ empty }}{{ 'a' if no }}", ""),
    ("{{ order.total }} {{ order['items'] }} {{ order[1] }} {{ order.items }}", "9.5 two one two"),
    ("{{ rows[0].title }}{{ rows[-1].title }}{{ name[1] }}{{ pair[0] }}", "abAk"),
    ("{{ rows[1:]|length }}{{ rows[:5]|length }}{{ story[4:9] }}", "12quick"),
    ("{% if count > 2 and not no %}many{% elif count %}few{% else %}none{% endif %}", "many"),
    ("{% for r in rows %}{{ loop.index }}{{ r.title }}{% else %}-{% endfor %}", "1a2b"),
    ("{% for r in rows if r.hits > 1 %}{{ r.title }}{{ loop.length }}{% endfor %}", "b1"),
    ("{% for r in rows[5:] %}x{% else %}none{% endfor %}", "none"),
    ("{% for r in rows %}{{ r.title }}{{ ', ' if not loop.last }}{% endfor %}", "a, b"),
    ("{% for k, v in rows[0]|items %}{{ k }}={{ v }} {% endfor %}", "title=a hits=1 "),
    ("{% for key in rows[0] %}{{ key }} {% endfor %}", "title hits "),
    ("{% for a in rows %}{% for b in rows %}{{ b.hits }}{% endfor %};{% endfor %}", "12;12;"),
    ("{% set who = name|upper %}{{ who }} {{ who }}", "&lt;ADA&gt; &lt;ADA&gt;"),
    ("{% set x = 1 %}{% for r in rows %}{% set x = 2 %}{% endfor %}{{ x }}", "1"),
    ("{{ count + 1 }} {{ count * 2 - 1 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ count / 2 }}", "4 5 3 3 1.5"),
    ("{{ price * 2 }} {{ price + 0.1 }} {{ -price }} {{ +count }}", "2469.0 1234.6 -1234.5 3"),
    ("{{ price / 7000 }} {{ (-price)|abs }}", "0.1763571428571428571428571429 1234.5"),
    ("{{ 'a' + 'b' ~ 1 }}", "ab1"),
    ("{{ count in [1, 3] }} {{ 'x' not in story }} {{ 'total' in order }}", "True False True"),
    (
        "{{ count == 3 }}{{ 1 != 2 }}{{ day < day }}{{ 1 <= 2 }}{{ 2 >= 3 }}",
        "TrueTrueFalseTrueFalse",
    ),
    ("{{ level }} {{ level + 1 }}", "7 8"),
    ("{% raw %}{{ x }}{% endraw %}{# not shown #}", "{{ x }}"),
    ("{{ price }} {{ rate }} {{ day }} {{ hour }}", "1234.5 2.675 2026-01-05 00:07:00"),
    ("{{ (1, 2)|length }}", "2"),
]


@pytest.mark.parametrize(("source", "text"), SAYS)
def test_what_a_template_says(source: str, text: str) -> None:
    """Values, choices, loops, names and reckoning come out as written."""
    assert rendered(source) == text


FILTERED = {
    "abs": ("{{ -3|abs }}{{ (-3)|abs }}", "33"),
    "capitalize": ("{{ 'aDA'|capitalize }}", "Ada"),
    "count": ("{{ rows|count }}", "2"),
    "d": ("{{ empty|d('you') }}", "you"),
    "date": (
        "{{ at|date }} {{ day|date('%A %-d %B %y, %a %b %%') }}",
        "2026-01-05 Monday 5 January 26, Mon Jan %",
    ),
    "default": ("{{ none|default('you') }}{{ 0|default(1) }}{{ 0|default(1, true) }}", "you01"),
    "e": ("{{ name|e }}", "&lt;Ada&gt;"),
    "escape": ("{{ (name|escape)|escape }}", "&lt;Ada&gt;"),
    "first": ("{{ [5, 6]|first }}{{ 'ab'|first }}{{ []|first|default('-') }}", "5a-"),
    "items": ("{{ rows[0]|items|length }}", "2"),
    "join": ("{{ [1, name, html]|join('<') }}", "1&lt;&lt;Ada&gt;&lt;<b>x</b>"),
    "last": ("{{ [5, 6]|last }}", "6"),
    "length": ("{{ story|length }}", "19"),
    "link": ("{{ 'javascript:x'|link }}{{ 'https://x'|link }}", "#https://x"),
    "lower": ("{{ 'ADA'|lower }}", "ada"),
    "nl2br": ("{{ lines|nl2br }}", "a<br>\n&lt;b"),
    "number": (
        "{{ price|number(2) }} {{ 1234567|number(0, ',', '.') }} {{ 2.675|number(2) }}",
        "1,234.50 1.234.567 2.68",
    ),
    "plural": ("{{ count|plural('mail', 'mails') }} {{ 1|plural('mail', 'mails') }}", "mails mail"),
    "replace": ("{{ name|replace('A', 'O') }}", "&lt;Oda&gt;"),
    "reverse": ("{{ [1, 2]|reverse|join }}", "21"),
    "round": ("{{ rate|round(2) }} {{ 2.5|round }} {{ price|round(1) }}", "2.68 3 1234.5"),
    "time": (
        "{{ at|time }} {{ hour|time('%-H:%M:%S') }} {{ at|time('%I %p') }}",
        "14:03 0:07:00 02 PM",
    ),
    "title": (
        "{{ 'ada de LOVELACE'|title }} {{ 'o\\'neil-smith'|title }}",
        "Ada De Lovelace O&#39;neil-Smith",
    ),
    "trim": ("{{ '  a '|trim }}", "a"),
    "truncate": (
        "{{ story|truncate(10) }} {{ story|truncate(3, '') }} {{ 'ab'|truncate(2) }}",
        "the quick… the ab",
    ),
    "upper": ("{{ 'ada'|upper }}", "ADA"),
    "urlencode": ("{{ 'a b/ü&'|urlencode }}", "a%20b%2F%C3%BC%26"),
    "wordcount": ("{{ story|wordcount }}", "4"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter(name: str) -> None:
    """Every filter does what the reference says."""
    source, text = FILTERED[name]
    assert rendered(source) == text


TESTED = {
    "boolean": ("no", "count"),
    "defined": ("name", "order.nope"),
    "divisibleby(2)": ("4", "count"),
    "eq(3)": ("count", "4"),
    "equalto(3)": ("count", "4"),
    "even": ("2", "count"),
    "false": ("no", "empty"),
    "ge(3)": ("count", "2"),
    "gt(2)": ("count", "2"),
    "in([3])": ("count", "name"),
    "le(3)": ("count", "4"),
    "lt(4)": ("count", "4"),
    "mapping": ("order", "rows"),
    "ne(3)": ("4", "count"),
    "none": ("none", "no"),
    "number": ("price", "name"),
    "odd": ("count", "2"),
    "sequence": ("rows", "name"),
    "string": ("name", "count"),
    "true": ("true", "1"),
    "undefined": ("order.nope", "name"),
}


def test_each_test() -> None:
    """Every test holds for the one value and not for the other, and none is left out here."""
    assert {it.partition("(")[0] for it in TESTED} == set(TESTS)
    for test, (holds, fails) in TESTED.items():
        assert rendered(f"{{{{ ({holds}) is {test} }}}}") == "True", test
        assert rendered(f"{{{{ ({fails}) is not {test} }}}}") == "True", test


WRONG = [
    ("\n{{ nmae }}", 2, "nmae", "Is `name` meant"),
    ("{{ zzz }}", 1, "zzz", "This mail has `at`"),
    ("a\n\n{{ order.nope }}", 3, "order", "`order.nope` has no value"),
    ("{{ order.nope.more }}", 1, "order", "`order.nope` has no value"),
    ("{% if order.nope %}{% endif %}", 1, "order", "default"),
    ("{{ name.first }}", 1, "name", "not a group"),
    ("{{ name.upper() }}", 1, "name", r"Write `name\|upper`"),
    ("{{ order.items() }}", 1, "order", r"Write `order\|items`"),
    ("{{ rows }}", 1, "rows", "in a loop"),
    ("{% for a in name %}{% endfor %}", 1, None, "takes a list, and this is text"),
    ("{% for a, b in rows %}{% endfor %}", 1, "rows", "2 names"),
    ("{% for r in rows %}{% endfor %}\n{{ r }}", 2, "r", "no variable `r`"),
    ("{{ name|uper }}", 1, None, "Is `upper` meant"),
    ("{{ name|safe }}", 1, None, "always escaped"),
    ("{{ name|replace('a') }}", 1, None, r"`replace\(old, new\)`"),
    ("{{ name|upper(1) }}", 1, None, "nothing in brackets"),
    ("{{ name is uper }}", 1, None, "There are `boolean`"),
    ("{{ count + name }}", 1, None, "takes numbers, and this is text"),
    ("{{ count < name }}", 1, None, "cannot compare"),
    ("{{ 1 < 2 < 3 }}", 1, None, "two values at a time"),
    ("{{ 1 / 0 }}", 1, None, "no result"),
    ("{{ at|date('%Q') }}", 1, None, "knows no %Q"),
    ("{{ day|time }}", 1, None, "a date or a time"),
    ("{{ html|upper }}", 1, None, "ready-made HTML"),
    ("{{ loop.index }}", 1, "loop", "Inside a loop"),
    ("{% for r in rows %}{{ loop.previtem }}{% endfor %}", 1, "loop", "Inside a loop"),
    ("{{ name.__class__ }}", 1, "name", "out of reach"),
    ("{{ order._secret }}", 1, "order", "out of reach"),
    ("{{ order['_secret'] }}", 1, "order", "out of reach"),
    ("{{ order['_' ~ 'secret'] }}", 1, "order", "out of reach"),
    ("{% for a in rows %}" * 5 + "{% endfor %}" * 5, 1, None, "loops may 4 deep"),
    ("{% for a in rows %}{% endfor %}" * 51, 1, None, "and 50 loops"),
    ("{% set a, b = pair %}", 1, None, "one name at a time"),
    ("{{ rows[::2] }}", 1, None, "a start and an end"),
    ("{% include 'a' %}", 1, None, "`include` is not part"),
    ("\n{% foo %}", 2, None, "unknown tag"),
    ("{{ name", 1, None, "cannot be read"),
    ("{% if name %}", 1, None, "cannot be read"),
]


@pytest.mark.parametrize(("source", "line", "variable", "says"), WRONG)
def test_what_is_said_of_a_mistake(source: str, line: int, variable: str | None, says: str) -> None:
    """The part, the line and the variable are named, and what to do is said."""
    with pytest.raises(TemplateError, match=says) as caught:
        rendered(source, part="html")
    error = caught.value
    assert (error.part, error.line, error.variable) == ("html", line, variable)
    assert str(error) == f"html, line {line}: {error.reason}"
    assert isinstance(error, SMTPAdminError)


def test_a_value_that_is_missing() -> None:
    """A declared variable without a value is an error where it is used, and only there."""
    program = compile_template(
        "{{ a is defined }}{{ a|default('-') }}{% if b %}{{ a }}{% endif %}",
        variables=["a", "b"],
        html=True,
    )
    assert program.variables == {"a", "b"}
    assert program.render({"b": False}) == "False-"
    with pytest.raises(TemplateError, match="`a` has no value") as caught:
        program.render({"b": True})
    assert caught.value.variable == "a"


def test_a_name_that_was_not_reached() -> None:
    """A name given in a branch that is not taken has no value, whatever is handed over."""
    source = "{% if no %}{% set extra = 1 %}{% endif %}{{ extra|default('-') }}"
    program = compile_template(source, variables=["no"], html=True)
    assert program.render({"no": False, "extra": "theirs"}) == "-"
    assert program.render({"no": True}) == "1"


def test_a_subject_is_one_line() -> None:
    """Line breaks, control characters and halves of letters become a space; it is cut at 255."""
    text = rendered("{{ given }}\n", html=False, part="subject", given=" a\r\n b\x00\x85c\ud800 d ")
    assert text == "a b c d"
    long = rendered("{{ given }}", html=False, part="subject", given="x" * 300)
    assert long == "x" * (fuel.SUBJECT - 1) + "…"


def test_plain_text_is_not_escaped() -> None:
    """In a plain text values stand as they are, and HTML as its source."""
    assert rendered("{{ name }} {{ html }} {{ lines|nl2br }}", html=False) == "<Ada> <b>x</b> a\n<b"
    assert rendered("{{ name|e }}", html=False) == "&lt;Ada&gt;"


def test_values_are_bounded() -> None:
    """Lists that are too long or too deep and numbers that are too large are refused by name."""
    deep: list[Any] = []
    for _ in range(fuel.VALUE_DEPTH):
        deep = [deep]
    for value in (list(range(fuel.ITEMS + 1)), deep, 10**fuel.DIGITS, Decimal("1E+99")):
        with pytest.raises(TemplateError) as caught:
            rendered("{{ given is defined }}", given=value)
        assert caught.value.variable in {"given", None}
    assert rendered("{{ given|length }}", given=list(range(fuel.ITEMS))) == str(fuel.ITEMS)


def test_a_source_can_be_measured_alone() -> None:
    """What is too large or never ends is refused before anything else looks at it."""
    check_source("{{ whatever }} <p>", part="html")
    for source in ("{{" * 10, "{% if x %}", "x" * (fuel.SOURCE_BYTES + 1)):
        with pytest.raises(TemplateError) as caught:
            check_source(source, part="html")
        assert caught.value.part == "html"

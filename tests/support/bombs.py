"""Templates that are made to cost much, and the largest ones that are allowed.

``BOMBS`` must be refused, ``LARGEST`` must not; both within 2 s of the processor's time and 5 MB.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from support.escapes import VALUES as PLAIN

VALUES: Final[dict[str, Any]] = {
    **PLAIN,
    "price": Decimal("1.5"),
    "rows": list(range(200)),
    "words": ["😀"] * 5_000,
    "long": "x" * 200_000,
    "signs": "&" * 100_000,
    "wide_signs": "&" * 249_000 + "😀",
    "wide": "😀" * 100_000,
    "greek": "ΐ" * 150_000,
    "spaced": "ab " * 160_000,
    "large": 1e308,
    "keys": {str(key): key for key in range(2_000)},
}


def _loops(body: str, depth: int = 2) -> str:
    begin = "".join(f"{{% for r{at} in rows %}}" for at in range(depth))
    return begin + body + "{% endfor %}" * depth


def _doubled(first: str, again: str, times: int = 28) -> str:
    return f"{{% set x = {first} %}}{{% set y = {first} %}}" + again * times


_LISTS: Final = _doubled("[1]", "{% set x = [x, x] %}{% set y = [y, y] %}")

BOMBS: Final = [
    # Loops.
    ("loops in loops", _loops("{{ r0 }}", 3)),
    ("loops that write nothing", _loops("", 4)),
    ("loops too deep", _loops("x", 5)),
    ("loops over text", "{% for a in long %}{% for b in long %}x{% endfor %}{% endfor %}"),
    ("a loop that calls itself", "{% for a in rows recursive %}{{ loop(rows) }}{% endfor %}"),
    ("a loop with a test", "{% for a in rows if a is odd %}" + _loops("{{ a }}") + "{% endfor %}"),
    (
        "what stands in for empty loops",
        "{% for a in words %}{% for b in [] %}{% else %}"
        + "{% if count == a %}{% endif %}" * 90
        + "{% endfor %}{% endfor %}",
    ),
    ("dates in loops", _loops("{{ at|date('%A, %d %B %Y') }}")),
    ("numbers in loops", _loops("{{ price|number(2) }}")),
    ("reckoning in loops", _loops("{% set z = price / 7 * r1 %}")),
    ("comparing long texts", _loops("{% if long == signs %}{% endif %}")),
    ("searching long texts", _loops("{% if 'xy' in long %}{% endif %}")),
    ("searching long lists", _loops("{% if long in words %}{% endif %}")),
    ("lists cut in loops", _loops("{% set z = words[1:] %}")),
    ("pairs in loops", _loops("{% set z = keys|items %}")),
    ("a thousand loops", "{% for a in rows %}{% else %}{% endfor %}" * 1_000),
    # Text that grows.
    ("text times a number", "{{ 'a' * 10**8 }}"),
    ("text times a written number", "{{ 'a' * 100000000 }}"),
    ("a list times a number", "{{ [1] * 100000000 }}"),
    ("text doubled", _doubled("'aaaaaaaaaa'", "{% set x = x ~ x %}")),
    ("text doubled by +", _doubled("'aaaaaaaaaa'", "{% set x = x + x %}")),
    ("wide text doubled", _doubled("wide", "{% set x = x ~ x %}")),
    ("lists doubled and shown", _LISTS + "{{ x }}"),
    ("lists doubled and compared", _LISTS + "{{ x == y }}"),
    ("lists doubled and searched", _LISTS + "{{ x in y }}"),
    ("lists doubled and joined", _LISTS + "{{ x|join }}"),
    ("lists doubled as a key", _LISTS + "{{ keys[x] }}"),
    ("lists doubled by +", _doubled("rows", "{% set x = x + x %}")),
    ("dicts doubled", _doubled("{'a': 1}", "{% set x = {'a': x, 'b': x} %}")),
    ("center", "{{ 'a'|center(30000000) }}"),
    ("a width in %", "{{ '%1000000000d' % 1 }}"),
    ("a width in format", "{{ '{:>1000000000}'.format(1) }}"),
    ("a width in a date", "{{ at|date('%1000000000d') }}"),
    ("a width in indent", "{{ name|indent(100000000) }}"),
    ("a long date", "{{ at|date(long) }}"),
    ("a long end", "{{ name|truncate(1, long) }}"),
    ("a long truncate", "{{ name|truncate(99999999999999999999) }}"),
    ("joined by long text", "{{ rows|join(long) }}"),
    ("replaced by long text", "{{ long|replace('x', long) }}"),
    ("replaced again and again", "{% set x = 'aa' %}" + "{% set x = x|replace('a', x) %}" * 20),
    ("replaced nothing", "{{ long|replace('', long) }}"),
    ("escaping", "{{ signs }}{{ signs }}"),
    ("escaping wide text", "{{ wide_signs }}"),
    ("escaping by filter", "{{ (signs ~ signs)|e }}"),
    ("escaping when joined", "{{ [signs, signs, html]|join(signs) }}"),
    ("line breaks", "{{ (signs ~ signs)|nl2br }}"),
    ("letters that become three", "{{ greek|upper }}"),
    ("address encoding", "{{ wide|urlencode }}"),
    ("a long title", "{{ spaced|title }}"),
    ("urlize", "{{ long|urlize }}"),
    ("wordwrap", "{{ long|wordwrap(1) }}"),
    ("striptags", "{{ long|striptags }}"),
    ("batch", "{{ rows|batch(100000000, '-')|list }}"),
    ("slice", "{{ rows|slice(100000000)|list }}"),
    ("sort by attribute", "{{ rows|sort(attribute='real') }}"),
    ("unescape", "{{ signs|forceescape|unescape }}"),
    ("string and length", _loops("{{ long|string|length }}")),
    ("lipsum", "{{ lipsum(n=100000) }}"),
    ("range", "{% for i in range(100000000) %}x{% endfor %}"),
    # Numbers.
    ("powers", "{{ 9**9**9 }}"),
    ("powers of ten", "{{ 10**9 }}"),
    ("a long number", "{{ " + "9" * 100_000 + " }}"),
    ("a long number with lines", "{{ " + "9_" * 90_000 + "9 }}"),
    ("a number of 4,000 digits", "{{ " + "9" * 4_000 + " }}"),
    ("an endless number", "{{ 1e999 }}"),
    ("a product", "{{ " + "*".join(["9999999999"] * 30) + " }}"),
    ("numbers doubled", _doubled("9", "{% set x = x * x %}") + "{{ x }}"),
    ("a large number rounded", "{{ large|round }}"),
    ("a large number in groups", "{{ large|number(10) }}"),
    ("nothing divided by nothing", "{{ 0 / 0 }}"),
    # Templates that are hard to read.
    ("brackets", "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}"),
    ("500 brackets", "{{ " + "(" * 500 + "1" + ")" * 500 + " }}"),
    ("lists in lists", "{{ " + "[" * 500 + "]" * 500 + " }}"),
    ("ifs in ifs", "{% if count %}" * 500 + "{% endif %}" * 500),
    ("loops in loops in loops", "{% for a in rows %}" * 30 + "{% endfor %}" * 30),
    ("not not not", "{{ " + "not " * 2_000 + "count }}"),
    ("minus minus", "{{ " + "- " * 2_000 + "count }}"),
    ("a long chain of parts", "{{ order" + ".a" * 50_000 + " }}"),
    ("a long chain of filters", "{{ name" + "|upper" * 2_000 + " }}"),
    ("a long chain of plus", "{{ " + "+".join(["count"] * 2_000) + " }}"),
    ("a chain that is a little too long", "{{ " + "+".join(["count"] * 60) + " }}"),
    ("a long chain of or", "{{ " + " or ".join(["count"] * 2_000) + " }}"),
    ("a long chain of if", "{{ " + "1 if 1 else " * 1_000 + "1 }}"),
    ("many values", "{{ name }}" * 15_000),
    ("many short values", "{{name}}" * 1_400),
    ("many ifs", "{% if count %}{% endif %}" * 7_000),
    ("a long list", "{% set x = [" + "1," * 90_000 + "] %}"),
    ("a giant", "x" * 300_000),
    ("a giant of wide letters", "😀" * 100_000),
    ("control characters", "\x01" * 199_000),
    ("letters of private use", "\ue000" * 66_000),
    ("only line breaks", "\n" * 199_000),
    ("open braces", "{{" * 90_000),
    ("open tags", "{%" * 90_000),
    ("open comments", "{#" * 90_000),
    ("open raws", "{% raw %}" * 20_000),
    ("backslashes", "{{ '" + r"\x41" * 39_000 + "' }}"),
    ("raws", "{% raw %}{{ x }}{% endraw %}" * 7_000),
    ("comments", "{# x #}" * 28_000),
]

LARGEST: Final = [
    ("text", "x" * 199_900),
    ("wide text", "😀" * 49_900),
    ("text with one wide letter", "x" * 199_000 + "😀"),
    ("values", "{{ name }}" * 590),
    ("values in text", "{{ name }}hello" * 295),
    ("values in much text", ("{{ name }}" + "x" * 640) * 290 + "😀"),
    ("ifs", "{% if count %}x{% else %}y{% endif %}" * 95),
    ("names", "".join(f"{{% set a{at} = count %}}" for at in range(190))),
    ("a chain", "{{ " + "~".join(["name"] * 590) + " }}"),
    ("loops", "{% for row in rows %}{{ loop.index }}{% endfor %}" * 50),
    ("parts", "{{ order.total }}" * 190),
    ("steps", "{% for a in rows %}{% for b in rows[:120] %}{{ b }}{% endfor %}{% endfor %}"),
    ("dates", "{% for a in rows %}{% for b in rows[:40] %}{{ at|date }}{% endfor %}{% endfor %}"),
    ("signs", "{{ signs }}"),
    ("wide values", "{{ wide }}" * 4),
    ("short pieces", "{% for a in words %}{{ a }}{{ a }}{{ a }}{% endfor %}"),
    ("brackets", "{{ " + "(" * 25 + "1" + " + 1)" * 25 + " }}"),
]

"""Whatever a template says, it ends soon and takes little memory: all is counted beforehand."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bombs import BOMBS, LARGEST, VALUES

from flask_smtpadmin.content import fuel
from flask_smtpadmin.content.composing import composer
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.content.programs import Programs
from flask_smtpadmin.content.sandbox import compile_template
from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.errors import TemplateError

SECONDS, BYTES = 2.0, 5_000_000


def bounded(work: Callable[[], str]) -> str:
    """Return what ``work`` returns, which it must within 2 s of CPU time and 5 MB of memory."""
    tracemalloc.start()
    try:
        begin = time.thread_time()
        try:
            return work()
        finally:
            taken = time.thread_time() - begin
            _now, peak = tracemalloc.get_traced_memory()
            assert taken < SECONDS
            assert peak < BYTES
    finally:
        tracemalloc.stop()


def rendered(source: str, *, html: bool = True) -> str:
    """Read and render a template, nothing of it read before."""
    return compile_template(source, variables=VALUES, html=html).render(VALUES)


@pytest.mark.parametrize(("what", "source"), BOMBS, ids=[what for what, _ in BOMBS])
def test_a_bomb_is_refused(what: str, source: str) -> None:
    """It ends in a sentence, not in a traceback."""
    with pytest.raises(TemplateError) as caught:
        bounded(lambda: rendered(source))
    assert caught.value.reason.endswith((".", "?"))


@pytest.mark.parametrize(("what", "source"), LARGEST, ids=[what for what, _ in LARGEST])
def test_the_largest_templates_stay_small(what: str, source: str) -> None:
    """What is just within the limits is rendered, and takes no more either."""
    assert len(bounded(lambda: rendered(source))) <= fuel.CHARACTERS


def test_there_are_many() -> None:
    """The list has at least ninety bombs, each once."""
    assert len({source for _what, source in BOMBS}) == len(BOMBS) > 90


@pytest.mark.parametrize(
    "piece",
    ["{{", "{%", '<p class="preheader">', "<table>", "<ul><li>", "<a href='", "<!--", "<style>"],
)
def test_what_stands_around_ends_soon_too(piece: str) -> None:
    """Links, styles and the plain text of a mail are made in time, whatever the HTML is."""
    html = piece * (60_000 // len(piece))
    kind = EmailType(name="bomb", texts=Texts("Subject", html))
    begin = time.thread_time()
    with contextlib.suppress(TemplateError):
        composer(kind, kind.texts, Frame())
    assert time.thread_time() - begin < SECONDS


NAMES = st.sampled_from(["name", "count", "rows", "order", "html", "price", "at", "long", "x"])
FILTERS = st.sampled_from(
    [
        *("upper", "join('-')", "length", "first", "default(name)", "round(2)", "items", "e"),
        *("replace(name, long)", "truncate(9)", "urlencode", "nl2br", "reverse", "title"),
        *("plural(name, 1)", "number(2)", "date", "time('%H')", "wordcount", "abs"),
    ]
)
SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "==", "<", "in", "and", "or"])
VALUE = st.recursive(
    st.one_of(NAMES, st.integers(-9, 10**12).map(str), st.sampled_from(["'a'", "1.5", "[1, 2]"])),
    lambda inner: st.one_of(
        st.tuples(inner, SIGNS, inner).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
        st.tuples(inner, FILTERS).map(lambda it: f"({it[0]})|{it[1]}"),
        st.tuples(inner, inner, inner).map(lambda it: f"({it[0]} if {it[1]} else {it[2]})"),
        st.tuples(inner, inner).map(lambda it: f"[{it[0]}, {it[1]}]"),
        st.tuples(inner, inner).map(lambda it: f"({it[0]})[{it[1]}]"),
        inner.map(lambda it: f"({it}).total"),
        inner.map(lambda it: f"not ({it})"),
        inner.map(lambda it: f"-({it})"),
        inner.map(lambda it: f"({it}) is number"),
    ),
    max_leaves=6,
)
TEMPLATE = st.recursive(
    st.one_of(VALUE.map("{{{{ {} }}}}".format), st.sampled_from(["text", "<b>", "\n"])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(VALUE, inner).map(lambda it: f"{{% if {it[0]} %}}{it[1]}{{% endif %}}"),
        st.tuples(VALUE, inner).map(lambda it: f"{{% for x in {it[0]} %}}{it[1]}{{% endfor %}}"),
        st.tuples(VALUE, inner).map(lambda it: f"{{% set x = {it[0]} %}}{it[1]}"),
    ),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(source=TEMPLATE, html=st.booleans())
def test_any_template_ends_in_text_or_in_words(source: str, *, html: bool) -> None:
    """What the language allows gives text within the limit, or an error that says something."""
    surprise = False
    try:
        said = rendered(source, html=html)
    except TemplateError as error:
        said = error.reason
        surprise = "cannot be worked out" in said
    assert not surprise
    assert 0 <= len(said) <= fuel.CHARACTERS


def test_what_was_read_is_kept_and_forgotten() -> None:
    """Programs are kept while there is room, the ones asked for last; it counts their size."""
    kept: Programs[str] = Programs(most=3, size=100)
    for key in "abc":
        kept.put(key, key.upper(), 10)
    assert kept.get("a") == "A"
    kept.put("d", "D", 10)
    assert [kept.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    kept.put("e", "E", 95)
    assert [kept.get(key) for key in "acde"] == [None, None, None, "E"]
    kept.put("e", "F", 10)
    assert (kept.get("e"), len(kept)) == ("F", 1)
    first = compile_template("{{ name }}", variables=["name"], html=True)
    assert compile_template("{{ name }}", variables=["name"], html=True) is first
    assert compile_template("{{ name }}", variables=["name"], html=False) is not first

"""The search box: what is typed, and what is meant."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.errors import InvalidSearch
from flask_smtpadmin.core.search import LARGEST_ID, QUALIFIERS, index_form, parse

_WORD = st.text(st.characters(blacklist_categories=("Cs", "Z", "C")), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("42", "id", "42"),
        ("id:42", "id", "42"),
        ("id:abc@example.com", "message_id", "<abc@example.com>"),
        ("<abc@example.com>", "message_id", "<abc@example.com>"),
        ("ada@example.com", "mailbox", "ada@example.com"),
        ("@Example.com", "domain", "example.com"),
        ("ADA@", "words", "ADA@"),
        ("invoice", "words", "invoice"),
        ('"Re: invoice"', "words", "Re: invoice"),
        ("to:ada@example.com", "address", "ada@example.com"),
        ("to:Example.com", "domain", "example.com"),
        ("to:@bücher.example", "domain", "xn--bcher-kva.example"),
        ("to:ada", "recipient", "ada"),
        ('subject:"two words"', "subject", "two words"),
        ("from:shop", "from", "shop"),
        ("TYPE:welcome", "type", "welcome"),
        ("server:spare", "server", "spare"),
        ("error:recipient_unknown", "cause", "recipient_unknown"),
        ("error:Recipient-Unknown", "cause", "recipient_unknown"),
        ('error:"user unknown"', "error", "user unknown"),
        ("key:order-1", "key", "order-1"),
        (str(LARGEST_ID * 10), "words", str(LARGEST_ID * 10)),
    ],
)
def test_a_part_is_told_by_its_form(text: str, kind: str, value: str) -> None:
    """A qualifier, or the form of a bare word, says how the value is compared."""
    (term,) = parse(text)
    assert (term.kind, term.value) == (kind, value)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("after:2026-11-28", datetime(2026, 11, 28, tzinfo=UTC)),
        ("before:2026-11-28T14:30", datetime(2026, 11, 28, 14, 30, tzinfo=UTC)),
        ("after:2026-11-28T14:30+01:00", datetime(2026, 11, 28, 13, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_utc_unless_a_zone_follows(text: str, moment: datetime) -> None:
    """A day is its first moment."""
    (term,) = parse(text)
    assert term.moment == moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "There is no qualifier colour:"),
        ("Re: hello", '"re:"'),
        ("after:yesterday", "'yesterday' is not a date for after:"),
        ("before:2026-13-01", "like before:2026-11-28"),
        ("to:", "nothing after to:"),
        ('subject:"', "quotation mark is missing"),
        ('"two words', "quotation mark is missing"),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, said: str) -> None:
    """Nothing is left out in silence; the sentence says what to type instead."""
    with pytest.raises(InvalidSearch) as caught:
        parse(text)
    assert said in str(caught.value)


def test_each_part_can_be_taken_away() -> None:
    """``rest`` is the search without the part."""
    terms = parse('to:ada@example.com subject:"two words"  invoice')
    assert [term.rest for term in terms] == [
        'subject:"two words" invoice',
        "to:ada@example.com invoice",
        'to:ada@example.com subject:"two words"',
    ]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    """Nothing else is raised, and nothing that was typed is lost."""
    terms = None
    with suppress(InvalidSearch):
        terms = parse(text)
    if terms is not None:
        assert " ".join(term.typed for term in terms).split() == text.split()


@given(st.sampled_from([name for name in QUALIFIERS if name not in {"after", "before"}]), _WORD)
def test_a_quoted_value_means_what_a_plain_one_means(name: str, word: str) -> None:
    """Quotation marks are needed for spaces alone."""
    word = word.replace('"', "x")
    (plain,), (quoted,) = parse(f"{name}:{word}"), parse(f'{name}:"{word}"')
    assert (plain.kind, plain.value) == (quoted.kind, quoted.value)


@given(st.lists(st.sampled_from(["to:ada", "invoice", 'subject:"a b"', "12"]), max_size=5))
def test_a_search_without_a_part_reads_as_the_other_parts(parts: list[str]) -> None:
    """What a chip leaves behind means the rest of the search."""
    terms = parse(" ".join(parts))
    for at, term in enumerate(terms):
        others = [(one.kind, one.value) for one in (*terms[:at], *terms[at + 1 :])]
        assert [(one.kind, one.value) for one in parse(term.rest)] == others


def test_the_index_has_domains_together() -> None:
    """The domain comes first, in lower case."""
    assert index_form("Ada.L@Example.com") == "example.com@ada.l"

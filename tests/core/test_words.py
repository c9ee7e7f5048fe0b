"""Sentences that remember how they were made: English here, any language on a page."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from flask_smtpadmin.core.words import Said, kept, said, said_n, told


def test_a_sentence_is_its_english_text() -> None:
    """It can stand wherever text can, and still knows text and values."""
    sentence = said("%(name)s holds %(percent)s %%", name="Ada", percent=7)
    assert sentence == "Ada holds 7 %"
    assert (sentence.text, sentence.values["name"]) == ("%(name)s holds %(percent)s %%", "Ada")
    assert said("100 %") == "100 %"


@pytest.mark.parametrize(("count", "english"), [(1, "1 letter"), (0, "0 letters")])
def test_a_number_chooses_the_sentence(count: int, english: str) -> None:
    """One is singular, all else plural; large numbers have thousands marks."""
    assert said_n("%(count)s letter", "%(count)s letters", count) == english
    assert said_n("%(count)s letter", "%(count)s letters", 12345) == "12,345 letters"


def test_copies_remember_too() -> None:
    """A copied or pickled sentence is as good as the first."""
    sentence = said_n("%(count)s of %(all)s", "%(count)s of %(all)s", 2, all=said("many"))
    for again in (copy.deepcopy(sentence), pickle.loads(pickle.dumps(sentence))):
        assert again == "2 of many"
        assert (again.many, again.number) == (sentence.many, 2)


def test_a_document_keeps_its_sentences_through_json() -> None:
    """What is stored has plain text for everybody, and the sentences for who puts them back."""
    inner = said("%(count)s left", count=3)
    document = {"notes": [said("At %(host)s: %(why)s.", host="mx", why=inner), "plain"], "n": 1}
    stored = json.loads(json.dumps(kept(document)))
    assert stored["notes"] == ["At mx: 3 left.", "plain"]
    back = told(stored)
    assert back == document
    first = back["notes"][0]
    assert isinstance(first, Said)
    assert first.values["host"] == "mx"
    assert isinstance(first.values["why"], Said)
    assert not isinstance(back["notes"][1], Said)


def test_a_document_without_sentences_stays_as_it_is() -> None:
    """Documents of earlier versions can be read."""
    assert told({"text": "old"}) == {"text": "old"}


@pytest.mark.parametrize("broken", [[["gone", 0], ["x", {}, "", 1]], [["text", "more"], []], [7]])
def test_sentences_of_another_document_are_refused(broken: object) -> None:
    """A path or a sentence that does not fit is a ValueError, which readers expect."""
    with pytest.raises(ValueError, match="no sentences"):
        told({"text": "x", "said": [broken]})

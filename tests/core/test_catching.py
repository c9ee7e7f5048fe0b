"""Which mail passes while MODE catches or redirects."""

from __future__ import annotations

import pytest

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.catching import Mode
from flask_smtpadmin.core.settings.parse import parse, write

ALLOWED = parse(
    KEYS["CATCH_ALLOW"],
    "Example.com, *.test.example\nQA@partner.example bücher.example @at.example",
)


def test_entries_are_kept_in_one_form() -> None:
    """Lower case, A-labels, without an @ in front; what is stored is read back to the same."""
    assert ALLOWED == (
        "example.com",
        "*.test.example",
        "qa@partner.example",
        "xn--bcher-kva.example",
        "at.example",
    )
    assert parse(KEYS["CATCH_ALLOW"], write(KEYS["CATCH_ALLOW"], ALLOWED)) == ALLOWED
    assert parse(KEYS["CATCH_ALLOW"], ["a.example", "*.ß.example"])[0] == "a.example"


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "ADA@example.com",
        "a@deep.down.test.example",
        "qa@partner.example",
        "Qa@partner.example",
        "ada@xn--bcher-kva.example",
        "ada@at.example",
    ],
)
def test_what_matches_passes(address: str) -> None:
    """A domain means itself, a wildcard all below it, an address itself; case does not count."""
    assert Mode("catch", "", ALLOWED).passes([address])


@pytest.mark.parametrize(
    "address",
    [
        "ada@evil-example.com",
        "ada@example.com.evil.example",
        "ada@sub.example.com",
        "ada@test.example",
        "ada@eviltest.example",
        "example.com@evil.example",
        "other@partner.example",
        "not-qa@partner.example",
    ],
)
def test_what_only_looks_alike_does_not_pass(address: str) -> None:
    """Domains are compared label by label and from their end."""
    assert not Mode("catch", "", ALLOWED).passes([address])


def test_one_who_is_not_allowed_holds_the_message() -> None:
    """A message passes as a whole or not at all."""
    mode = Mode("redirect", "me@example.org", ALLOWED)
    assert mode.passes(["a@example.com", "qa@partner.example"])
    assert not mode.passes(["a@example.com", "a@stranger.example"])


def test_record_lets_nothing_pass_and_live_everything() -> None:
    """The list counts for catch and redirect alone."""
    assert not Mode("record", "", ALLOWED).passes(["a@example.com"])
    assert not Mode("catch").passes(["a@example.com"])
    assert Mode("live").passes(["a@stranger.example"])


@pytest.mark.parametrize(
    "entry", ["*", "*.", "*@example.com", "ex*.com", "*.qa@example.com", "words@", "-a.example"]
)
def test_an_entry_that_could_be_meant_otherwise_is_refused(entry: str) -> None:
    """The sentence names it."""
    with pytest.raises(ValueError, match="is neither an address nor a domain") as raised:
        parse(KEYS["CATCH_ALLOW"], f"good.example,{entry}")
    assert repr(entry) in raised.value.args[0]

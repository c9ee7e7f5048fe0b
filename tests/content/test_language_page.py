"""The page about the template language is the language."""

from __future__ import annotations

import re

from support.documents import ROOT

from flask_smtpadmin.content import fuel
from flask_smtpadmin.content.filters import FILTERS, TESTS
from flask_smtpadmin.content.grammar import LOOP

REFERENCE = (ROOT / "docs/reference/templates.md").read_text(encoding="utf-8")
LIMITS = (ROOT / "docs/explanation/templates.md").read_text(encoding="utf-8")


def named(head: str, pattern: str) -> set[str]:
    """Return what the first column of the table below ``head`` names."""
    section = REFERENCE.partition(f"\n## {head}\n")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(pattern, row)}


def test_it_lists_every_filter_and_test() -> None:
    """All that there are, none that there are not."""
    assert named("Filters", r"`([a-z0-9]+)") == set(FILTERS)
    assert named("Tests", r"`is ([a-z]+)") == set(TESTS)
    assert set(re.findall(r"`loop\.(\w+)`", REFERENCE)) == set(LOOP)


def test_it_states_every_limit() -> None:
    """The table has each figure of the code, in its order."""
    rows = [row for row in LIMITS.splitlines() if row.startswith("| ")][2:]
    figures = [int(it.replace(",", "")) for row in rows for it in re.findall(r"[\d,]*\d", row)]
    assert figures == [
        *(fuel.SOURCE_BYTES, fuel.SOURCE_LINES, fuel.BACKSLASHES, fuel.TOKENS, fuel.NODES),
        *(fuel.LOOPS, fuel.LOOP_DEPTH, fuel.DEPTH, fuel.STEPS, fuel.CHARACTERS),
        *(fuel.ITEMS, fuel.VALUE_DEPTH, fuel.DIGITS, fuel.SUBJECT),
    ]

"""The chain of the audit trail: no row can be changed, removed, added or moved unnoticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.audit import START, Entry, Keyring, Mark, Sealed, digest, dumped
from flask_smtpadmin.core.audit_chain import Reading, Verdict

KEYS = Keyring((b"k" * 32,))
NOON = datetime(2026, 11, 28, 12, 0, 0, 123456)  # noqa: DTZ001 - naive UTC, as in the tables
LENGTH = 12


def entry(number: int, **values: Any) -> Entry:
    """Return an entry that could be in a trail."""
    one = Entry(
        number=number,
        at=NOON + timedelta(minutes=number),
        actor="ada@example.com" if number % 3 else None,
        origin="page",
        source="",
        action="server.save",
        object="server:default",
        text=dumped({"fields": {"port": {"from": str(number), "to": str(number + 1)}}}),
    )
    return replace(one, **values)


def chain(entries: Sequence[Entry], keys: Keyring = KEYS, start: str = START) -> list[Sealed]:
    """Seal entries one after the other."""
    rows, last = [], start
    for one in entries:
        last = digest(last, one)
        rows.append(Sealed(one, last, keys.sign("entry", one.number, last)))
    return rows


def head(rows: Sequence[Sealed], keys: Keyring = KEYS) -> Mark:
    """Return the end of a chain as this app writes it."""
    return keys.mark("head", rows[-1].entry.number, rows[-1].digest)


def verdict(
    rows: Sequence[Sealed],
    end: Mark | None,
    keys: Keyring = KEYS,
    anchor: Mark | None = None,
    known: str = "",
) -> Verdict:
    """Read rows in the order of their numbers, as the database gives them."""
    reading = Reading(keys, anchor, known)
    for row in sorted(rows, key=lambda row: row.entry.number):
        if not reading.read(row):
            break
    return reading.close(end)


ROWS = chain([entry(number) for number in range(1, LENGTH + 1)])
HEAD = head(ROWS)
places = st.integers(0, LENGTH - 1)
#: how a column may be changed
EDITS: dict[str, Any] = {
    "at": NOON,
    "actor": "eve@example.com",
    "origin": "cli",
    "source": "x",
    "action": "server.delete",
    "object": "server:other",
    "text": "{}",
}


def test_a_chain_as_it_was_written_is_whole() -> None:
    """The verdict says how many entries are covered, since when, and that they are signed."""
    found = verdict(ROWS, HEAD)
    assert (found.ok, found.entries, found.first, found.signed) == (True, LENGTH, 1, True)
    assert (found.since, found.head) == (ROWS[0].entry.at, ROWS[-1].digest)
    assert found.warnings == ()


@given(places, st.sampled_from(sorted(EDITS)))
def test_each_edit_of_each_column_is_found_where_it_is(place: int, column: str) -> None:
    """The entry that was edited is named, not another one."""
    rows = list(ROWS)
    changed = replace(rows[place].entry, **{column: EDITS[column]})
    rows[place] = replace(rows[place], entry=changed)
    found = verdict(rows, HEAD)
    assert found.broken is not None
    assert (found.broken.number, found.broken.reason) == (place + 1, "changed")


@given(places, st.sampled_from(sorted(EDITS)))
def test_who_recomputes_all_digests_lacks_the_key(place: int, column: str) -> None:
    """Somebody with the database alone edits an entry and seals all after it anew: found there."""
    entries = [row.entry for row in ROWS]
    entries[place] = replace(entries[place], **{column: EDITS[column]})
    forged = chain(entries, Keyring((b"e" * 32,)))
    mixed = [replace(row, signature=old.signature) for row, old in zip(forged, ROWS, strict=True)]
    end = replace(HEAD, digest=forged[-1].digest)
    found = verdict(mixed, end)
    assert found.broken is not None
    assert (found.broken.number, found.broken.reason) == (place + 1, "forged")
    for keys in (Keyring(), Keyring((b"e" * 32,))):  # without signatures, or with their own
        theirs = chain(entries, keys)
        assert not verdict(theirs, head(theirs, keys)).ok


@given(places)
def test_a_removed_entry_is_missed(place: int) -> None:
    """A gap is named, and so is the end that was cut off."""
    rows = [row for index, row in enumerate(ROWS) if index != place]
    found = verdict(rows, HEAD)
    assert found.broken is not None
    assert found.broken.number == place + 1
    assert found.broken.reason == ("cut" if place == LENGTH - 1 else "missing")


@given(st.integers(0, LENGTH - 1))
def test_an_end_that_is_cut_off_is_missed(length: int) -> None:
    """The head in the database still knows how long the chain was, and cannot be forged."""
    rows = ROWS[:length]
    found = verdict(rows, HEAD)
    assert found.broken is not None
    assert (found.broken.number, found.broken.reason) == (length + 1, "cut")
    if rows:
        bent = Mark(length, rows[-1].digest, HEAD.signature)
        assert not verdict(rows, bent).ok
        assert not verdict(rows, replace(bent, signature="")).ok
        assert not verdict(rows, None).ok


@given(place=places, renumber=st.booleans())
def test_an_added_entry_is_found(place: int, *, renumber: bool) -> None:
    """Squeezed in, with the rest moved on or not, it does not fit."""
    extra = replace(ROWS[place], entry=entry(place + 1, actor="eve@example.com"))
    rest = ROWS[place:]
    if renumber:
        rest = [replace(row, entry=replace(row.entry, number=row.entry.number + 1)) for row in rest]
    found = verdict([*ROWS[:place], extra, *rest], HEAD)
    assert found.broken is not None
    assert found.broken.number <= place + 1 or not renumber


@given(st.lists(places, min_size=2, max_size=2, unique=True))
def test_a_new_order_is_found(pair: list[int]) -> None:
    """Two entries that change places do not fit where they are."""
    first, second = sorted(pair)
    rows = list(ROWS)
    a, b = rows[first].entry, rows[second].entry
    rows[first] = replace(rows[second], entry=replace(b, number=a.number))
    rows[second] = replace(ROWS[first], entry=replace(a, number=b.number))
    found = verdict(rows, HEAD)
    assert found.broken is not None
    assert found.broken.number == first + 1


def test_what_was_added_at_the_end_is_found() -> None:
    """A fitting entry after the last one has no signature, and the head does not know it."""
    extra = chain([entry(LENGTH + 1)], Keyring(), ROWS[-1].digest)
    found = verdict([*ROWS, *extra], HEAD)
    assert found.broken is not None
    assert (found.broken.number, found.broken.reason) == (LENGTH + 1, "added")
    bare = Mark(LENGTH + 1, extra[-1].digest)
    assert not verdict([*ROWS, *extra], bare).ok


@given(st.integers(1, LENGTH - 1))
def test_a_chain_begins_at_its_anchor(gone: int) -> None:
    """Old entries may go when the anchor says where; an anchor without the key proves nothing."""
    anchor = KEYS.mark("anchor", gone, ROWS[gone - 1].digest)
    rows = ROWS[gone:]
    found = verdict(rows, HEAD, anchor=anchor)
    assert (found.ok, found.entries, found.first) == (True, LENGTH - gone, gone + 1)
    assert not verdict(rows, HEAD).ok
    forged = replace(anchor, signature=KEYS.sign("head", gone, anchor.digest))
    assert not verdict(rows, HEAD, anchor=forged).ok


@given(st.integers(1, LENGTH - 1))
def test_a_new_key_vouches_for_what_an_old_one_signed(change: int) -> None:
    """With the old key gone the chain still proves whole, and an edit of old entries is found."""
    new = Keyring((b"n" * 32,))
    entries = [row.entry for row in ROWS]
    rows = [*ROWS[:change], *chain(entries[change:], new, ROWS[change - 1].digest)]
    end = head(rows, new)
    assert verdict(rows, end, new).ok
    assert verdict(rows, end, Keyring((*new.keys, *KEYS.keys))).ok
    entries[0] = replace(entries[0], actor="eve@example.com")
    forged = chain(entries, Keyring())
    resealed = [
        replace(row, signature=old.signature) for row, old in zip(forged, rows, strict=True)
    ]
    assert not verdict(resealed, replace(end, digest=forged[-1].digest), new).ok


def test_a_lost_key_is_told_apart_from_a_forgery() -> None:
    """When nothing was signed since the key changed, the verdict says that and what to do."""
    found = verdict(ROWS, HEAD, Keyring((b"n" * 32,)))
    assert found.broken is not None
    assert found.broken.reason == "unknown_key"
    assert "no longer configured" in str(found.broken)


def test_without_any_key_the_verdict_warns() -> None:
    """Whoever can write to the database could have made the whole trail: that is said."""
    rows = chain([row.entry for row in ROWS], Keyring())
    found = verdict(rows, head(rows, Keyring()), Keyring())
    assert (found.ok, found.signed) == (True, False)
    assert "no key" in found.warnings[0]


@given(st.integers(1, LENGTH))
def test_a_noted_hash_shows_that_all_was_put_back(length: int) -> None:
    """An earlier state of the whole database, head included, lacks the hash that was noted."""
    rows = ROWS[:length]
    assert verdict(rows, head(rows), known=rows[length // 2].digest).ok
    later = ROWS[length].digest if length < LENGTH else "f" * 64
    assert not verdict(rows, head(rows), known=later).ok


@pytest.mark.parametrize("text", ["", "[]", "[1]", "x", "{}", '["a", 2, 3]', "[null, null, null]"])
def test_a_mark_that_somebody_wrote_is_none(text: str) -> None:
    """Nonsense where a mark should be raises nothing and proves nothing."""
    mark = Mark.loaded(text)
    assert not verdict(ROWS, mark).ok


@given(st.binary(min_size=32, max_size=32), st.emails())
def test_a_pseudonym_needs_the_key(key: bytes, address: str) -> None:
    """The same address has the same one, whatever its case; without a key there is none."""
    keys = Keyring((key,))
    assert keys.pseudonym(address) == keys.pseudonym(f" {address.upper()} ") != ""
    assert keys.pseudonym(address) != Keyring((key[::-1] + b"x",)).pseudonym(address)
    assert keys.pseudonym(" ") == ""
    assert Keyring().pseudonym(address) == ""
    assert address not in keys.pseudonym(address)

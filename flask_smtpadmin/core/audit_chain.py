"""Reading a chain from its beginning to its end: is it whole, and if not, where does it break?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flask_smtpadmin.core.audit import START, Keyring, Mark, Proof, Sealed, digest

#: Actions of the entries that the trail writes about itself.
BROKEN: Final = "audit.broken"
KEY_CHANGED: Final = "audit.key"

_WORDS: Final = {
    "missing": "is missing",
    "changed": "was changed, or one before it was",
    "forged": "was not signed by this app",
    "cut": "and all after it are missing: the end was cut off",
    "added": "was added without this app",
    "no_head": "is the last one that is left; what says where the trail ends is missing",
    "forged_end": "is where the trail ends now, but that was not signed by this app",
    "unsigned_end": "is where the trail ends, but nobody signed that although there is a key",
    "unknown_key": "is the last one, signed with a key that is no longer configured: put that key "
    "behind the new one, or do anything that leaves an entry, and verify again",
    "forged_start": "is where the trail begins, but that was not signed by this app",
    "noted": "notes that the end of the trail before it was tampered with",
    "unknown_head": "is the last one: the trail does not lead to the hash that you gave",
}


@dataclass(frozen=True, slots=True)
class Break:
    """The first thing that is wrong: at which entry, and a word for what."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"Entry {self.number} {_WORDS[self.reason]}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reading of the chain found.

    Attributes:
        entries: how many there are, as far as the chain holds.
        first: the number of the first one, 0 without any.
        since: its time, naive UTC.
        head: the digest of the last one; kept elsewhere, it proves later that nothing was cut.
        signed: whether a signature vouches for all of them.
        warnings: what the reader should know though nothing is broken.
        broken: the first break, None when the chain is whole.
    """

    entries: int
    first: int
    since: datetime | None
    head: str
    signed: bool
    warnings: tuple[str, ...] = ()
    broken: Break | None = None

    @property
    def ok(self) -> bool:
        """Whether the chain is whole."""
        return self.broken is None

    def document(self) -> dict[str, Any]:
        """Return it as ``--json`` shows it."""
        broken = self.broken
        return {
            "ok": self.ok,
            "entries": self.entries,
            "first": self.first or None,
            "since": self.since.replace(tzinfo=UTC).isoformat() if self.since else None,
            "head": self.head,
            "signed": self.signed,
            "warnings": list(self.warnings),
            "broken": broken
            and {"number": broken.number, "reason": broken.reason, "message": str(broken)},
        }


class Reading:
    """Goes along a chain, entry by entry in the order of their numbers.

    Args:
        keys: the keys at hand.
        anchor: where the chain begins; None: at entry 1.
        known: a digest that must be in it, noted at an earlier reading.
    """

    def __init__(self, keys: Keyring, anchor: Mark | None = None, known: str = "") -> None:
        self._keys = keys
        self._number = anchor.number if anchor else 0
        self._digest = anchor.digest if anchor else START
        self._anchor = anchor
        self._known = known
        self._seen = not known or known == self._digest
        self._first: tuple[int, datetime] | None = None
        self._count = 0
        self._warnings: list[str] = []
        self.broken: Break | None = None
        if anchor and self._prove("anchor", anchor) == "bad":
            self.broken = Break(anchor.number + 1, "forged_start")

    def read(self, row: Sealed) -> bool:
        """Take the next entry; return whether it is worth going on."""
        wanted = self._number + 1
        if row.entry.number != wanted:
            self._stop(wanted, "missing" if row.entry.number > wanted else "added")
        elif digest(self._digest, row.entry) != row.digest:
            self._stop(wanted, "changed")
        elif self._keys.check("entry", wanted, row.digest, row.signature) == "bad":
            self._stop(wanted, "forged")
        if self.broken is not None:
            return False
        self._first = self._first or (wanted, row.entry.at)
        self._number, self._digest = wanted, row.digest
        self._count += 1
        self._seen = self._seen or row.digest == self._known
        self._heed(row)
        return self.broken is None

    def unreadable(self) -> None:
        """Take an entry that cannot be read at all."""
        self._stop(self._number + 1, "changed")

    def close(self, head: Mark | None) -> Verdict:
        """Compare the end with the ``head`` that is stored and return the verdict."""
        proof: Proof = "none"
        if self.broken is None and head is None:
            if self._number:
                self._stop(self._number, "no_head")
        elif self.broken is None and head is not None:
            proof = self._prove("head", head)
            self._compare(head, proof)
        if not self._seen:
            self._stop(self._number, "unknown_head")
        signed = proof == "good"
        if self._count and not signed and self.broken is None:
            self._warnings.append(
                "There is no key to sign with: whoever can write to the database could have made "
                "the whole trail. Set SECRET_KEY or SMTPADMIN_ENCRYPTION_KEYS."
            )
        first, since = self._first or (0, None)
        return Verdict(
            self._count, first, since, self._digest, signed, tuple(self._warnings), self.broken
        )

    def _compare(self, head: Mark, proof: Proof) -> None:
        if head.number > self._number:
            self._stop(self._number + 1, "cut")
        elif head.number < self._number:
            self._stop(head.number + 1, "added")
        elif proof == "bad" or head.digest != self._digest:
            self._stop(self._number, "forged_end")
        elif proof == "none" and self._keys:
            self._stop(self._number, "unsigned_end")
        elif proof == "unknown":
            self._stop(self._number, "unknown_key")

    def _heed(self, row: Sealed) -> None:
        if row.entry.action == BROKEN:
            self._stop(row.entry.number, "noted")
        elif row.entry.action == KEY_CHANGED:
            self._warnings.append(
                f"At entry {row.entry.number} the key that signs was another one, or none, before."
            )

    def _prove(self, kind: Any, mark: Mark) -> Proof:
        return self._keys.check(kind, mark.number, mark.digest, mark.signature)

    def _stop(self, number: int, reason: str) -> None:
        self.broken = self.broken or Break(number, reason)

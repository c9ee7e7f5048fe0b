"""The audit trail: who did what to what, chained so that no entry can be changed unnoticed.

Each entry has a number without gaps and a digest, SHA-256 over the digest before it and its own
content. The digest is signed (HMAC-SHA256) with a key that is not in the database, and so are the
two marks that say where the chain ends (head) and where it begins after old entries were removed
(anchor). Anybody can recompute the digests, therefore one good signature vouches for every entry
before it: keys may come and go.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, get_args

Origin = Literal["page", "cli", "api", "worker"]
ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)
#: What a signature turned out to be; ``unknown``: made with a key that is not at hand.
Proof = Literal["good", "bad", "unknown", "none"]
Kind = Literal["entry", "head", "anchor"]
Details: TypeAlias = Mapping[str, Any]

#: Says in a field's place that a secret was changed; its value is in no entry.
CHANGED: Final = "changed"
REMOVED: Final = "removed"
#: The digest before the first entry.
START: Final = "0" * 64
_ID_LENGTH: Final = 8
_PSEUDONYM_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts and from where; ``source`` is the address of the browser, "" elsewhere."""

    actor: str | None = None
    origin: Origin = "api"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act.

    Attributes:
        number: its place in the chain, from 1 on, without gaps.
        at: when, naive UTC.
        actor: the person as the app or the system names them; None: the app itself.
        origin: the way it came in.
        source: pseudonym of the browser's address, or "".
        action: what was done, a key of :data:`flask_smtpadmin.core.audit_words.ACTIONS`.
        object: to what, as ``kind:name`` ("server:default").
        text: the details as JSON, in the very bytes that are stored.
    """

    number: int
    at: datetime
    actor: str | None
    origin: str
    source: str
    action: str
    object: str
    text: str

    @property
    def details(self) -> Details:
        """The details; empty when somebody made them unreadable."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def document(self) -> dict[str, Any]:
        """Return the entry as ``--json`` and the export show it."""
        return {
            "number": self.number,
            "at": self.at.replace(tzinfo=UTC).isoformat(),
            "actor": self.actor,
            "origin": self.origin,
            "source": self.source or None,
            "action": self.action,
            "object": self.object,
            "details": self.details,
        }


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry as it is stored, with its digest and the signature of that ("" without a key)."""

    entry: Entry
    digest: str
    signature: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One end of the chain: number and digest of an entry, signed."""

    number: int
    digest: str
    signature: str = ""

    def dumped(self) -> str:
        """Return it as stored."""
        return json.dumps([self.number, self.digest, self.signature])

    @classmethod
    def loaded(cls, text: str) -> Mark:
        """Return what :meth:`dumped` wrote; what somebody else wrote is a mark that proves false.

        It then stands at number 0 with a signature that no key made.
        """
        try:
            number, digest, signature = json.loads(text)
            return cls(int(number), str(digest), str(signature))
        except (ValueError, TypeError):
            return cls(0, START, "?")


def dumped(details: Details) -> str:
    """Return details as JSON in one way only: sorted, in ASCII, without spaces."""
    return json.dumps(details, sort_keys=True, separators=(",", ":"), default=str)


def canonical(entry: Entry) -> bytes:
    """Return the content of an entry in the bytes that its digest is made of."""
    content = {
        "number": entry.number,
        "at": entry.at.isoformat(" ", "microseconds"),
        "actor": entry.actor,
        "origin": entry.origin,
        "source": entry.source,
        "action": entry.action,
        "object": entry.object,
        "details": entry.text,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def digest(previous: str, entry: Entry) -> str:
    """Return the digest of an entry that follows the one with the digest ``previous``."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(entry)).hexdigest()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that sign, newest first, 32 bytes each; with none at all nothing is signed."""

    keys: tuple[bytes, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.keys)

    def sign(self, kind: Kind, number: int, digest: str) -> str:
        """Return the newest key's signature: which key, and its HMAC."""
        if not self.keys:
            return ""
        return f"{_name(self.keys[0])}:{_mac(self.keys[0], f'{kind} {number} {digest}')}"

    def check(self, kind: Kind, number: int, digest: str, signature: str) -> Proof:
        """Say what ``signature`` proves."""
        if not signature:
            return "none"
        name, _, mac = signature.partition(":")
        for key in self.keys:
            if _name(key) == name:
                wanted = _mac(key, f"{kind} {number} {digest}")
                return "good" if hmac.compare_digest(wanted.encode(), mac.encode()) else "bad"
        return "unknown"

    def mark(self, kind: Kind, number: int, digest: str) -> Mark:
        """Return a signed mark."""
        return Mark(number, digest, self.sign(kind, number, digest))

    def pseudonym(self, address: str) -> str:
        """Return what stands for an e-mail or IP address: the same for the same, or "".

        Made with a key, because hashes of addresses can be guessed.
        """
        plain = address.strip().casefold()
        if not self.keys or not plain:
            return ""
        mac = _mac(self.keys[0], f"address {plain}")
        return f"{_name(self.keys[0])}:{mac[:_PSEUDONYM_LENGTH]}"


def _name(key: bytes) -> str:
    return _mac(key, "name")[:_ID_LENGTH]


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

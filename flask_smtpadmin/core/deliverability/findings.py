"""What a check of a domain found: a word, what stands in the DNS, and what to publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.words import mark, said

Check = Literal["mx", "spf", "dkim", "dmarc", "ptr"]
#: good; warning: works, should be better; missing: publish it; wrong: published, but does not do
#: what it should; unknown: could not be found out; skipped: nothing for this domain to publish.
State = Literal["good", "warning", "missing", "wrong", "unknown", "skipped"]

CHECKS: Final[tuple[Check, ...]] = get_args(Check)
STATES: Final[tuple[State, ...]] = get_args(State)
#: From the least to the most pressing, for the sum of several.
_PRESSING: Final[tuple[State, ...]] = (
    "skipped",
    "good",
    "unknown",
    "warning",
    "missing",
    "wrong",
)
_FAILED: Final = frozenset({"missing", "wrong"})
#: How much of what was found is kept: lines, and bytes of each.
_LINES: Final = 20
_LINE: Final = 1024


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish; ``value`` "": only the provider can say it (see the text)."""

    name: str
    type: str
    value: str

    def document(self) -> dict[str, str]:
        """Return ``{"name", "type", "value"}``."""
        return {"name": self.name, "type": self.type, "value": self.value}


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    ``text`` is one sentence that says why, ``notes`` are further remarks, ``found`` is what stands
    in the DNS, cleaned and cut, ``publish`` what should stand there.
    """

    check: Check
    state: State
    text: str
    found: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    publish: tuple[Record, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON shows and the database keeps it."""
        return {
            "check": self.check,
            "state": self.state,
            "text": self.text,
            "found": list(self.found),
            "notes": list(self.notes),
            "publish": [record.document() for record in self.publish],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings about one From ``domain`` when ``server`` (a key) sends for it.

    ``provider`` is the provider's name, "" when it is none we know; ``selector`` was typed in;
    ``ms`` is how long it took.
    """

    domain: str
    server: str
    provider: str = ""
    selector: str = ""
    findings: tuple[Finding, ...] = ()
    ms: float = 0.0

    @property
    def state(self) -> State:
        """The most pressing word of all findings."""
        states = [finding.state for finding in self.findings]
        return max(states, key=_PRESSING.index, default="unknown")

    @property
    def ok(self) -> bool:
        """Whether nothing is missing or wrong."""
        return not any(finding.state in _FAILED for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON shows and the database keeps it."""
        return {
            "domain": self.domain,
            "server": self.server,
            "provider": self.provider or None,
            "selector": self.selector or None,
            "ok": self.ok,
            "state": self.state,
            "findings": [finding.document() for finding in self.findings],
            "ms": round(self.ms, 1),
        }


def shown(values: list[str]) -> tuple[str, ...]:
    """Return answers of the DNS as they may be stored and shown: cleaned, cut, not too many."""
    lines = [clean(value, limit=_LINE) for value in values[:_LINES]]
    if len(values) > _LINES:
        lines.append(f"and {len(values) - _LINES} more")
    return tuple(lines)


def unanswered(check: Check, error: Exception) -> Finding:
    """Return the finding of a check whose questions the DNS did not answer."""
    why = clean(str(error), limit=200).rstrip(".: ")
    if not why:
        return Finding(check, "unknown", mark("The DNS did not answer, so this is not known."))
    text = said("The DNS did not answer, so this is not known: %(why)s.", why=why)
    return Finding(check, "unknown", text)


def read_report(document: Mapping[str, Any]) -> Report:
    """Return the report that a document holds.

    Raises:
        ValueError: it holds none, such as one of a later version.
    """
    try:
        return Report(
            domain=str(document["domain"]),
            server=str(document["server"]),
            provider=str(document["provider"] or ""),
            selector=str(document["selector"] or ""),
            findings=tuple(_read_finding(row) for row in document["findings"]),
            ms=float(document["ms"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("this is no report on a domain") from error


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _read_finding(row: Mapping[str, Any]) -> Finding:
    if row["check"] not in CHECKS or row["state"] not in STATES:
        raise ValueError("this is no finding")
    return Finding(
        row["check"],
        row["state"],
        _text(row["text"]),
        tuple(map(str, row["found"])),
        tuple(map(_text, row["notes"])),
        tuple(Record(str(it["name"]), str(it["type"]), str(it["value"])) for it in row["publish"]),
    )

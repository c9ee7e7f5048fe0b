"""What somebody typed into the search box, taken apart: qualifiers, quoted values, bare words.

``to:ada@example.com error:"mailbox full" after:2026-11-01 invoice``: all of it has to hold. Pages,
command line and Python read it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, cast, get_args

from flask_smtpadmin.core.advice import causes
from flask_smtpadmin.core.errors import InvalidSearch
from flask_smtpadmin.core.words import said

Qualifier = Literal[
    "to", "from", "subject", "type", "server", "error", "after", "before", "id", "key"
]
QUALIFIERS: Final[tuple[Qualifier, ...]] = get_args(Qualifier)
#: How a value is compared. ``mailbox``: an address or a Message-ID, which look alike; ``words``:
#: in subject, error, first recipient, Message-ID or key.
Kind = Literal[
    "id",
    "message_id",
    "mailbox",
    "address",
    "domain",
    "recipient",
    "from",
    "subject",
    "error",
    "cause",
    "type",
    "server",
    "after",
    "before",
    "key",
    "words",
]
#: Characters of a search that are read.
LONGEST: Final = 255
#: The largest id that a column holds; drivers raise errors of their own beyond it.
LARGEST_ID: Final = 2**63 - 1
_PART: Final = re.compile(
    r"""(?:(?P<name>[A-Za-z][A-Za-z_-]*):)?  (?: "(?P<quoted>[^"]*)" (?=\s|$) | (?P<plain>\S*) )""",
    re.VERBOSE,
)
_HOST: Final = re.compile(r"[^\s@]+\.[^\s@.]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must hold.

    Attributes:
        kind: how ``value`` is compared.
        value: text; an id as digits; a domain in lower case.
        moment: aware UTC, of ``after`` (from then on) and ``before`` (earlier than that).
        typed: as it was typed, for its chip.
        rest: the search without it.
    """

    kind: Kind
    value: str
    moment: datetime | None
    typed: str
    rest: str

    @property
    def form(self) -> str:
        """An address as the index over recipients has it."""
        local, _, domain = self.value.rpartition("@")
        return index_form(f"{local}@{_a_labels(domain)}")


def parse(text: str) -> tuple[Term, ...]:
    """Take a search apart; empty text gives no terms.

    Raises:
        InvalidSearch: a qualifier or a date that is none; the text says what to type instead.
    """
    text = text.strip()
    parts = list(_parts(text))
    typed = [text[start:end] for start, end, _name, _value, _quoted in parts]
    terms = []
    for at, (_start, _end, name, value, quoted) in enumerate(parts):
        kind, meant, moment = _meaning(name, value, quoted=quoted)
        rest = " ".join(typed[:at] + typed[at + 1 :])
        terms.append(Term(kind, meant, moment, typed[at], rest))
    return tuple(terms)


def index_form(address: str) -> str:
    """Return an address as the index over recipients has it: ``example.com@ada``, lower case.

    The domain first: all of one domain stand together.
    """
    local, _, domain = address.rpartition("@")
    return f"{domain}@{local}".lower()


def _parts(text: str) -> Iterator[tuple[int, int, str, str, bool]]:
    """Yield beginning, end, qualifier, value and whether it was quoted, of each part."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _PART.match(text, at)
        assert found is not None  # noqa: S101 - \S* matches anything
        quoted = found["quoted"] is not None
        value = found["quoted"] if quoted else found["plain"]
        if not quoted and value.startswith('"'):
            raise InvalidSearch(
                said(
                    "A quotation mark is missing: %(part)s has one at one end only. Values with "
                    'spaces stand between two, like subject:"two words".',
                    part=found[0],
                )
            )
        yield at, found.end(), (found["name"] or "").lower(), value, quoted
        at = found.end()


def _meaning(name: str, value: str, *, quoted: bool) -> tuple[Kind, str, datetime | None]:
    if not name:
        return (*(("words", value) if quoted else _of_word(value)), None)
    if name not in QUALIFIERS:
        names = ", ".join(f"{one}:" for one in QUALIFIERS)
        raise InvalidSearch(
            said(
                "There is no qualifier %(name)s: (there are %(names)s). To look for the text "
                'itself, put it in quotation marks: "%(name)s:%(value)s".',
                name=name,
                names=names,
                value=value,
            )
        )
    if not value.strip():
        raise InvalidSearch(
            said("There is nothing after %(name)s:. Write the value without a space.", name=name)
        )
    if name in {"after", "before"}:
        moment = _moment(name, value)
        return cast("Kind", name), value, moment
    return (*_of_qualifier(name, value.strip()), None)


def _of_word(word: str) -> tuple[Kind, str]:
    """Tell what a bare word is by its form."""
    if _is_id(word):
        return "id", word
    if word.startswith("<") and word.endswith(">"):
        return "message_id", word
    local, at, domain = word.rpartition("@")
    if at and domain:
        return ("mailbox", word) if local else ("domain", _a_labels(domain))
    return "words", word


def _of_qualifier(name: str, value: str) -> tuple[Kind, str]:
    if name == "id":
        if not _is_id(value):
            return "message_id", value if value.startswith("<") else f"<{value}>"
        return "id", value
    if name == "to":
        return _of_recipient(value)
    if name == "error":
        cause = value.lower().replace("-", "_")
        return ("cause", cause) if cause in causes() else ("error", value)
    return cast("Kind", name), value


def _of_recipient(value: str) -> tuple[Kind, str]:
    local, at, domain = value.rpartition("@")
    if at and local and domain:
        return "address", value
    if (at and domain) or (not at and _HOST.fullmatch(value)):
        return "domain", _a_labels(domain or value)
    return "recipient", value


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < len(text) < len(str(LARGEST_ID))


def _a_labels(domain: str) -> str:
    """Return a domain as recipients have it: lower case, ASCII (RFC 5891)."""
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain.lower()


def _moment(name: str, value: str) -> datetime:
    """Read a day or a time; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return min(max(moment, _FIRST), _LAST)
    except (ValueError, OverflowError):
        raise InvalidSearch(
            said(
                "%(value)s is not a date for %(name)s:. Write it like %(name)s:2026-11-28 or "
                "%(name)s:2026-11-28T14:30 (UTC, unless a zone follows: +01:00).",
                value=repr(value),
                name=name,
            )
        ) from None


#: Databases take no others.
_FIRST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC) - timedelta(days=1)

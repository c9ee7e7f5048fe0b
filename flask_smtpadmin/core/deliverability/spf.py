"""Read an SPF record (RFC 7208): its terms, as a receiver reads them.

What does not follow the grammar makes the whole record void for every receiver (``permerror``), so
that nothing here is guessed.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = "v=spf1"
Qualifier = Literal["+", "-", "~", "?"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Terms that cost one of the ten look-ups (RFC 7208 4.6.4).
COSTLY: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_TERM: Final = re.compile(
    r"(?P<qualifier>[+?~-]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)(?P<rest>[:/].*)?",
    re.IGNORECASE,
)
_MODIFIER: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)")
_MACRO: Final = r"%\{[slodipvhcrtSLODIPVHCRT][0-9]*[rR]?[.\-+,/_=]*\}"
#: A macro-string: visible characters, with "%" only where a macro begins.
_MACRO_STRING: Final = re.compile(rf"(?:{_MACRO}|%%|%_|%-|[!-$&-~])*")
#: How a domain-spec ends: in a macro, or in a top label (RFC 7208 7.1).
_MACRO_END: Final = re.compile(rf"(?:{_MACRO}|%%|%_|%-)\Z")
_TOP_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
#: Macros that stand for something only in an explanation.
_EXPLAINING: Final = re.compile(r"%\{[crtCRT]")
_CIDR: Final = re.compile(
    r"(?P<domain>.*?)(?:/(?P<four>0|[1-9]\d?))?(?://(?P<six>0|[1-9]\d{0,2}))?"
)
_IP4_BITS: Final = 32
_IP6_BITS: Final = 128
#: Characters at the end of a domain-spec among which a macro is looked for.
_LONGEST_MACRO: Final = 64


class SPFError(ValueError):
    """A record that receivers treat as an error; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism: ``domain`` "" is the domain itself, the prefix lengths are for a and mx."""

    qualifier: Qualifier
    name: str
    domain: str = ""
    four: int = _IP4_BITS
    six: int = _IP6_BITS
    network: Network | None = None

    @property
    def costly(self) -> bool:
        """Whether it costs a look-up."""
        return self.name in COSTLY


@dataclass(frozen=True, slots=True)
class SPFRecord:
    """A record as read: ``mechanisms`` in order, ``redirect`` "" when there is none."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""

    @property
    def all(self) -> Qualifier | None:
        """What is said of everybody else; None: nothing."""
        return next((it.qualifier for it in self.mechanisms if it.name == "all"), None)


def is_spf(text: str) -> bool:
    """Say whether a TXT record is an SPF record."""
    return text[: len(VERSION)].lower() == VERSION and text[len(VERSION) :][:1] in ("", " ")


def parse_spf(text: str) -> SPFRecord:
    """Return the terms of an SPF record.

    Raises:
        SPFError: it does not follow the grammar; the text quotes the term.
    """
    if not is_spf(text):
        raise SPFError("it does not begin with v=spf1")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text[len(VERSION) :].split(" "):
        if not term:
            continue
        if mechanism := _mechanism(term):
            mechanisms.append(mechanism)
        else:
            name, value = _modifier(term)
            if name in modifiers and name in {"redirect", "exp"}:
                raise SPFError(f"{name}= stands in it twice")
            modifiers[name] = value
    return SPFRecord(tuple(mechanisms), modifiers.get("redirect", ""))


def _mechanism(term: str) -> Mechanism | None:
    found = _TERM.fullmatch(term)
    if found is None:
        return None
    name, rest = found["name"].lower(), found["rest"] or ""
    qualifier: Qualifier = found["qualifier"] or "+"  # type: ignore[assignment]  # the pattern says
    if name == "all":
        if rest:
            raise SPFError(f"{term!r} takes nothing after all")
        return Mechanism(qualifier, name)
    if name in {"ip4", "ip6"}:
        return Mechanism(qualifier, name, network=_network(name, rest, term))
    if name in {"a", "mx"}:
        return _with_lengths(qualifier, name, rest, term)
    if not rest and name == "ptr":
        return Mechanism(qualifier, name)
    if not rest.startswith(":"):
        raise SPFError(f"{term!r} needs a domain after a colon")
    return Mechanism(qualifier, name, _domain_spec(rest[1:], term))


def _with_lengths(qualifier: Qualifier, name: str, rest: str, term: str) -> Mechanism:
    found = _CIDR.fullmatch(rest)
    if found is None:  # pragma: no cover - the pattern takes any text
        raise SPFError(f"{term!r} cannot be read")
    four = int(found["four"] or _IP4_BITS)
    six = int(found["six"] or _IP6_BITS)
    if four > _IP4_BITS or six > _IP6_BITS:
        raise SPFError(f"{term!r} has a prefix that is too long")
    domain = found["domain"]
    if not domain:
        return Mechanism(qualifier, name, "", four, six)
    if not domain.startswith(":"):
        raise SPFError(f"{term!r} has a prefix length that cannot be read")
    return Mechanism(qualifier, name, _domain_spec(domain[1:], term), four, six)


def _network(name: str, rest: str, term: str) -> Network:
    address, slash, length = rest.removeprefix(":").partition("/")
    kind = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    proper = rest.startswith(":") and "%" not in address
    if not proper or (slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", length)):
        raise SPFError(f"{term!r} is not an address or a network")
    try:
        return kind(rest[1:], strict=False)
    except ValueError:
        raise SPFError(f"{term!r} is not an address or a network") from None


def _modifier(term: str) -> tuple[str, str]:
    found = _MODIFIER.fullmatch(term)
    if found is None:
        raise SPFError(f"{term!r} is no term of SPF")
    name = found["name"].lower()
    if name in {"redirect", "exp"}:
        return name, _domain_spec(found["value"], term)
    if not _MACRO_STRING.fullmatch(found["value"]):
        raise SPFError(f"{term!r} holds a macro that cannot be read")
    return name, found["value"]


def _domain_spec(text: str, term: str) -> str:
    if not text or not _MACRO_STRING.fullmatch(text):
        raise SPFError(f"{term!r} holds a domain that cannot be read")
    if not _ends_well(text) or _EXPLAINING.search(text):
        raise SPFError(f"{term!r} does not name a domain")
    return text


def _ends_well(text: str) -> bool:
    if _MACRO_END.search(text[-_LONGEST_MACRO:]):
        return True
    _, dot, label = text.removesuffix(".").rpartition(".")
    return bool(dot and _TOP_LABEL.fullmatch(label)) and not label.isdigit()

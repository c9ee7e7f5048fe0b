"""What the checks need of the DNS, and the bounds on what they believe of its answers."""

from __future__ import annotations

import re
from typing import Final, Protocol

from flask_smtpadmin.core.redact import clean

#: Bytes of one TXT record that are looked at; 450 is what RFC 7208 3.4 advises to stay under.
LONGEST: Final = 4096
#: Answers to one question that are looked at.
MOST: Final = 50
_LONGEST_NAME: Final = 253
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


class LookupFailed(Exception):
    """The DNS gave no answer: a time-out, or a server that failed. The text says which."""


class Lookup(Protocol):
    """Asks the DNS. A name that is not there and one without such records both give ``[]``.

    Every method may raise :class:`LookupFailed`, and nothing else. Answers are the DNS's own: as
    many and as odd as whoever runs the domain likes.
    """

    async def txt(self, name: str) -> list[str]:
        """Return the TXT records, the strings of each joined."""

    async def mx(self, domain: str) -> list[tuple[int, str]]:
        """Return preference and host of each MX record; ``"."`` or ``""`` is the null MX."""

    async def addresses(self, host: str) -> list[str]:
        """Return the IPv4 and IPv6 addresses of a host, as text."""

    async def ptr(self, address: str) -> list[str]:
        """Return the names of an address."""


def is_name(text: str) -> bool:
    """Say whether ``text`` may be asked for in the DNS: labels of 1 to 63, 253 in all."""
    name = text.removesuffix(".")
    if not name or len(name) > _LONGEST_NAME:
        return False
    return all(_LABEL.fullmatch(label) for label in name.split("."))


def same_name(text: str) -> str:
    """Return a name as it is compared: lower case, without the final dot, safe to show."""
    return clean(text, limit=2 * _LONGEST_NAME).lower().removesuffix(".")


async def text_records(lookup: Lookup, name: str) -> list[str]:
    """Return the TXT records of ``name``, bounded in number and length."""
    if not is_name(name):
        return []
    return [text[:LONGEST] for text in (await lookup.txt(name))[:MOST]]

"""The DNS as a table: a look-up for the checks that ask nobody."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from flask_smtpadmin.core.deliverability.lookups import LookupFailed

T = TypeVar("T")
#: name -> type -> values; the value of MX is (preference, host)
Table = Mapping[str, Mapping[str, list[Any]]]


class Records:
    """Answers from ``table``; ``asked`` lists the questions, names in ``failing`` get no answer."""

    def __init__(self, table: Table, failing: frozenset[str] = frozenset()) -> None:
        self.table = table
        self.failing = failing
        self.asked: list[str] = []

    async def txt(self, name: str) -> list[str]:
        """Return TXT."""
        return self._find("TXT", name)

    async def mx(self, domain: str) -> list[tuple[int, str]]:
        """Return MX."""
        return self._find("MX", domain)

    async def addresses(self, host: str) -> list[str]:
        """Return A and AAAA."""
        return self._find("A", host)

    async def ptr(self, address: str) -> list[str]:
        """Return PTR; the table has them under ``10.2.0.192.in-addr.arpa``."""
        return self._find("PTR", ipaddress.ip_address(address).reverse_pointer)

    def _find(self, kind: str, name: str) -> list[Any]:
        self.asked.append(f"{kind} {name}")
        if name in self.failing:
            raise LookupFailed(f"{name}: no answer")
        return list(self.table.get(name.lower().rstrip("."), {}).get(kind, []))


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)

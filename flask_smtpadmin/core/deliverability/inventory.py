"""Walk everything an SPF record names, whoever sends: look-ups, includes, mistakes.

A receiver stops at the first match and so counts differently for each sender; what counts here is
the worst case, which is what a domain must stay within.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flask_smtpadmin.core.deliverability.check_host import LOOKUPS, spf_record
from flask_smtpadmin.core.deliverability.lookups import Lookup, is_name, same_name, text_records
from flask_smtpadmin.core.deliverability.spf import (
    Mechanism,
    Qualifier,
    SPFError,
    SPFRecord,
    is_spf,
    parse_spf,
)

#: Look-ups at which the walk ends, whatever the records say: twice what receivers do.
_END: Final = 2 * LOOKUPS


@dataclass(slots=True)
class Inventory:
    """What the record of a domain amounts to.

    Attributes:
        records: the SPF records as published, one as a rule.
        record: the one that was read; None: none, several, or one that cannot be read.
        includes: every domain that ``include`` or ``redirect`` leads to, without macros.
        lookups: in the worst case; one more than the limit may stand for many more.
        voids: names it asks for that have no answer.
        errors: what makes receivers treat it as an error.
        all: what is said of everybody else, through ``redirect`` too; None: nothing.
        ptr: whether ``ptr`` is used anywhere.
    """

    records: list[str] = field(default_factory=list)
    record: SPFRecord | None = None
    includes: list[str] = field(default_factory=list)
    lookups: int = 0
    voids: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    all: Qualifier | None = None
    ptr: bool = False


async def take_inventory(lookup: Lookup, domain: str) -> Inventory:
    """Return what the SPF record of ``domain`` amounts to.

    Raises:
        LookupFailed: the DNS did not answer.
    """
    found = Inventory()
    found.records = [text for text in await text_records(lookup, domain) if is_spf(text)]
    if len(found.records) != 1:
        return found
    try:
        found.record = parse_spf(found.records[0])
    except SPFError as error:
        found.errors.append(str(error))
        return found
    walk = _Walk(lookup, found)
    found.all = await walk.through(found.record, (same_name(domain),))
    return found


class _Walk:
    def __init__(self, lookup: Lookup, found: Inventory) -> None:
        self._lookup = lookup
        self._found = found

    async def through(self, record: SPFRecord, path: tuple[str, ...]) -> Qualifier | None:
        """Count the terms of a record and of all it leads to; ``path`` are the domains above."""
        for mechanism in record.mechanisms:
            if mechanism.name == "all":
                break  # nothing after it is ever looked at
            if mechanism.costly:
                await self._count(mechanism, path)
        if record.all is not None or not record.redirect:
            return record.all
        self._found.lookups += 1
        return await self._follow("redirect=", record.redirect, path)

    async def _count(self, mechanism: Mechanism, path: tuple[str, ...]) -> None:
        found = self._found
        if found.lookups >= _END:
            return
        found.lookups += 1
        found.ptr = found.ptr or mechanism.name == "ptr"
        target = mechanism.domain or path[-1]
        if mechanism.name == "include":
            await self._follow("include:", target, path)
        elif mechanism.name in {"a", "mx"} and "%" not in target:
            await self._look(mechanism.name, same_name(target))

    async def _look(self, kind: str, target: str) -> None:
        ask = self._lookup.mx if kind == "mx" else self._lookup.addresses
        if not is_name(target) or not await ask(target):
            self._found.voids.append(f"{kind}:{target}")

    async def _follow(self, word: str, target: str, path: tuple[str, ...]) -> Qualifier | None:
        found = self._found
        if "%" in target or found.lookups > _END:
            return None  # who it leads to hangs on the sender
        name = same_name(target)
        if name in path:
            found.errors.append(f"{word}{name} leads back to itself")
            return None
        if name not in found.includes:
            found.includes.append(name)
        try:
            record = await spf_record(self._lookup, name)
        except SPFError as error:
            found.errors.append(f"in {word}{name}: {error}")
            return None
        if record is None:
            found.errors.append(f"{word}{name} leads to no SPF record")
            return None
        return await self.through(record, (*path, name))

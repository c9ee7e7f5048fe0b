"""The walk over all messages that a filter means, in the order of their ids, however many are not.

Where an index leads to few rows, those alone are looked at. Else the walk goes along an index, or
along all messages, a bounded piece at a time, so that whoever has no more time can stop and go on
later: the text of a million messages is never read at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from flask_smtpadmin.storage.matching import Meaning, Way

#: Rows of an index that are read to see whether it leads to few. Where it does not, one that has
#: ids in no order is of no use, so that this is worth more of it.
FEW: Final = 1000
_FEW_IN_NO_ORDER: Final = 2000
#: Messages looked at in the first piece and in the longest, and the seconds that a piece may take.
_FIRST: Final = 200
_LONGEST: Final = 20_000
_PIECE: Final = 0.012
#: Places that are looked at together when a time is looked for.
_PROBES: Final = 16
#: Clocks of hosts differ: messages are in the order of their creation but for this.
_SKEW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some messages next to each other: these ``numbers``, or all from ``low`` to ``high``.

    ``last``: the id that the walk goes on behind; None: there are no more.
    """

    last: int | None
    numbers: Sequence[int] | None = None
    low: int = 0
    high: int = 0

    def among(self, column: sa.Column[Any], dialect: str) -> sa.ColumnElement[bool]:
        """Return the condition that ``column`` has one of the ids; one parameter for all."""
        if self.numbers is None:
            return column.between(self.low, self.high)
        return one_of(column, self.numbers, dialect)


@dataclass(slots=True)
class Walk:
    """A walk over the messages that ``meaning`` means.

    Args:
        connection: to read from.
        meaning: the filter.
        back: from older to newer messages.
        beyond: only ids behind this one; None: from the end.
        within: the lowest and the highest id that count.
    """

    connection: Connection
    meaning: Meaning
    back: bool = False
    beyond: int | None = None
    within: tuple[int, int] | None = None
    _size: int = field(default=_FIRST, init=False)

    def pieces(self, size: int = _FIRST) -> Iterator[Piece]:
        """Yield pieces, the first of about ``size`` messages, until there are no more."""
        self._size = size
        low, high = self.bounds()
        if low > high or self.meaning.impossible:
            return
        ways = self.meaning.ways()
        alone = len(ways) == 1 and not self.meaning.terms and not self.meaning.wanted.range
        if not (alone and ways[0].ordered):
            for way in ways:
                numbers = self._few(way, low, high)
                if numbers is not None:
                    yield from self._through(numbers)
                    return
        ordered = [way for way in ways if way.ordered]
        yield from self._along(ordered[0], low, high) if ordered else self._over(low, high)

    def bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest id that can match."""
        table = self.meaning.models.table("Message")
        ends = sa.select(sa.func.min(table.c.id)), sa.select(sa.func.max(table.c.id))
        first, last = self.connection.execute(
            sa.select(*(end.scalar_subquery() for end in ends))
        ).one()
        if first is None:
            return 1, 0
        low, high = self.within or (first, last)
        if self.beyond is not None:
            low, high = (self.beyond + 1, high) if self.back else (low, self.beyond - 1)
        low, high = max(low, first), min(high, last)
        after, before = self.meaning.bounds
        if after is not None:
            low = self._first_since(after - _SKEW, low, high)
        if before is not None:
            high = self._first_since(before + _SKEW, low, high + 1) - 1
        return low, high

    def _first_since(self, moment: datetime, low: int, high: int) -> int:
        """Return the lowest id from which on messages are as young: ids grow with time."""
        since = until = None
        while low < high:
            probes = _places(low, high, _share(moment, since, until))
            for probe, created in zip(probes, self._created(probes), strict=True):
                if created is None or created >= moment:
                    high, until = probe, created
                    break
                low, since = probe + 1, created
        return low

    def _created(self, probes: Sequence[int]) -> Sequence[datetime | None]:
        """Return when the first message from each of these ids on was created."""
        table = self.meaning.models.table("Message")
        columns = (
            sa.select(table.c.created_at)
            .where(table.c.id >= probe)
            .order_by(table.c.id)
            .limit(1)
            .scalar_subquery()
            for probe in probes
        )
        return self.connection.execute(sa.select(*columns)).one()

    def _few(self, way: Way, low: int, high: int) -> list[int] | None:
        """Return all ids that a way leads to, in the order of the walk; None: they are many."""
        few = FEW if way.ordered else _FEW_IN_NO_ORDER
        if way.ordered:
            arms = [arm.next(low, high, few + 1, back=self.back) for arm in way.arms]
        else:
            arms = [arm.all().limit(few + 1) for arm in way.arms]
        bounded = sa.union_all(*(sa.select(arm.subquery().c.number) for arm in arms)).subquery()
        some = sa.select(bounded.c.number).limit(few + 1)
        count = sa.select(sa.func.count()).select_from(some.subquery())
        if self.connection.execute(count).scalar_one() > few:
            return None
        found = self.connection.execute(some).scalars().all()
        return sorted({n for n in found if low <= n <= high}, reverse=not self.back)

    def _through(self, numbers: list[int]) -> Iterator[Piece]:
        at = 0
        while at < len(numbers):
            chosen, began = numbers[at : at + self._size], time.monotonic()
            at += len(chosen)
            yield Piece(chosen[-1] if at < len(numbers) else None, chosen)
            self._grow(len(chosen), time.monotonic() - began)

    def _along(self, way: Way, low: int, high: int) -> Iterator[Piece]:
        """Go along the indexes of a way, merged."""
        while True:
            began, size = time.monotonic(), self._size
            arms = [arm.next(low, high, size, back=self.back).subquery() for arm in way.arms]
            merged = sa.union(*(sa.select(arm.c.number) for arm in arms)).subquery()
            order = merged.c.number.asc() if self.back else merged.c.number.desc()
            query = sa.select(merged.c.number).order_by(order).limit(size)
            numbers = self.connection.execute(query).scalars().all()
            more = len(numbers) == size
            if numbers:
                yield Piece(numbers[-1] if more else None, numbers)
            if not more:
                return
            low, high = (numbers[-1] + 1, high) if self.back else (low, numbers[-1] - 1)
            self._grow(size, time.monotonic() - began)

    def _over(self, low: int, high: int) -> Iterator[Piece]:
        """Go over all messages, some ids at a time."""
        while low <= high:
            began, size = time.monotonic(), self._size
            if self.back:
                piece = (low, min(high, low + size - 1))
                low = piece[1] + 1
            else:
                piece = (max(low, high - size + 1), high)
                high = piece[0] - 1
            last = piece[1] if self.back else piece[0]
            yield Piece(last if low <= high else None, None, *piece)
            self._grow(size, time.monotonic() - began)

    def _grow(self, size: int, seconds: float) -> None:
        fitting = int(size * _PIECE / max(seconds, 1e-4))
        self._size = max(_FIRST // 2, min(4 * size, fitting, _LONGEST))


def _share(moment: datetime, since: datetime | None, until: datetime | None) -> float | None:
    """Return where between two times a moment lies, from 0 to 1; None: not known."""
    if since is None or until is None or until <= since:
        return None
    return min(max((moment - since) / (until - since), 0.0), 1.0)


def _places(low: int, high: int, share: float | None) -> list[int]:
    """Return where to look next, in order: evenly, and closer and closer to the likely place."""
    width = high - low
    even = {low + width * at // _PROBES for at in range(0, _PROBES, 1 if share is None else 2)}
    if share is None:
        return sorted(even)
    likely = low + int(width * share)
    near = {likely + sign * (width >> 2 * at) for at in range(2, 6) for sign in (-1, 1)}
    return sorted(place for place in even | near | {likely} if low <= place < high)


def one_of(column: sa.Column[Any], numbers: Sequence[int], dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition that ``column`` has one of ``numbers``, as one parameter."""
    if dialect == "sqlite":
        given = sa.func.json_each(json.dumps(list(numbers))).table_valued("value")
        return column.in_(sa.select(given.c.value))
    if dialect == "postgresql":
        text = sa.literal(f"{{{','.join(map(str, numbers))}}}", sa.Text())
        return column == sa.any_(sa.cast(text, ARRAY(sa.BigInteger)))
    return column.in_(numbers)

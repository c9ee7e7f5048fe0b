"""How much a server may be given, and when: limits in messages or recipients per period.

A limit per second or minute is kept by *spaced slots*: 100 a minute is one every 0.6 s and a
little, so that no sliding minute ever holds more than 100, whoever looks. A limit per hour, day
(24 h) or month (30 days) is a sliding window counted in buckets; a bucket that lies partly in the
window counts wholly. What comes first is not spaced, so that a password reset does not wait for
minutes, and yet no window is ever exceeded.

Times are seconds since some epoch that all callers share; nothing here looks at a clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

Unit = Literal["messages", "recipients"]

#: Seconds of each period, as LIMITS names it.
PERIODS: Final = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "month": 2_592_000.0,
}
_UNITS: Final[tuple[tuple[str, Unit], ...]] = (("", "messages"), ("recipients_", "recipients"))
#: Slots lie this much further apart than they must: a share of the period to be late in. Messages
#: of different size need more of it, and so do the short slots of a second.
_SLACK: Final = {"messages": 0.01, "recipients": 0.025, "second": 0.025}
#: Buckets of one sliding window. One more is counted: 48 / 49 of the allowed rate can be used.
_BUCKETS: Final = 48
#: Seconds that a message may be handed over late where only sliding windows count.
_LATE: Final = 30.0
_ROUNDING: Final = 1e-6
#: Nobody is promised a time further ahead, in seconds: the calendar ends with the year 9999.
_FAR: Final = 36_500 * PERIODS["day"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` messages or recipients in any ``seconds``."""

    name: str
    unit: Unit
    seconds: float
    most: int

    @property
    def spaced(self) -> bool:
        """Whether it is kept by spaced slots."""
        return self.seconds <= PERIODS["minute"]

    @property
    def slack(self) -> float:
        """Seconds of its period that are left unused, so that slots may be used a little late."""
        kind = "second" if self.seconds <= 1 else self.unit
        return self.seconds * _SLACK[kind]

    @property
    def bucket(self) -> float:
        """Seconds that one bucket of its sliding window spans."""
        return self.seconds / _BUCKETS

    @property
    def reach(self) -> float:
        """Seconds that a bucket counts for after its end."""
        return self.seconds + (0.0 if self.spaced else _LATE)

    @property
    def spacing(self) -> float:
        """Seconds from one slot to the next at full use."""
        if self.spaced:
            return (self.seconds + self.slack) / self.most
        return (self.reach + self.bucket) / self.most

    @property
    def late(self) -> float:
        """Seconds after its slot at which a message is too late for it."""
        return self.spacing + self.slack if self.spaced else _LATE


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """When a message may be handed over, naive UTC: not before ``begins``, nor after ``ends``."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hand-over takes."""

    messages: int = 1
    recipients: int = 1

    def of(self, limit: Limit) -> int:
        """Return what it takes of a limit; more than there ever is counts as all of it."""
        return min(self.messages if limit.unit == "messages" else self.recipients, limit.most)


@dataclass(frozen=True, slots=True)
class Usage:
    """What was reserved at one server.

    ``slots``: by limit, when the next slot is free. ``counts``: by limit, bucket number ->
    messages or recipients. ``tails``: by priority, up to when slots are promised to waiting mail.
    """

    slots: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    tails: Mapping[int, float] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as JSON."""
        content = {"slots": self.slots, "counts": self.counts, "tails": self.tails}
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Usage:
        """Return what :meth:`text` wrote."""
        content = json.loads(text)
        counts = {
            name: {int(number): count for number, count in buckets.items()}
            for name, buckets in content["counts"].items()
        }
        tails = {int(priority): moment for priority, moment in content["tails"].items()}
        return cls(content["slots"], counts, tails)

    def used(self, limit: Limit, now: float) -> int:
        """Return how much of a limit is reserved in the period that ends ``now``, and after it."""
        return sum(count for _, count in _counted(self, limit, now))


def limits_of(named: Mapping[str, int]) -> tuple[Limit, ...]:
    """Return the limits among the values of LIMITS (``{"per_minute": 100}``)."""
    known = (
        Limit(name, unit, seconds, named[name])
        for prefix, unit in _UNITS
        for period, seconds in PERIODS.items()
        if (name := f"{prefix}per_{period}") in named
    )
    return tuple(known)


def lateness(limits: Iterable[Limit]) -> float:
    """Return how late, in seconds, a message may be handed over without breaking a limit."""
    return min((limit.late for limit in limits), default=_LATE)


def next_free(limits: Iterable[Limit], usage: Usage, now: float, cost: Cost) -> float:
    """Return the first time, from ``now`` on, at which ``cost`` fits all limits."""
    moment = now
    for limit in limits:
        if limit.spaced:
            moment = max(moment, usage.slots.get(limit.name, now))
        if not limit.spaced or limit.unit == "recipients":  # spacing alone fits equal sizes only
            moment = max(moment, _window_free(limit, usage, now, cost.of(limit)))
    return moment


def reserve(
    limits: Iterable[Limit], usage: Usage, now: float, cost: Cost, *, horizon: float
) -> tuple[float | None, Usage]:
    """Take the next slot for ``cost`` if it comes within ``horizon`` seconds.

    Returns:
        The time to hand the message over, or None, and the usage after that.
    """
    limits = tuple(limits)
    slot = next_free(limits, usage, now, cost)
    if slot > now + horizon:
        return None, usage
    slots = {limit.name: slot + cost.of(limit) * limit.spacing for limit in limits if limit.spaced}
    counts = {
        limit.name: _with(_kept(usage, limit, now), limit, slot, cost.of(limit)) for limit in limits
    }
    tails = {rank: moment for rank, moment in usage.tails.items() if moment > now}
    return slot, Usage(slots, counts, tails)


def mended(limits: Iterable[Limit], usage: Usage, now: float, *, horizon: float) -> Usage:
    """Return usage without times that lie further ahead than any reservation: a clock was wrong.

    Slots are then free within a period, and what was counted for later counts for now.
    """
    slots, counts = dict(usage.slots), {name: dict(of) for name, of in usage.counts.items()}
    for limit in limits:
        latest = now + horizon + limit.seconds + limit.slack
        if slots.get(limit.name, now) > latest:
            slots[limit.name] = latest
        last = int((now + horizon) // limit.bucket)
        buckets = counts.get(limit.name, {})
        if any(number > last for number in buckets):
            counts[limit.name] = {n: count for n, count in buckets.items() if n < last}
            counts[limit.name][last] = sum(count for n, count in buckets.items() if n >= last)
    return replace(usage, slots=slots, counts=counts)


def give_back(limits: Iterable[Limit], usage: Usage, slot: float, cost: Cost) -> Usage:
    """Return usage without what was reserved at ``slot`` and not used.

    The spaced slot itself has gone by; only the sliding windows get something back.
    """
    counts = dict(usage.counts)
    for limit in limits:
        if limit.name in counts:
            counts[limit.name] = _with(counts[limit.name], limit, slot, -cost.of(limit))
    return replace(usage, counts=counts)


def promise(
    limits: Iterable[Limit], usage: Usage, now: float, cost: Cost, priority: int
) -> tuple[float, Usage]:
    """Say when a message that finds no slot shall try again: behind those that wait already.

    ``priority``: smaller is more urgent; it does not wait behind promises to less urgent mail.
    The time is an estimate: who comes back and finds others in its place gets another promise.
    """
    limits = tuple(limits)
    ahead = [moment for rank, moment in usage.tails.items() if rank <= priority]
    moment = max(next_free(limits, usage, now, cost), *ahead, now)
    moment = min(moment, now + _FAR)
    step = max((cost.of(limit) * limit.spacing for limit in limits), default=0.0)
    return moment, replace(usage, tails={**usage.tails, priority: moment + step})


def _window_free(limit: Limit, usage: Usage, now: float, cost: int) -> float:
    """Return when so many buckets have left the window that ``cost`` fits."""
    counted = sorted(_counted(usage, limit, now))
    total, moment = sum(count for _, count in counted), now
    for number, count in counted:
        if total + cost <= limit.most:
            break
        total -= count
        moment = (number + 1) * limit.bucket + limit.reach + _ROUNDING
    return moment


def _counted(usage: Usage, limit: Limit, now: float) -> list[tuple[int, int]]:
    """Return the buckets that lie, at least partly, in the window that ends ``now`` or later."""
    buckets = usage.counts.get(limit.name, {})
    begin = now - limit.reach
    return [item for item in buckets.items() if (item[0] + 1) * limit.bucket > begin]


def _kept(usage: Usage, limit: Limit, now: float) -> dict[int, int]:
    return dict(_counted(usage, limit, now))


def _with(buckets: Mapping[int, int], limit: Limit, slot: float, cost: int) -> dict[int, int]:
    """Return buckets with ``cost`` more (or less) in the one that ``slot`` lies in."""
    number = int(slot // limit.bucket)
    count = max(0, buckets.get(number, 0) + cost)
    return {**{key: value for key, value in buckets.items() if key != number}, number: count}

"""Limits hold in every sliding window whatever happens, and what they allow is used."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.rate import (
    PERIODS,
    Cost,
    Limit,
    Usage,
    give_back,
    lateness,
    limits_of,
    mended,
    next_free,
    promise,
    reserve,
)

HORIZON = 2.0
NAMES = [f"{prefix}per_{period}" for prefix in ("", "recipients_") for period in PERIODS]
LIMITS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 60), min_size=1, max_size=4)
#: seconds until the next try, its recipients, how late it is handed over (share of the allowed)
TRIES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.03, 0.4, 1.0, 7.0, 61.0, 700.0, 30_000.0, 900_000.0]),
        st.integers(1, 8),
        st.floats(0, 1),
    ),
    max_size=150,
)


def highest(limit: Limit, events: list[tuple[float, Cost]]) -> int:
    """Return the most that any sliding window of a limit held."""
    events = sorted(events, key=lambda event: event[0])
    worst, first, held = 0, 0, 0
    for moment, cost in events:
        held += cost.of(limit)
        while moment - events[first][0] >= limit.seconds - 1e-6:
            held -= events[first][1].of(limit)
            first += 1
        worst = max(worst, held)
    return worst


@given(LIMITS, TRIES)
def test_no_sliding_window_exceeds_its_limit(named, tries):
    """Whatever the pauses and sizes; with every delay allowed, one message more at most arrives."""
    limits, usage, now = limits_of(named), Usage(), 1_000_000.0
    handed, arrived = [], []
    for pause, recipients, late in tries:
        now += pause
        cost = Cost(recipients=recipients)
        slot, usage = reserve(limits, usage, now, cost, horizon=HORIZON)
        if slot is None:
            continue
        assert now <= slot <= now + HORIZON
        handed.append((slot, cost))
        arrived.append((slot + late * lateness(limits), cost))
        usage = Usage.read(usage.text())
    for limit in limits:
        assert highest(limit, handed) <= limit.most
        one_more = max((cost.of(limit) for _, cost in handed), default=0)
        assert highest(limit, arrived) <= limit.most + (one_more if limit.spaced else 0)


@pytest.mark.parametrize(
    ("name", "most", "periods"),
    [
        ("per_second", 20, 60),
        ("per_minute", 100, 10),
        ("per_minute", 1, 40),
        ("recipients_per_minute", 300, 10),
        ("per_hour", 200, 40),
        ("per_day", 500, 30),
        ("per_month", 300, 25),
    ],
)
def test_what_is_allowed_is_used(name, most, periods):
    """Somebody asks all the time: at least 95 % of the allowed number goes out."""
    (limit,) = limits_of({name: most})
    usage, begin = Usage(), 1_000_000.0
    now, end, sent = begin, begin + periods * limit.seconds, 0
    while True:
        slot, usage = reserve([limit], usage, now, Cost(), horizon=HORIZON)
        now = next_free([limit], usage, now, Cost()) if slot is None else slot
        if now >= end:
            break
        sent += slot is not None
    assert sent >= 0.95 * most * periods


def test_slots_of_a_minute_are_spaced_and_those_of_a_day_are_not():
    """100 a minute goes out one by one, 500 a day as fast as it comes, until it is used up."""
    minute, day = limits_of({"per_minute": 100, "per_day": 500})
    slots, usage = [], Usage()
    for _ in range(5):
        slot, usage = reserve([minute], usage, 50.0, Cost(), horizon=HORIZON)
        slots.append(slot)
    assert slots[4] is None
    assert [round(b - a, 3) for a, b in pairwise(slots[:4])] == [0.606] * 3
    usage = Usage()
    for _ in range(500):
        slot, usage = reserve([day], usage, 50.0, Cost(), horizon=HORIZON)
        assert slot == 50.0
    assert reserve([day], usage, 50.0, Cost(), horizon=HORIZON)[0] is None
    assert 50 + 86_400 < next_free([day], usage, 50.0, Cost()) < 50 + 1.03 * 86_400


def test_what_was_not_used_is_given_back_to_the_windows():
    """A slot that was missed does not count towards the day."""
    limits = limits_of({"per_day": 1})
    slot, usage = reserve(limits, Usage(), 50.0, Cost(), horizon=HORIZON)
    assert slot is not None
    assert next_free(limits, usage, 51.0, Cost()) > 86_400
    assert next_free(limits, give_back(limits, usage, slot, Cost()), 51.0, Cost()) == 51.0


def test_a_message_larger_than_the_limit_takes_all_of_it():
    """200 recipients where 100 an hour may go: it goes out alone, when nothing else did."""
    limits = limits_of({"recipients_per_hour": 100})
    slot, usage = reserve(limits, Usage(), 50.0, Cost(recipients=200), horizon=HORIZON)
    assert slot == 50.0
    assert limits[0].most == usage.used(limits[0], 60.0)


def test_promises_follow_one_another_and_urgent_mail_goes_first():
    """Bulk waits behind bulk; an urgent message does not wait behind what bulk was promised."""
    limits = limits_of({"per_minute": 60})
    _, usage = reserve(limits, Usage(), 50.0, Cost(), horizon=HORIZON)
    promised = []
    for _ in range(5):
        moment, usage = promise(limits, usage, 50.0, Cost(), priority=2)
        promised.append(round(moment, 1))
    assert promised == [51.0, 52.0, 53.0, 54.0, 55.0]
    urgent, usage = promise(limits, usage, 50.0, Cost(), priority=0)
    assert round(urgent, 1) == 51.0
    normal, _ = promise(limits, usage, 50.0, Cost(), priority=1)
    assert round(normal, 1) == 52.0


@given(st.sampled_from(NAMES), st.integers(1, 60), st.integers(1, 150))
def test_promised_times_are_kept(name, most, waiting):
    """Who comes back at the promised time, one after another, finds a slot."""
    limits, usage, now = limits_of({name: most}), Usage(), 1_000_000.0
    promised = []
    for _ in range(waiting):
        slot, usage = reserve(limits, usage, now, Cost(), horizon=HORIZON)
        if slot is None:
            moment, usage = promise(limits, usage, now, Cost(), priority=2)
            promised.append(moment)
    for moment in promised:
        slot, usage = reserve(limits, usage, moment, Cost(), horizon=HORIZON)
        assert slot is not None


def test_however_many_wait_the_time_they_are_told_exists() -> None:
    """One a month, and more promises than months until the year 9999."""
    limits, usage, latest = limits_of({"per_month": 1}), Usage(), 0.0
    for _ in range(2000):
        latest, usage = promise(limits, usage, 0.0, Cost(), 1)
    assert latest == 36_500 * PERIODS["day"]


@pytest.mark.parametrize("name", ["per_second", "per_minute", "per_hour", "per_day"])
def test_a_clock_that_was_a_day_ahead_stops_nobody_for_a_day(name: str) -> None:
    """What was sent meanwhile counts as sent now, so that the limit holds all the same."""
    limits, usage, now = limits_of({name: 10}), Usage(), 1_800_000_000.0
    (limit,) = limits
    for _ in range(10):
        _, usage = reserve(limits, usage, now + PERIODS["day"], Cost(), horizon=PERIODS["day"])
    free = next_free(limits, mended(limits, usage, now, horizon=6.0), now, Cost())
    assert limit.seconds < free - now < limit.seconds * 1.1 + 40
    _, right = reserve(limits, Usage(), now, Cost(), horizon=1.0)
    assert mended(limits, right, now, horizon=6.0) == right

"""Which errors pass at once, and what is told when their time is over."""

from __future__ import annotations

from flask_smtpadmin.adapters.error_groups import MOST_GROUPS, Groups


def test_first_passes_and_the_rest_is_counted():
    """Of one place the first passes, the others are counted until its time is over."""
    groups = Groups(60, 10)
    assert [groups.add("a", number, now) for number, now in [(1, 0), (2, 1), (3, 59)]] == [
        True,
        False,
        False,
    ]
    assert groups.over(59.9) == []
    (group,) = groups.over(60)
    assert (group.first, group.more, group.last, group.mailed) == (1, 2, 3, True)
    assert groups.next_at() is None
    assert groups.add("a", 4, 61)


def test_single_error_has_no_summary():
    """Where nothing came after the first, there is nothing to tell."""
    groups = Groups(60, 10)
    groups.add("a", 1, 0)
    assert groups.next_at() == 60
    assert groups.over(60) == []


def test_limit():
    """Beyond the limit groups are not let through, and told at their end; then it begins anew."""
    groups = Groups(60, 2)
    assert [groups.add(place, place, 0) for place in "abc"] == [True, True, False]
    (group,) = groups.over(60)
    assert (group.first, group.mailed, group.more) == ("c", False, 0)
    assert groups.add("c", "c", 60)


def test_places_are_bounded():
    """What comes beyond the most places is counted in one group, so memory is bounded."""
    groups = Groups(60, 1)
    for place in range(MOST_GROUPS + 50):
        groups.add(place, place, 0)
    over = groups.over(60)
    assert len(over) == MOST_GROUPS + 1 - 1  # the first was mailed and is alone
    assert sum(group.more + 1 for group in over) == MOST_GROUPS + 49

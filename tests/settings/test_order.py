"""The order of servers: levels of one priority, moves, and numbers that cannot be moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_smtpadmin.core.errors import InvalidSettings, NotFound
from flask_smtpadmin.core.settings.order import Move, levels, moved


def servers(read, **priorities):
    """Return servers by key with these priorities; a text ``"!5"`` is set by the environment."""
    environ, config = {}, {}
    for key, number in priorities.items():
        config[key] = {"HOST": f"{key}.example"}
        if isinstance(number, str):
            environ[f"SMTPADMIN_SERVERS__{key.upper()}__PRIORITY"] = number.removeprefix("!")
        else:
            config[key]["PRIORITY"] = number
    environ["SMTPADMIN_PRIORITY"] = "1000"  # out of the way
    return read(environ, {"SMTPADMIN_SERVERS": config}).servers


def test_a_level_is_one_priority(read):
    """Servers of one number share a level; the default comes first among equals."""
    found = servers(read, b=5, a=5, c=0)
    assert levels(found.values()) == [["c"], ["a", "b"], ["default"]]


@pytest.mark.parametrize(
    ("before", "move", "changed"),
    [
        # alone: passes its neighbour
        ({"a": 0, "b": 10}, Move("b", by=-1), {"b": 0, "a": 10}),
        ({"a": 0, "b": 10, "c": 20}, Move("c", by=-1), {"c": 5}),
        ({"a": 0, "b": 10, "c": 20}, Move("a", by=1), {"a": 15}),
        # passes a whole level
        ({"a": 0, "b": 10, "c": 10}, Move("a", by=1), {"a": 20}),
        # shares: leaves its level
        ({"a": 4, "b": 4}, Move("b", by=-1), {"b": 1}),
        ({"a": 0, "b": 0}, Move("a", by=1), {"a": 10}),
        ({"a": 0, "b": 0}, Move("b", by=-1), {"a": 10}),
        # at the end already
        ({"a": 0, "b": 10}, Move("a", by=-1), {}),
        # dropped before another one, between two that share, at the end, where it stood
        ({"a": 0, "b": 10, "c": 20}, Move("c", before="a"), {"c": 0, "a": 10, "b": 20}),
        ({"a": 0, "b": 10, "c": 10}, Move("a", before="c"), {"a": 10}),
        ({"a": 0, "b": 10}, Move("a", before="a"), {}),
        ({"a": 0, "b": 10}, Move("a", before="b"), {}),
        # no gap: new numbers
        ({"a": 0, "b": 1, "c": 2}, Move("c", before="b"), {"c": 10, "b": 20}),
        # the environment's number stays, the others step aside
        ({"a": "!0", "b": 1, "c": 2}, Move("c", before="b"), {"c": 10, "b": 20}),
        ({"a": 0, "b": "!2", "c": 5}, Move("c", by=-1), {"c": 1}),
    ],
)  # fmt: skip
def test_a_move_writes_as_few_numbers_as_it_can(read, before, move, changed):
    """Each move yields these priorities and no other."""
    found = servers(read, **before)
    del found["default"]
    assert moved(found, move) == changed


def test_a_priority_of_the_environment_stays_and_names_its_variable(read):
    """A locked server cannot be moved, nor another one put where no number is free."""
    found = servers(read, a="!0", b="!1", c=5)
    with pytest.raises(InvalidSettings, match="SMTPADMIN_SERVERS__A__PRIORITY sets the priority 0"):
        moved(found, Move("a", by=1))
    with pytest.raises(InvalidSettings, match="SMTPADMIN_SERVERS__A__PRIORITY"):
        moved(found, Move("c", before="a"))


@pytest.mark.parametrize("move", [Move("nosuch", by=1), Move("a", before="nosuch")])
def test_only_servers_are_moved(read, move):
    """A key that no server has is not found."""
    with pytest.raises(NotFound):
        moved(servers(read, a=0), move)


def test_every_order_can_be_reached(read):
    """However often servers are moved, the wanted order comes out, with numbers that may be."""
    keys = list("abcdefgh")
    found = servers(read, **dict.fromkeys(keys, 0))
    del found["default"]
    for turn in range(60):
        key, other = keys[turn * 5 % 8], keys[turn * 3 % 8]
        numbers = moved(found, Move(key, before=other))
        assert all(0 <= number <= 1000 for number in numbers.values())
        for name, number in numbers.items():
            found[name] = replace(found[name], priority=number)
        if numbers and key != other:
            assert found[key].priority <= found[other].priority


def test_a_move_is_saved_and_noted(any_place):
    """Every process sees the new order, and one save was counted."""
    settings = any_place.settings()
    settings.save_server("default", {"host": "a.example"})
    settings.save_server("b", {"host": "b.example", "priority": "10"}, create=True)
    before = settings.revision()
    snapshot = settings.move_server(Move("b", by=-1), actor="ada")
    assert levels(snapshot.servers.values()) == [["b"], ["default"]]
    assert any_place.settings().snapshot().servers["default"].priority == 10
    assert settings.revision() == before + 1

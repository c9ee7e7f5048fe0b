"""The order in which servers are tried: levels of one priority each, and what a move writes.

Servers of one level share the mail by weight. A move gives new numbers to as few servers as
possible; numbers that the environment sets stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from flask_smtpadmin.core.errors import InvalidSettings, NotFound
from flask_smtpadmin.core.settings import Problem, Server
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS
from flask_smtpadmin.core.words import said

#: Keys by level, the one that is tried first in front.
Levels = Sequence[Sequence[str]]

_LARGEST: Final = int(SERVER_FIELDS["PRIORITY"].maximum or 0)
#: From one level to the next where nothing stands in the way.
_STRIDE: Final = 10


@dataclass(frozen=True, slots=True)
class Move:
    """Where a server is to stand.

    Args:
        key: of the server.
        by: -1 for earlier, 1 for later; 0: ``before`` counts.
        before: the server that is to come next; "" puts it at the end.
    """

    key: str
    by: int = 0
    before: str = ""


def in_order(servers: Iterable[Server]) -> tuple[Server, ...]:
    """Return the servers in the order in which they are tried; equals by key, default first."""
    return tuple(sorted(servers, key=lambda it: (it.priority, it.key != "default", it.key)))


def levels(servers: Iterable[Server]) -> list[list[str]]:
    """Return the keys of servers that share a priority together, in order."""
    grouped = groupby(in_order(servers), key=lambda server: server.priority)
    return [[server.key for server in group] for _, group in grouped]


def locked(server: Server) -> bool:
    """Say whether the environment sets the server's priority, so that it cannot be moved."""
    return server.fields["priority"].locked


def moved(servers: Mapping[str, Server], move: Move) -> dict[str, int]:
    """Return the priorities that ``move`` changes, by key; none when all stays as it is.

    A server that shares its level leaves it for one of its own just above or below. One that is
    alone passes the whole level beside it. Put between two that share, it shares with them.

    Raises:
        NotFound: there is no such server.
        InvalidSettings: the environment sets its priority, or leaves no number free.
    """
    for key in filter(None, (move.key, move.before)):
        if key not in servers:
            raise NotFound("server", key)
    if locked(servers[move.key]):
        _refuse(servers[move.key])
    before = levels(servers.values())
    after = _stepped(before, move) if move.by else _put(before, move)
    if [sorted(level) for level in before] == [sorted(level) for level in after]:
        return {}
    numbers = _numbers(after, servers, move.key)
    return {
        key: number
        for level, number in zip(after, numbers, strict=True)
        for key in level
        if servers[key].priority != number
    }


def _stepped(before: Levels, move: Move) -> list[list[str]]:
    at = next(index for index, level in enumerate(before) if move.key in level)
    after = [[key for key in level if key != move.key] for level in before]
    if after[at]:
        after.insert(at if move.by < 0 else at + 1, [move.key])
        return after
    del after[at]
    after.insert(min(max(at + move.by, 0), len(after)), [move.key])
    return after


def _put(before: Levels, move: Move) -> list[list[str]]:
    if move.before == move.key:
        return [list(level) for level in before]
    after = [[key for key in level if key != move.key] for level in before]
    after = [level for level in after if level]
    for index, level in enumerate(after):
        if move.before in level:
            if level[0] == move.before:
                after.insert(index, [move.key])
            else:
                level.append(move.key)
            return after
    return [*after, [move.key]]


def _numbers(after: Levels, servers: Mapping[str, Server], key: str) -> list[int]:
    """Return the number of each level; only the moved one is new where there is a gap for it."""
    kept = [_kept(level, servers, key) for level in after]
    if None in kept:
        at = kept.index(None)
        below = kept[at - 1] if at else -1
        above = kept[at + 1] if at + 1 < len(kept) else None
        kept[at] = _between(-1 if below is None else below, above)
    numbers = [-1 if number is None else number for number in kept]
    if all(low < high for low, high in pairwise([-1, *numbers])) and numbers[-1] <= _LARGEST:
        return numbers
    return _renumbered(after, servers)


def _kept(level: Sequence[str], servers: Mapping[str, Server], key: str) -> int | None:
    others = [servers[other].priority for other in level if other != key]
    return others[0] if others else None


def _between(below: int, above: int | None) -> int:
    if above is None:
        return below + _STRIDE
    return (below + above) // 2 if above - below > 1 else -1


def _renumbered(after: Levels, servers: Mapping[str, Server]) -> list[int]:
    """Spread new numbers over the levels between those that the environment sets."""
    fixed = [_fixed(level, servers) for level in after]
    numbers: list[int] = []
    for index, number in enumerate(fixed):
        if number is not None:
            numbers.append(number)
            continue
        if index and fixed[index - 1] is None:
            continue  # this run was numbered with its first level
        run = next((n for n, other in enumerate(fixed[index:]) if other is not None), None)
        end = fixed[index + run] if run is not None else None
        size = len(fixed) - index if run is None else run
        numbers += _spread(numbers[-1] if numbers else -1, end, size)
    if any(low >= high for low, high in pairwise([-1, *numbers])) or numbers[-1] > _LARGEST:
        _refuse(next(servers[key] for level in after for key in level if locked(servers[key])))
    return numbers


def _spread(low: int, high: int | None, size: int) -> list[int]:
    first = 0 if low < 0 else low + _STRIDE
    if high is None and first + _STRIDE * (size - 1) <= _LARGEST:
        return [first + _STRIDE * index for index in range(size)]
    width = (_LARGEST + 1 if high is None else high) - low
    return [low + width * (index + 1) // (size + 1) for index in range(size)]


def _fixed(level: Sequence[str], servers: Mapping[str, Server]) -> int | None:
    return next((servers[key].priority for key in level if locked(servers[key])), None)


def _refuse(server: Server) -> None:
    variable = server.fields["priority"].variable
    text = said(
        "%(variable)s sets the priority %(priority)s of %(server)s in the environment; "
        "change it there.",
        variable=variable,
        priority=server.priority,
        server=server.name or server.key,
    )
    raise InvalidSettings([Problem("priority", variable, text)])

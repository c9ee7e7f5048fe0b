"""Literals of which one must stand in a text for a regular expression to be found in it.

Knows the little of the language that the tables of words use: literals, classes, groups with
alternatives, lookarounds, and bounded quantifiers.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<skip>\(\?[=!<][=!]?)|(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<or>\|)"
    r"|(?P<class>\[\^?\]?(?:\\.|[^\]])*\]|\\[dDwWsSbB]|\.|\^|\$)"
    r"|(?P<times>\?|\{(?P<least>\d*)(?:,\d*)?\})|(?P<literal>\\?.)",
    re.DOTALL,
)
#: A literal shorter than this is found nearly everywhere.
_SHORT: Final = 2


class _Branch:
    """One alternative while it is read: the literal run at hand, and the best needs so far."""

    def __init__(self) -> None:
        self.run = ""
        self.best: frozenset[str] = frozenset()

    def offer(self, needs: frozenset[str]) -> None:
        if _worth(needs) > _worth(self.best):
            self.best = needs

    def end_run(self) -> None:
        if self.run:
            self.offer(frozenset({self.run}))
        self.run = ""


def _worth(needs: frozenset[str]) -> tuple[int, int]:
    return (min(map(len, needs)), -len(needs)) if needs else (0, 0)


class _Group:
    """A group while it is read; ``skipped`` for lookarounds, which need nothing."""

    def __init__(self, *, skipped: bool = False) -> None:
        self.skipped = skipped
        self.done: list[frozenset[str]] = []
        self.branch = _Branch()

    def next_branch(self) -> None:
        self.branch.end_run()
        self.done.append(self.branch.best)
        self.branch = _Branch()

    def needs(self) -> frozenset[str]:
        self.next_branch()
        if self.skipped or not all(self.done):
            return frozenset()
        return frozenset().union(*self.done)


def anchors(pattern: str) -> tuple[str, ...]:
    """Return the literals, shortest last; one of them is in every text that ``pattern`` is in.

    Raises:
        ValueError: there are none, so the expression would have to be tried on every text.
    """
    stack = [_Group()]
    pending: frozenset[str] = frozenset()  # what the group just closed needs, if it is not optional
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup if token.lastgroup != "least" else "times"
        if kind == "times":
            optional = token[0] == "?" or token["least"] in {"", "0"}
            branch = stack[-1].branch
            if branch.run:
                branch.run, last = branch.run[:-1], branch.run[-1]
                branch.end_run()
                branch.run = "" if optional else last
                branch.end_run()
            if optional:
                pending = frozenset()
            continue
        stack[-1].branch.offer(pending)
        pending = frozenset()
        if kind == "literal":
            stack[-1].branch.run += token[0][-1]
        elif kind == "or":
            stack[-1].next_branch()
        else:
            stack[-1].branch.end_run()
            if kind in {"open", "skip"}:
                stack.append(_Group(skipped=kind == "skip"))
            elif kind == "close":
                pending = stack.pop().needs()
    stack[-1].branch.offer(pending)
    needs = stack[0].needs()
    if _worth(needs)[0] < _SHORT:
        raise ValueError(f"no word can be looked for in {pattern!r}")
    return tuple(sorted(_without_longer(needs), key=len, reverse=True))


def _without_longer(needs: frozenset[str]) -> list[str]:
    """Leave out literals that hold another one: the shorter is found with them."""
    return [need for need in needs if not any(o != need and o in need for o in needs)]

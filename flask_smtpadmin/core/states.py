"""The states of a message and of a server, and which step may follow which.

``storage/transitions.py`` is the only module that writes a message's state, and it asks this
table first.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

State = Literal[
    "queued",
    "scheduled",
    "sending",
    "retrying",
    "sent",
    "partial",
    "dead",
    "uncertain",
    "cancelled",
    "expired",
    "caught",
]
#: Why a queued message is not tried now; None: nothing but a free worker is missing.
WaitingFor = Literal["server", "settings", "quota", "paused"]
ServerState = Literal[
    "ok", "unverified", "degraded", "open", "held", "paused", "misconfigured", "disabled"
]
Priority = Literal["urgent", "normal", "bulk"]
RecipientState = Literal["pending", "accepted", "refused", "unknown"]

STATES: Final[tuple[State, ...]] = get_args(State)
#: A worker may claim these once their ``run_at`` has come.
CLAIMABLE: Final[tuple[State, ...]] = ("queued", "scheduled", "retrying")
#: What MAX_QUEUE counts.
WAITING: Final[tuple[State, ...]] = ("queued", "scheduled", "retrying", "sending")
#: The filter *failed* and the tile Failed (24 h).
FAILED: Final[tuple[State, ...]] = ("dead", "partial", "uncertain", "expired")
#: Nothing happens to these by itself.
FINAL: Final[tuple[State, ...]] = (
    "sent",
    "partial",
    "dead",
    "uncertain",
    "cancelled",
    "expired",
    "caught",
)
PRIORITIES: Final[dict[Priority, int]] = {"urgent": 0, "normal": 1, "bulk": 2}
PRIORITY_NAMES: Final[dict[int, Priority]] = {rank: name for name, rank in PRIORITIES.items()}

#: How a message may enter the table; cancelled where its type is switched off.
INITIAL: Final[frozenset[State]] = frozenset({"queued", "scheduled", "caught", "cancelled"})

#: state -> the states that may follow it.
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    "queued": frozenset({"queued", "sending", "cancelled", "expired"}),
    "scheduled": frozenset({"queued", "sending", "cancelled", "expired"}),
    "sending": frozenset(
        # back to scheduled never: its time has come once it was claimed
        {"queued", "retrying", "sent", "partial", "dead", "uncertain", "expired"}
    ),
    "retrying": frozenset({"queued", "retrying", "sending", "cancelled", "dead", "expired"}),
    "sent": frozenset(),
    "partial": frozenset({"queued"}),
    "dead": frozenset({"queued"}),
    "uncertain": frozenset({"queued", "sent"}),
    "cancelled": frozenset({"queued"}),
    "expired": frozenset({"queued"}),
    "caught": frozenset({"queued"}),
}


def sources(to: State) -> tuple[State, ...]:
    """Return the states from which ``to`` may be entered, in table order."""
    return tuple(state for state in STATES if to in TRANSITIONS[state])


def allowed(before: State, after: State) -> bool:
    """Say whether a message may go from ``before`` to ``after``."""
    return after in TRANSITIONS[before]

"""How long what is over is kept, as the settings and the types want it; in days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from flask_smtpadmin.core.states import FINAL, State

#: What was caught is not over: it waits for somebody.
ENDED: Final[tuple[State, ...]] = tuple(state for state in FINAL if state != "caught")

#: For how many days something is kept of messages that ended in a state, by their type; None: for
#: ever, 0: not at all.
Days: TypeAlias = Callable[[State, str | None], int | None]


@dataclass(frozen=True, slots=True)
class Keep:
    """What the settings say; None: for ever.

    Contents of what was ``sent`` are kept for as long as ``by_type`` says for messages of these
    types, others for ``sent`` days; contents of what was not sent for ``failed`` days.
    """

    sent: int | None = None
    by_type: Mapping[str, int | None] = field(default_factory=dict)
    failed: int | None = None
    addresses: int | None = None
    attempts: int | None = None

    def content(self, state: State, kind: str | None) -> int | None:
        """Return the days for what messages say."""
        if state != "sent":
            return self.failed
        return self.by_type.get(kind, self.sent) if kind is not None else self.sent

    def clear(self, state: State, kind: str | None) -> int | None:
        """Return the days for whom they were to: never less than for the content, which says it."""
        content = self.content(state, kind)
        if self.addresses is None or content is None:
            return None
        return max(self.addresses, content)

    def spans(self, days: Days) -> list[tuple[State, int]]:
        """Return each state, and each number of days that some messages in it have."""
        kinds = (None, *self.by_type)
        found = {(state, days(state, kind)) for state in ENDED for kind in kinds}
        return sorted((state, number) for state, number in found if number is not None)

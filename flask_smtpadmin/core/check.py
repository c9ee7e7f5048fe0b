"""What somebody wants to be checked, and how a check that was asked for stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from flask_smtpadmin.core.report import (
    DIRECT_STEPS,
    QUEUE_STEPS,
    SIGN_IN_STEPS,
    STEP_NAMES,
    Report,
)
from flask_smtpadmin.core.words import mark

Scenario = Literal["ladder", "direct", "volume", "wrong_password"]
CheckState = Literal["waiting", "running", "done", "cancelled", "lost"]
Kind = Literal["test", "health"]

#: What people call each scenario, and what it does.
SCENARIOS: Final[Mapping[Scenario, tuple[str, str]]] = {
    "ladder": (
        mark("Every step"),
        mark("To the server by hand, then once more through queue and worker."),
    ),
    "direct": (mark("Server only"), mark("To the server by hand; the queue is not touched.")),
    "volume": (
        mark("Volume"),
        mark("Several messages at once through the queue, to see limits at work."),
    ),
    "wrong_password": (
        mark("Wrong password"),
        mark("Signs in once with a password made up for it."),
    ),
}
#: Messages that a volume test sends at most.
MOST: Final = 50
#: Seconds for which nothing was heard of a check after which nobody works on it any more.
SILENT_SECONDS: Final = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to do with a server.

    ``to``: the recipient, "" ends the check after the sign-in. ``sender`` is the From mailbox, ""
    the server's own. ``count``: messages of a volume test.
    """

    to: str = ""
    sender: str = ""
    scenario: Scenario = "ladder"
    count: int = 1

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the steps that will be tried."""
        if self.scenario == "volume":
            return QUEUE_STEPS
        if self.scenario == "wrong_password" or not self.to:
            return SIGN_IN_STEPS
        return DIRECT_STEPS if self.scenario == "direct" else tuple(STEP_NAMES)

    def dumped(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> Wish:
        """Return what :meth:`dumped` made."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check as the database holds it; times aware UTC.

    ``place`` is the worker that runs it, "" the process that was asked. ``saved``: it tried the
    saved settings, those of ``fingerprint``. ``report`` is there from the first step on, and
    complete once ``state`` is ``done``; ``lost``: whoever ran it is gone.
    """

    id: str
    batch: str
    kind: Kind
    server: str
    saved: bool
    fingerprint: str
    place: str
    host: str
    actor: str | None
    state: CheckState
    cancel: bool
    wish: Wish
    created_at: datetime
    heard_at: datetime
    ok: bool | None
    cause: str
    seen_as: str
    certificate_until: datetime | None
    report: Report | None
    transcript: str

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in {"done", "cancelled", "lost"}

    @property
    def certificate_days(self) -> int | None:
        """How many days the server's certificate was good for when it was seen."""
        until = self.certificate_until
        return None if until is None else (until - self.created_at).days

    def document(self) -> dict[str, Any]:
        """Return the check as JSON shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "server": self.server,
            "state": self.state,
            "host": self.host,
            "actor": self.actor,
            "created_at": self.created_at.isoformat(),
            "ok": self.ok,
            "cause": self.cause or None,
            "report": self.report.document() if self.report else None,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How a server's saved settings stand: the last good check of them, and the last of any.

    ``passed`` None with a ``last``: they were changed since, or never passed.
    """

    passed: Check | None = None
    last: Check | None = None

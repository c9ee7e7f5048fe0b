"""What a check found: one rung after another, from the server's name to the delivered message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from flask_smtpadmin.core.words import mark

StepState = Literal["ok", "failed", "skipped"]
#: What people call each step, in the order in which they are shown.
STEP_NAMES: Final[dict[str, str]] = {
    "resolve": mark("Resolve name"),
    "connect": mark("Connect"),
    "greeting": mark("Greeting"),
    "encrypt": mark("Encrypt"),
    "hello": mark("Hello"),
    "sign_in": mark("Sign in"),
    "sender": mark("Sender accepted"),
    "recipient": mark("Recipient accepted"),
    "message": mark("Message accepted"),
    "stored": mark("Stored"),
    "queued": mark("Queued"),
    "picked_up": mark("Picked up"),
    "sent": mark("Sent"),
}
#: The steps of a test message handed to the server by hand, and of one sent by a worker.
DIRECT_STEPS: Final = tuple(STEP_NAMES)[:9]
QUEUE_STEPS: Final = tuple(STEP_NAMES)[9:]
#: The steps without a recipient.
SIGN_IN_STEPS: Final = DIRECT_STEPS[:6]


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: how it went, how long it took (milliseconds), what there is to tell."""

    name: str
    state: StepState
    ms: float = 0.0
    detail: str = ""
    reply: str = ""

    def document(self) -> dict[str, Any]:
        """Return the step as JSON shows it."""
        return {
            "name": self.name,
            "state": self.state,
            "ms": round(self.ms, 1),
            "detail": self.detail,
            "reply": self.reply,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Step:
        """Return the step that :meth:`document` made."""
        return cls(**{name: document[name] for name in ("name", "state", "ms", "detail", "reply")})


@dataclass(frozen=True, slots=True)
class Report:
    """How a check of ``server`` (a key) went; ``cause`` and ``advice`` empty when ``ok``.

    Attributes:
        runtime: facts about where it ran (versions, resolver, Redis).
        ms: the time of the whole check.
        seen_as: the address of this host as the server sees it, "" when it does not say.
        certificate_until: when the server's certificate ends, aware UTC; None: there is none.
        warnings: what works now and may not for long, one sentence each.
    """

    server: str
    ok: bool
    steps: tuple[Step, ...]
    cause: str = ""
    advice: str = ""
    runtime: Mapping[str, str] = field(default_factory=dict)
    ms: float = 0.0
    seen_as: str = ""
    certificate_until: datetime | None = None
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.state == "failed"), None)

    def document(self) -> dict[str, Any]:
        """Return the report as ``flask smtp check --json`` prints it."""
        until = self.certificate_until
        return {
            "server": self.server,
            "ok": self.ok,
            "steps": [step.document() for step in self.steps],
            "cause": self.cause or None,
            "advice": self.advice or None,
            "runtime": dict(self.runtime),
            "ms": round(self.ms, 1),
            "seen_as": self.seen_as or None,
            "certificate_until": until.isoformat() if until else None,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Report:
        """Return the report that :meth:`document` made."""
        until = document["certificate_until"]
        return cls(
            server=document["server"],
            ok=document["ok"],
            steps=tuple(map(Step.from_document, document["steps"])),
            cause=document["cause"] or "",
            advice=document["advice"] or "",
            runtime=document["runtime"],
            ms=document["ms"],
            seen_as=document["seen_as"] or "",
            certificate_until=datetime.fromisoformat(until) if until else None,
            warnings=tuple(document["warnings"]),
        )

    def with_steps(self, *steps: Step, cause: str = "", advice: str = "") -> Report:
        """Return the report with more steps behind the others; a failed one has a cause."""
        ok = self.ok and not any(step.state == "failed" for step in steps)
        ms = self.ms + sum(step.ms for step in steps)
        return replace(
            self,
            steps=(*self.steps, *steps),
            ok=ok,
            ms=ms,
            cause=self.cause or cause,
            advice=self.advice or advice,
        )

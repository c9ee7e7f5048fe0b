"""What becomes of a message after one try: the outcome table as a pure function.

The rules, in the order in which they are asked:

(a) Before MAIL was written nothing is counted: the message goes back, the server is judged.
(b) After MAIL, transient: one counted failure and a later try. Greylisting, rate, quota and
    too-many-connections replies, when they say so, wait uncounted with a delay of their own.
(c) After MAIL, permanent for recipient, sender or message: final.
(d) After MAIL, permanent for server or account: not counted, the server is suspected. Where that
    is only a guess, rule (b): nobody is condemned, and the message is not tried for ever.

Between the content and its reply a lost link leaves the outcome *uncertain*: ``on_uncertain``
says whether the message is tried again (a counted failure) or held for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from flask_smtpadmin.core.outcome import Outcome
from flask_smtpadmin.core.recipient_end import RecipientEnd, accepted_end, closed, recipient_end
from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.replies import classify, classify_transaction
from flask_smtpadmin.core.states import RecipientState, State, WaitingFor
from flask_smtpadmin.core.transaction import (
    BEFORE_MAIL,
    RecipientReply,
    Reply,
    Transaction,
    TransportFailure,
)

#: What the try says about the server: it works, is out of reach, refuses for good, or may.
ServerWord = Literal["ok", "fault", "hold", "suspect", "none"]
#: attempt.outcome
AttemptWord = Literal["sent", "partial", "retry", "dead", "uncertain", "returned"]

#: Replies that ask for patience: cause -> (multiple of RETRY_DELAY, seconds at least, waits for).
PATIENCE: Final[dict[str, tuple[float, float, WaitingFor | None]]] = {
    "greylisted": (10, 0, None),
    "recipient_rate_limited": (10, 0, None),
    "too_many_connections": (20, 0, "server"),
    "rate_limited": (20, 0, "quota"),
    "auth_rate_limited": (20, 0, "quota"),
    "daily_quota_exceeded": (20, 3600, "quota"),
    "plan_limit_reached": (20, 21_600, "quota"),
}
#: A reply that says the link is about to close (RFC 5321 4.2.1).
CLOSING: Final = 421
#: Crashes of a worker with the message in hand after which it is a dead letter.
MAX_CRASHES: Final = 3
#: The cause of one that no key at hand opens.
UNREADABLE: Final = "secret_unreadable"
_HOLDING: Final = frozenset({"greeting", "encrypt", "hello", "sign_in"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The retry settings; seconds, and counts of failures."""

    attempts: int = 3
    threshold: int = 3
    delay: float = 30.0
    max_delay: float = 3600.0
    max_age: float = 432_000.0
    on_uncertain: str = "retry"

    def exhausted(self, failures: int) -> bool:
        """Say whether a message with so many failures is a dead letter."""
        return failures >= self.threshold or failures > self.attempts

    def end_of(self, due_at: datetime, expires_at: datetime | None) -> datetime:
        """Return when a message expires that was due at ``due_at``."""
        aged = due_at + timedelta(seconds=self.max_age)
        return aged if expires_at is None else min(aged, expires_at)

    def backoff(self, failures: int, chance: float) -> float:
        """Return the seconds to wait after failure ``failures``; ``chance`` is in [0, 1)."""
        exponent = min(failures - 1, 60)
        return float(min(self.max_delay, self.delay * 2**exponent) * (0.5 + chance))


@record(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a message stands when its try has ended.

    ``accepted`` and ``refused`` count the recipients that an earlier try settled. ``provider`` is
    the preset of the server that was tried: its words are then taken in its own sense.
    """

    now: datetime
    due_at: datetime
    expires_at: datetime | None = None
    failures: int = 0
    accepted: int = 0
    refused: int = 0
    on_uncertain: str | None = None
    provider: str = ""


@record(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to write about a message after a try.

    ``run_at`` None: nothing happens by itself. ``failures`` is the new count, ``error`` one clean
    line for people. ``elsewhere``: this is for when no other server may take it in this claim.
    """

    state: State
    outcome: AttemptWord
    failures: int
    run_at: datetime | None = None
    waiting_for: WaitingFor | None = None
    cause: str | None = None
    error: str | None = None
    server: ServerWord = "none"
    recipients: tuple[RecipientEnd, ...] = ()
    elsewhere: bool = False


def decide(
    result: Transaction | TransportFailure,
    standing: Standing,
    policy: Policy,
    *,
    chance: Callable[[], float],
) -> Decision:
    """Say what becomes of a message whose try ended with ``result``.

    Args:
        result: the transaction, or why the session could not be opened.
        standing: the message as it was claimed; times are naive UTC.
        policy: the retry settings.
        chance: returns a number in [0, 1), for the random part of a delay.
    """
    if isinstance(result, Transaction) and result.phase in BEFORE_MAIL:
        result = TransportFailure(result.phase, reply=result.reply, error=result.error)
    if isinstance(result, TransportFailure):
        return _never_began(result, standing, policy)
    if result.accepted:
        return _accepted(result, standing, policy, chance)
    if result.uncertain:
        return _uncertain(result, standing, policy, chance)
    outcome = _benefit(classify_transaction(result, provider=standing.provider) or classify(""))
    if _condemns_server(outcome):
        return _suspected(result, outcome, standing, policy)
    return _refused(result, outcome, standing, policy, chance)


def uncertain_after_crash(standing: Standing, policy: Policy, crashes: int) -> Decision:
    """Say what becomes of a message that was handed over when its worker died.

    ``crashes`` counts this one too.
    """
    told = "The worker died while it handed the message over."
    if crashes >= MAX_CRASHES:
        return Decision(
            state="dead",
            outcome="uncertain",
            failures=standing.failures,
            cause="worker_crash",
            error=f"{told} This happened {crashes} times.",
        )
    decision = _doubt(standing, policy, lambda: 0.0, "worker_lost", told)
    if decision.state == "retrying":
        return replace(decision, run_at=standing.now)
    return decision


def broken(standing: Standing, cause: str, error: str) -> Decision:
    """Return the end of a message that cannot be built or handed over at all."""
    return Decision(
        state="dead", outcome="dead", failures=standing.failures, cause=cause, error=error
    )


def unopened(standing: Standing, policy: Policy, error: str) -> Decision:
    """Return what becomes of a secret message that no key at hand opens: it waits for the key."""
    decision = Decision(
        state="queued",
        outcome="returned",
        failures=standing.failures,
        waiting_for="settings",
        cause=UNREADABLE,
        error=error,
    )
    return _unless_too_old(decision, standing, policy)


def opening(failure: TransportFailure, provider: str = "") -> tuple[ServerWord, str, str]:
    """Say what it means for a server that a session could not be opened: word, cause, reason.

    One certain and permanent word at greeting, EHLO, TLS or AUTH holds it; anything else only
    opens the circuit for a while. ``provider`` is the server's preset.
    """
    outcome = classify_transaction(failure, provider=provider) or classify("")
    final = _condemns_server(outcome)
    spoken = failure.reply is None or failure.reply.code > 0  # what is no reply refuses nothing
    holds = final and outcome.certain and spoken and failure.phase in _HOLDING
    reason = _words(failure.reply, failure.error, failure.phase)
    return "hold" if holds else "fault", outcome.cause, reason


def _never_began(failure: TransportFailure, standing: Standing, policy: Policy) -> Decision:
    word, cause, reason = opening(failure, standing.provider)
    decision = Decision(
        state="queued",
        outcome="returned",
        failures=standing.failures,
        waiting_for="server",
        cause=cause,
        error=reason,
        server=word,
        elsewhere=True,
    )
    return _unless_too_old(decision, standing, policy)


def _accepted(
    result: Transaction, standing: Standing, policy: Policy, chance: Callable[[], float]
) -> Decision:
    if all(recipient.accepted for recipient in result.recipients):
        ends = tuple(accepted_end(item, result) for item in result.recipients)
        return Decision(
            state="partial" if standing.refused else "sent",
            outcome="sent",
            failures=standing.failures,
            server="ok",
            recipients=ends,
        )
    judged = [
        (item, None if item.accepted else _judge(item, standing) or classify(""))
        for item in result.recipients
    ]
    ends = tuple(recipient_end(item, outcome, result) for item, outcome in judged)
    open_ones = [outcome for _, outcome in judged if outcome and outcome.transient]
    refused, shown = next((item, outcome) for item, outcome in judged if outcome)
    decision = Decision(
        state="partial",
        outcome="partial",
        failures=standing.failures,
        cause=shown.cause,
        error=_words(refused.reply, None, "recipient"),
        server="ok",
        recipients=ends,
    )
    if not open_ones:
        return decision
    later = _again(open_ones, standing, policy, chance)
    if later is None:
        return replace(decision, recipients=closed(ends), failures=standing.failures + 1)
    state, failures, run_at, waiting_for = later
    decision = replace(
        decision, state=state, failures=failures, run_at=run_at, waiting_for=waiting_for
    )
    return _unless_too_old(decision, standing, policy)


def _uncertain(
    result: Transaction, standing: Standing, policy: Policy, chance: Callable[[], float]
) -> Decision:
    outcome = classify_transaction(result, provider=standing.provider)
    told = _words(result.reply, result.error, "body")
    cause = outcome.cause if outcome else "server_disconnected"
    decision = _doubt(standing, policy, chance, cause, told)
    ends = []
    for item in result.recipients:
        end = recipient_end(item, _judge(item, standing), result)
        if end.state == "accepted":  # RCPT was; whether the message was, nobody knows
            state: RecipientState = "unknown" if decision.state == "uncertain" else "pending"
            end = RecipientEnd(item.address, state)
        ends.append(end)
    return replace(decision, recipients=tuple(ends))


def _doubt(
    standing: Standing, policy: Policy, chance: Callable[[], float], cause: str, told: str
) -> Decision:
    failures = standing.failures + 1
    hold = (standing.on_uncertain or policy.on_uncertain) == "hold"
    decision = Decision(
        state="uncertain", outcome="uncertain", failures=failures, cause=cause, error=told
    )
    if hold or policy.exhausted(failures):
        return decision
    run_at = standing.now + timedelta(seconds=policy.backoff(failures, chance()))
    if run_at >= policy.end_of(standing.due_at, standing.expires_at):
        return decision
    return replace(decision, state="retrying", run_at=run_at)


def _suspected(
    result: Transaction, outcome: Outcome, standing: Standing, policy: Policy
) -> Decision:
    decision = Decision(
        state="queued",
        outcome="returned",
        failures=standing.failures,
        run_at=standing.now + timedelta(seconds=policy.delay),
        waiting_for="server",
        cause=outcome.cause,
        error=_words(result.reply, result.error, result.phase),
        server="suspect",
        elsewhere=result.phase == "sender",
    )
    return _unless_too_old(decision, standing, policy)


def _refused(
    result: Transaction,
    outcome: Outcome,
    standing: Standing,
    policy: Policy,
    chance: Callable[[], float],
) -> Decision:
    """Rules (b) and (c): the transaction as a whole, or each of its recipients, was refused."""
    judged = [(item, _judge(item, standing) or outcome) for item in result.recipients]
    ends = tuple(recipient_end(item, verdict, result) for item, verdict in judged)
    open_ones = [verdict for _, verdict in judged if verdict.transient]
    closing = result.reply is not None and result.reply.code == CLOSING
    crowded = outcome.cause == "too_many_connections"
    decision = Decision(
        state="partial" if standing.accepted else "dead",
        outcome="dead",
        failures=standing.failures,
        cause=outcome.cause,
        error=_words(result.reply, result.error, result.phase),
        server="fault" if closing or crowded else "none",
        recipients=ends,
        elsewhere=result.phase == "sender" and outcome.transient,
    )
    if not open_ones:
        return decision
    later = _again(open_ones, standing, policy, chance)
    if later is None:
        return replace(decision, failures=standing.failures + 1, recipients=closed(ends))
    state, failures, run_at, waiting_for = later
    decision = replace(
        decision,
        state=state,
        outcome="retry",
        failures=failures,
        run_at=run_at,
        waiting_for=waiting_for,
    )
    return _unless_too_old(decision, standing, policy)


def _again(
    outcomes: list[Outcome], standing: Standing, policy: Policy, chance: Callable[[], float]
) -> tuple[State, int, datetime, WaitingFor | None] | None:
    """Return state, failures, time and reason of the next try; None: there is none."""
    patient = [PATIENCE.get(outcome.cause) if outcome.certain else None for outcome in outcomes]
    waits = [item for item in patient if item is not None]
    if len(waits) == len(patient):
        factor, least, waiting_for = max(waits, key=lambda item: (item[1], item[0]))
        seconds = max(least, factor * policy.delay) * (0.5 + chance())
        run_at = standing.now + timedelta(seconds=max(seconds, policy.delay))
        return "queued", standing.failures, run_at, waiting_for
    failures = standing.failures + 1
    if policy.exhausted(failures):
        return None
    run_at = standing.now + timedelta(seconds=policy.backoff(failures, chance()))
    return "retrying", failures, run_at, None


def _unless_too_old(decision: Decision, standing: Standing, policy: Policy) -> Decision:
    if (decision.run_at or standing.now) < policy.end_of(standing.due_at, standing.expires_at):
        return decision
    return replace(decision, state="expired", run_at=None, waiting_for=None, elsewhere=False)


def _judge(recipient: RecipientReply, standing: Standing) -> Outcome | None:
    if recipient.accepted or recipient.reply is None:
        return None
    said = str(recipient.reply)
    return _benefit(classify(said, stage="recipient", provider=standing.provider))


def _condemns_server(outcome: Outcome) -> bool:
    return outcome.retry == "permanent" and outcome.scope in {"server", "account"}


def _benefit(outcome: Outcome) -> Outcome:
    """Give the benefit of the doubt: a guess after MAIL condemns neither server nor message."""
    if _condemns_server(outcome) and not outcome.certain:
        return replace(outcome, retry="transient")
    return outcome


def _words(reply: Reply | None, error: BaseException | None, phase: str) -> str:
    if reply is not None:
        return clean(str(reply), limit=500)
    told = "no reply" if error is None else str(error) or type(error).__name__
    return clean(f"{phase}: {told}", limit=500)

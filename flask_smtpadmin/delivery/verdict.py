"""From how a flight ended to what is written about it and what it says about the server."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

from flask_smtpadmin.core.errors import SecretUnreadable
from flask_smtpadmin.core.redact import clean, without_links
from flask_smtpadmin.core.retry import CLOSING, Decision, Policy, Standing, broken, decide, unopened
from flask_smtpadmin.core.transaction import Phase, Reply, Transaction, TransportFailure
from flask_smtpadmin.delivery.health import Word
from flask_smtpadmin.delivery.lanes import Ended
from flask_smtpadmin.storage.results import Result, Trace

_ADDRESS_LENGTH = 300
_TLS_LENGTH = 80
_ENHANCED_LENGTH = 12
_LONGEST_CODE = 999


def judge(ended: Ended, policy: Policy) -> Result:
    """Say what becomes of the message of a flight."""
    flight = ended.flight
    result = Result(flight.job, flight.n, _decision(ended, policy), _trace(ended))
    return _discreet(result) if flight.job.secret else result


def server_word(result: Result) -> Word:
    """Say what a result says about the server it was handed to."""
    decision = result.decision
    recipients = result.job.recipients if decision.server == "suspect" else ()
    domain = recipients[0].address.rpartition("@")[2].lower() if recipients else ""
    closing = result.trace.code == CLOSING
    return Word(decision.server, decision.cause, decision.error, domain, closing)


def _discreet(result: Result) -> Result:
    """Return a result without links in what the server said: one may be the message's own."""
    decision, trace = result.decision, result.trace
    ends = tuple(replace(end, reply=_unlinked(end.reply)) for end in decision.recipients)
    return replace(
        result,
        decision=replace(decision, error=_unlinked(decision.error), recipients=ends),
        trace=replace(trace, reply=_unlinked(trace.reply)),
    )


def _unlinked(text: str | None) -> str | None:
    return None if text is None else without_links(text)


def _decision(ended: Ended, policy: Policy) -> Decision:
    job, now = ended.flight.job, ended.finished_at
    standing = Standing(
        now=now,
        due_at=job.due_at,
        expires_at=job.expires_at,
        failures=job.failures,
        accepted=job.accepted,
        refused=job.refused,
        on_uncertain=job.on_uncertain,
        provider=ended.flight.lanes.server.preset or "",
    )
    if ended.cut:
        error = "The worker stopped before the message was handed over."
        return Decision(
            state="queued", outcome="returned", failures=job.failures, run_at=now, error=error
        )
    if isinstance(ended.result, Transaction | TransportFailure):
        return decide(ended.result, standing, policy, chance=random.random)
    if isinstance(ended.result, SecretUnreadable):
        return unopened(standing, policy, str(ended.result))
    return broken(standing, "message_malformed", clean(str(ended.result), limit=500))


def _trace(ended: Ended) -> Trace:
    result, connected = ended.result, ended.connected
    phase: Phase = "connect" if isinstance(result, SecretUnreadable) else "sender"
    reply: Reply | None = None
    ms, address = None, connected.address if connected else None
    error: BaseException | None = result if isinstance(result, Exception) else None
    if isinstance(result, Transaction):
        phase, reply, ms, error = result.phase, result.reply, result.ms, result.error
    elif isinstance(result, TransportFailure):
        phase, reply, error = result.phase, result.reply, result.error
        address = address or result.address
    text = str(reply) if reply is not None else _told(error)
    return Trace(
        server=ended.flight.lanes.server.key,
        started_at=ended.started_at,
        finished_at=ended.finished_at,
        phase=phase,
        address=_of_link(address, _ADDRESS_LENGTH) if address else None,
        code=reply.code if reply and abs(reply.code) <= _LONGEST_CODE else None,
        enhanced=(reply.enhanced[:_ENHANCED_LENGTH] or None) if reply else None,
        reply=clean(text) if text else None,
        tls=_of_link(connected.tls, _TLS_LENGTH) or None if connected else None,
        ms=ms,
        session=_session(ended),
    )


@lru_cache(maxsize=256)  # each message of a connection brings the same
def _of_link(text: str, limit: int) -> str:
    return clean(text, limit=limit)


def _session(ended: Ended) -> str | None:
    failure = ended.result
    name = failure.session if isinstance(failure, TransportFailure) else ""
    return name or (ended.connected.session if ended.connected else "") or None


def _told(error: BaseException | None) -> str:
    if error is None:
        return ""
    return str(error) or type(error).__name__

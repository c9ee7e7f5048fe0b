"""Climbs the check ladder: opens a session, notes each step, hands a test message over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.errors import ConfigurationError, InvalidMessage
from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.mail.mime import build, sender_email
from flask_smtpadmin.core.outcome import Outcome
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.replies import classify, classify_transaction
from flask_smtpadmin.core.report import DIRECT_STEPS, SIGN_IN_STEPS, Report, Step, StepState
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, Phase, Transaction, TransportFailure
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.core.words import mark, said, said_n
from flask_smtpadmin.delivery.facts import facts, seen_as
from flask_smtpadmin.delivery.now import LIMIT, check_usable, envelope_of
from flask_smtpadmin.delivery.sample import test_message
from flask_smtpadmin.transport import Session, open_session, opened

#: The phases that make up the step ``message``.
_STEP_OF: Final[dict[Phase, str]] = {"data": "message", "body": "message", "done": "message"}
_NOT_SMTP: Final = "The answer is not SMTP."
_DOUBT: Final = "; the message may arrive all the same"
#: A certificate that ends sooner is worth a word.
_SOON: Final = timedelta(days=14)


class Options(TypedDict, total=False):
    """What may be asked of a check.

    ``to``: send a test message there; ``sender`` overrides its From mailbox; ``progress`` is
    called with each finished step; ``policy`` is HOST_POLICY; ``limit`` is the time for
    everything in seconds (30); ``transcript`` records what is said.
    """

    to: str | None
    sender: str | None
    progress: Callable[[Step], None] | None
    policy: HostPolicy
    limit: float
    transcript: Transcript | None


class Ladder:
    """One check; ``report()`` may be asked for at any time, even after a cancelled climb."""

    def __init__(self, server: Server, options: Options) -> None:
        self._server = server
        self._to = options.get("to")
        self._sender = options.get("sender")
        self._progress = options.get("progress")
        self._policy = options.get("policy", PRIVATE)
        self._limit = options.get("limit", LIMIT)
        self._transcript = options.get("transcript")
        self._done: dict[str, Step] = {}
        self._outcome: Outcome | None = None
        self._finished = False
        self._session: Session | None = None
        self._started = self._last = time.perf_counter()

    async def climb(self) -> Report:
        """Try one step after the other until one fails; never raises but CancelledError."""
        try:
            await self._climb()
            self._finished = True
        except TransportFailure as failure:
            said = str(failure.reply) if failure.reply is not None else ""
            if failure.reply is not None and failure.reply.code < 0:
                said = "" if failure.phase == "greeting" else said
            self._fail(failure.phase, failure, said)
        except (ConfigurationError, InvalidMessage) as error:
            self._fail("sender" if "sign_in" in self._done else "resolve", error)
        return self.report()

    def report(self) -> Report:
        """Return how far it got; what was not tried is ``skipped``."""
        names = DIRECT_STEPS if self._to else SIGN_IN_STEPS
        steps = tuple(self._done.get(name) or Step(name, "skipped") for name in names)
        outcome, session = self._outcome, self._session
        encryption = session.encryption if session else None
        until = encryption.expires if encryption else None
        return Report(
            server=self._server.key,
            ok=self._finished and outcome is None,
            steps=steps,
            cause=outcome.cause if outcome else "",
            advice=outcome.advice if outcome else "",
            runtime=facts(self._server),
            ms=(time.perf_counter() - self._started) * 1000,
            seen_as=seen_as(session.welcome) if session else "",
            certificate_until=until,
            warnings=_warnings(until),
        )

    async def _climb(self) -> None:
        check_usable(self._server)
        session = self._session = open_session(
            self._server,
            policy=self._policy,
            observer=self._note,
            transcript=self._transcript,
        )
        try:
            async with asyncio.timeout(self._limit):
                await opened(session)
                if self._to:
                    self._judge(await session.transact(self._test_envelope(self._to)))
        except TimeoutError:
            doubt = _DOUBT if session.phase == "body" else ""
            self._fail(session.phase, TimeoutError(f"not done within {self._limit:g} s{doubt}"))
        finally:
            await _close(session)

    def _test_envelope(self, to: str) -> Envelope:
        now = datetime.now(UTC)
        message = test_message(self._server, to, now=now)
        address = sender_email(self._sender or self._server.from_email or "test@localhost")
        built = build(
            message,
            now=now,
            domain=address.rpartition("@")[2],
            token=secrets.token_hex(16),
            subject_prefix=self._server.subject_prefix,
        )
        return envelope_of(built, self._server, sender=self._sender)

    def _note(self, phase: Phase, detail: str, reply: str) -> None:
        """Hear from the session that a step is done."""
        name, detail = _STEP_OF.get(phase, phase), clean(detail)
        state: StepState = "ok"
        if phase == "sign_in" and self._server.auth == "none":
            state, detail = "skipped", said("no user name is set")
        if phase == "greeting" and self._server.tls_mode == "none":
            self._add(Step("encrypt", "skipped", 0.0, mark("TLS is turned off")))
        self._add(Step(name, state, self._lap(), detail, clean(reply)))

    def _judge(self, result: Transaction) -> None:
        reply = str(result.reply) if result.reply is not None else ""
        if not result.accepted:
            self._fail(result.phase, result, reply)
        elif "message" not in self._done:
            self._add(Step("message", "ok", self._lap(), "", reply))

    def _fail(
        self, phase: Phase, why: Transaction | TransportFailure | Exception, reply: str = ""
    ) -> None:
        name = _STEP_OF.get(phase, phase)
        if isinstance(why, Transaction | TransportFailure):
            outcome = classify_transaction(why, provider=self._server.preset)
            error: BaseException | None = why.error
            if why.reply is not None and why.reply.code < 0 and not reply:
                error = ConnectionError(_NOT_SMTP)
        else:
            outcome, error = classify(why, stage=phase, provider=self._server.preset), why
        self._outcome = outcome or classify("")
        detail = described(error) if error is not None else advice(self._outcome.cause).what
        if isinstance(why, Transaction) and why.uncertain:
            detail += _DOUBT
        self._add(Step(name, "failed", self._lap(), detail, reply))

    def _add(self, step: Step) -> None:
        self._done[step.name] = step
        if self._progress is not None:
            with contextlib.suppress(Exception):  # whoever watches must not disturb the check
                self._progress(step)

    def _lap(self) -> float:
        now = time.perf_counter()
        elapsed, self._last = (now - self._last) * 1000, now
        return elapsed


async def _close(session: Session) -> None:
    """Close without keeping the report waiting for a slow farewell."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            await session.close()


def described(error: BaseException) -> str:
    """Return an error in the words of the operating system or of TLS, without Python's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return clean(error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason:
        return clean(error.reason.replace("_", " ").lower())
    if isinstance(error, socket.gaierror):
        return clean(error.strerror or "")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return clean(str(error)) or type(error).__name__


def _warnings(certificate_until: datetime | None) -> tuple[str, ...]:
    """Return what works now and may not for long."""
    now = datetime.now(UTC)
    if certificate_until is None or certificate_until - now > _SOON:
        return ()
    days = (certificate_until - now).days
    return (
        said_n(
            "The server's certificate ends on %(date)s, in %(count)s day.",
            "The server's certificate ends on %(date)s, in %(count)s days.",
            days,
            date=f"{certificate_until:%Y-%m-%d}",
        ),
    )

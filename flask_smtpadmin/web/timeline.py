"""The tries of one message in plain words, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_smtpadmin.core.codes import enhanced_words, reply_words
from flask_smtpadmin.core.rows import AttemptRow, Detail
from flask_smtpadmin.web import wording
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.wording import Look


@dataclass(frozen=True, slots=True)
class Step:
    """One try: how it looks, what happened in a sentence, and where its time went (seconds).

    ``waited``: since the try before it, or since the message was stored; ``worker``: with the
    worker besides ``server``, the time at the server; None where it is not known.
    """

    attempt: AttemptRow
    look: Look
    sentence: str
    codes: tuple[tuple[str, str], ...]
    waited: float | None
    worker: float | None
    server: float | None


def timeline(detail: Detail) -> tuple[Step, ...]:
    """Return the tries of a message, the newest first."""
    steps = []
    before = detail.message.created_at
    for attempt in detail.attempts:
        steps.append(_step(attempt, before))
        before = attempt.finished_at or attempt.started_at
    return tuple(reversed(steps))


def _step(attempt: AttemptRow, before: datetime) -> Step:
    server = None if attempt.ms is None else attempt.ms / 1000
    worker = None
    if attempt.finished_at is not None and server is not None:
        worker = max((attempt.finished_at - attempt.started_at).total_seconds() - server, 0.0)
    return Step(
        attempt=attempt,
        look=wording.ATTEMPT.get(attempt.outcome, wording.ATTEMPT[None]),
        sentence=_sentence(attempt),
        codes=tuple(_codes(attempt)),
        waited=max((attempt.started_at - before).total_seconds(), 0.0),
        worker=worker,
        server=server,
    )


def _sentence(attempt: AttemptRow) -> str:
    if attempt.outcome == "sent":
        return _("%(server)s accepted the message for everybody.", server=attempt.server)
    if attempt.cause:
        return wording.cause_words(attempt.cause)
    if attempt.outcome is None:
        return _("It is with a worker, or that worker has not come back.")
    return ""


def _codes(attempt: AttemptRow) -> list[tuple[str, str]]:
    """Return the codes of the reply, each with its words."""
    found = []
    if attempt.code:
        found.append((str(attempt.code), _(reply_words(attempt.code))))
    if attempt.enhanced:
        found.append((attempt.enhanced, _(enhanced_words(attempt.enhanced))))
    return [(code, words) for code, words in found if words]

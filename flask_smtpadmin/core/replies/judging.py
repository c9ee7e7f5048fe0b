"""Judging a failure by its signs, from the plainest to the weakest.

Looked at in turn: the kind of exception, the words (of the provider first), the enhanced code
(RFC 3463), words that several causes share, and last the basic code (RFC 5321) at its stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, cast

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.outcome import Outcome, Retry, Scope
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.replies import faults, rules
from flask_smtpadmin.core.replies.meaning import Meaning, by_code, fits, only_meaning, settled
from flask_smtpadmin.core.replies.reading import Reading, read
from flask_smtpadmin.core.transaction import Transaction, TransportFailure

#: Our phases by the names that failure reports use.
STAGES: Final = {
    "resolve": "dns",
    "connect": "tcp",
    "encrypt": "tls",
    "hello": "ehlo",
    "sign_in": "auth",
    "sender": "mail_from",
    "recipient": "rcpt_to",
    "body": "data",
    "done": "data",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome and how it came about.

    ``code`` 0 and ``enhanced`` empty: the text has none. ``rule`` is what decided, for people:
    ``words "user unknown"``, ``enhanced code 5.1.1``, ``basic code 550``, ``kind TimeoutError``.
    """

    outcome: Outcome
    family: str
    code: int
    enhanced: str
    rule: str


def classify(
    text: str | bytes | BaseException,
    *,
    stage: str | None = None,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Outcome:
    """Say what a failure means; never raises.

    ``stage`` is where it happened, as a phase of ours or as in failure reports (``mail_from``);
    ``provider`` the key of a preset, with or without a region; ``mechanism`` how the session
    signed in. Unknown stages and providers are ignored.
    """
    return judge(text, stage=stage, provider=provider, mechanism=mechanism).outcome


def judge(
    text: str | bytes | BaseException,
    *,
    stage: str | None = None,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Judgement:
    """Classify and say what decided; never raises. The arguments are those of :func:`classify`."""
    known = STAGES.get(stage or "", stage or "")
    where = _Where(known, (provider or "").partition(":")[0], mechanism or "")
    try:
        if isinstance(text, BaseException):
            return _of_exception(text, where, 0)
        return _of_text(clean(text), where)
    except Exception:  # noqa: BLE001 - a strange failure must never hide the mail it belongs to
        return _judgement(Meaning("server_busy", "nothing", certain=False), None, where)


def classify_transaction(
    result: Transaction | TransportFailure,
    *,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Outcome | None:
    """Classify how a transaction (or opening a session) ended; None when it was accepted.

    Recipients that were refused within an accepted transaction are classified one by one with
    ``classify(str(recipient.reply), stage="recipient")``.
    """
    if isinstance(result, Transaction) and result.accepted:
        return None
    said = str(result.reply) if result.reply is not None else result.error or ""
    return classify(said, stage=result.phase, provider=provider, mechanism=mechanism)


@dataclass(frozen=True, slots=True)
class _Where:
    """The circumstances of a failure."""

    stage: str
    provider: str
    mechanism: str


def _judgement(meaning: Meaning, reading: Reading | None, where: _Where) -> Judgement:
    known = advice(meaning.cause, where.provider)
    outcome = Outcome(
        cause=meaning.cause,
        retry=cast("Retry", meaning.retry or known.retry),
        scope=cast("Scope", meaning.scope or known.scope),
        advice=known.text,
        certain=meaning.certain,
    )
    code, enhanced = (reading.code, reading.enhanced) if reading else (0, "")
    return Judgement(outcome, known.family, code, enhanced, meaning.rule)


# --- exceptions ---------------------------------------------------------------------------------

_DEEPEST: Final = 16
_RETRY: Final = {"t": "transient", "p": "permanent"}


def _of_exception(error: BaseException, where: _Where, depth: int) -> Judgement:
    if isinstance(error, TransportFailure):
        return _of_failure(error, where, depth)
    kind = f"kind {type(error).__name__}"
    own = next((cause for one, cause in faults.KINDS if isinstance(error, one)), None)
    if own is not None:
        return _judgement(Meaning(own, kind), None, where)
    found = _of_text(clean(faults.words(error)), where)
    if not faults.is_builtin(error) and found.outcome.certain:
        return found  # a library's own words say more than the kinds it derives from
    special = faults.of_kind(error, where.stage)
    below = error.__cause__ or error.__context__
    if below is not None and depth < _DEEPEST and not (special and faults.is_builtin(error)):
        deeper = _of_exception(below, where, depth + 1)
        if deeper.outcome.certain or special is None:
            return deeper
    return found if special is None else _of_special(special, kind, found, where)


def _of_failure(failure: TransportFailure, where: _Where, depth: int) -> Judgement:
    here = _Where(STAGES.get(failure.phase, failure.phase), where.provider, where.mechanism)
    if failure.reply is None and failure.error is not None and depth < _DEEPEST:
        return _of_exception(failure.error, here, depth + 1)
    return _of_text(clean(str(failure.reply or "")), here)


def _of_special(special: tuple[str, str], kind: str, found: Judgement, where: _Where) -> Judgement:
    cause, odd = special
    if not cause:  # TLS: the words tell which of its faults it is
        if found.outcome.cause.startswith(("tls_", "cert_")):
            return found
        cause, odd = "tls_handshake_failed", ""
    return _judgement(Meaning(cause, kind, retry=_RETRY.get(odd, "")), None, where)


# --- text ---------------------------------------------------------------------------------------


def _of_text(text: str, where: _Where) -> Judgement:
    reading = read(text, where.stage)
    meaning = _decide(reading, where.provider)
    return _judgement(settled(meaning, reading, where.mechanism), reading, where)


def _decide(reading: Reading, provider: str) -> Meaning:
    """Return what the first sign says, from the plainest to the weakest.

    Links and host names are not read as words unless nothing else tells.
    """
    return (
        _of_provider(reading, reading.reply, provider)
        or _of_table("", reading, reading.bare)
        or _of_enhanced(reading)
        or _of_links(reading)
        or _of_rest(reading, provider)
        or _vague(_of_table("general", reading, reading.bare), reading)
        or _vague(_of_weak(reading), reading)
        or by_code(reading.code, reading.stage)
    )


def _of_table(name: str, reading: Reading, text: str) -> Meaning | None:
    table = rules.table(name) if name else rules.words(reading.stage)
    return _of_words(table, reading, text, "words")


def _of_links(reading: Reading) -> Meaning | None:
    """Look at links and host names, too: some replies have little else."""
    return None if reading.reply == reading.bare else _of_table("", reading, reading.reply)


def _of_rest(reading: Reading, provider: str) -> Meaning | None:
    """Look at the whole where the reply that is quoted in it does not tell."""
    if reading.reply == reading.said:
        return None
    return _of_provider(reading, reading.said, provider) or _of_table("", reading, reading.said)


def _of_provider(reading: Reading, text: str, provider: str) -> Meaning | None:
    sections = [one for one in rules.providers() if provider and provider in one.keys]
    sections += [one for one in rules.providers() if one.speaks(reading.marks)]
    for section in sections:
        found = _of_words(section.rules, reading, text, f"words of {section.keys[0]}")
        if found is not None:
            return found
    return None


def _of_words(
    table: tuple[rules.Rule, ...], reading: Reading, text: str, kind: str
) -> Meaning | None:
    for rule in table:
        found = rule.find(text)
        if found is None or not rule.counts(reading.code, reading.stage):
            continue
        if fits(rule.cause, reading):
            shown = found[0].strip()[:60].strip()
            return Meaning(rule.cause, f'{kind} "{shown}"', rule.retry, rule.scope)
    return None


def _vague(found: Meaning | None, reading: Reading) -> Meaning | None:
    """Mark what decided as a guess where it could have meant something else, too."""
    if found is None or only_meaning(found.cause, reading):
        return found
    return replace(found, certain=False)


def _of_enhanced(reading: Reading) -> Meaning | None:
    cause = rules.codes().get(reading.enhanced[2:])
    if cause is None or not fits(cause, reading):
        return None
    return Meaning(cause, f"enhanced code {reading.enhanced}")


def _of_weak(reading: Reading) -> Meaning | None:
    by_stage = rules.weak_codes().get(reading.enhanced[2:])
    if by_stage is None:
        return None
    cause = by_stage.get(reading.stage) or by_stage[""]
    if cause == "server_busy" and reading.kind == 5:  # noqa: PLR2004 - RFC 5321 4.2.1
        return None  # "other", and for good: the stage tells more than that
    return Meaning(cause, f"enhanced code {reading.enhanced}") if fits(cause, reading) else None

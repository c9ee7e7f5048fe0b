"""The outcome table as a table: what becomes of a message after each kind of try."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.retry import (
    Decision,
    Policy,
    Standing,
    decide,
    opening,
    uncertain_after_crash,
)
from flask_smtpadmin.core.transaction import (
    Phase,
    RecipientReply,
    Reply,
    Transaction,
    TransportFailure,
)

NOW = datetime.fromisoformat("2026-03-14T12:00")
FRESH = Standing(now=NOW, due_at=NOW)
POLICY = Policy()
OK = "250 2.1.5 ok"
BUSY = "451 4.3.0 Temporary lookup failure"
UNKNOWN = "550 5.1.1 no such user here"


def reply(text: str) -> Reply:
    """Parse ``"550 5.1.1 words"``."""
    code, enhanced, words = text.split(" ", 2)
    return Reply(int(code), enhanced, words)


def tried(phase: Phase, final: str | None, *recipients: str | None, error: Any = None) -> Any:
    """Return a transaction; ``recipients`` are the replies to RCPT."""
    replies = tuple(
        RecipientReply(f"r{n}@example.com", reply(text) if text else None)
        for n, text in enumerate(recipients or (OK,))
    )
    return Transaction(phase, replies, reply(final) if final else None, 1.0, error)


def after(result: Any, standing: Standing = FRESH, policy: Policy = POLICY) -> Decision:
    """Decide with the middle of the random part."""
    return decide(result, standing, policy, chance=lambda: 0.5)


RESET = ConnectionResetError("reset by peer")
TABLE: list[tuple[str, Any, str, str, int, str]] = [
    # name, result, state, attempt.outcome, failures, word on the server
    ("accepted", tried("done", "250 2.0.0 ok"), "sent", "sent", 0, "ok"),
    (
        "unreachable",
        TransportFailure("connect", error=ConnectionRefusedError(111, "Connection refused")),
        "queued",
        "returned",
        0,
        "fault",
    ),
    (
        "login refused",
        TransportFailure("sign_in", reply=reply("535 5.7.8 Error: authentication failed")),
        "queued",
        "returned",
        0,
        "hold",
    ),
    (
        "greeting 421",
        TransportFailure("greeting", reply=reply("421 4.3.2 Service not available, try later")),
        "queued",
        "returned",
        0,
        "fault",
    ),
    ("link was dead", tried("hello", None, None, error=RESET), "queued", "returned", 0, "fault"),
    ("MAIL 421", tried("sender", "421 4.3.2 closing", None), "retrying", "retry", 1, "fault"),
    ("MAIL 4xx", tried("sender", BUSY, None), "retrying", "retry", 1, "none"),
    (
        "MAIL 5xx sender",
        tried("sender", "553 5.7.1 Sender address rejected: not owned by user", None),
        "dead",
        "dead",
        0,
        "none",
    ),
    ("RCPT 4xx", tried("recipient", BUSY, BUSY), "retrying", "retry", 1, "none"),
    ("RCPT 5xx", tried("recipient", UNKNOWN, UNKNOWN), "dead", "dead", 0, "none"),
    (
        "account refused",
        tried("sender", "550 5.7.1 Your account has been suspended", None),
        "queued",
        "returned",
        0,
        "suspect",
    ),
    (
        "greylisted",
        tried("recipient", "450 4.2.0 Greylisted, see postgrey", "450 4.2.0 Greylisted, see pg"),
        "queued",
        "retry",
        0,
        "none",
    ),
    ("DATA 4xx", tried("data", BUSY), "retrying", "retry", 1, "none"),
    (
        "final 5xx",
        tried("done", "554 5.7.1 Message rejected as spam by content filter"),
        "dead",
        "dead",
        0,
        "none",
    ),
    ("final 4xx", tried("done", BUSY), "retrying", "retry", 1, "none"),
    ("cut in the body", tried("body", None, error=RESET), "retrying", "uncertain", 1, "none"),
    ("gibberish", tried("body", "-1 - garbage"), "retrying", "uncertain", 1, "none"),
    ("cut before it", tried("data", None, error=RESET), "retrying", "retry", 1, "none"),
]


@pytest.mark.parametrize(
    ("result", "state", "outcome", "failures", "server"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_outcome_table(result: Any, state: str, outcome: str, failures: int, server: str):
    """Each phase and event leads to its state, its count and its word on the server."""
    decision = after(result)
    assert (decision.state, decision.outcome, decision.failures, decision.server) == (
        state,
        outcome,
        failures,
        server,
    )
    waits = decision.state == "queued" and decision.waiting_for == "server"
    assert (decision.run_at is not None) == (
        decision.state in {"retrying", "queued"} and (not waits or server == "suspect")
    )


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        ("sender", "503 5.0.0 no"),
        ("recipient", "550 5.3.2 System unavailable"),
        ("recipient", "550 5.4.1 no"),
        ("sender", "500 5.5.1 no"),
    ],
)
def test_a_guess_after_mail_condemns_neither_server_nor_message(phase: Phase, text: str):
    """What only sounds like the server's own fault is one counted failure, dead at the third."""
    recipient = text if phase == "recipient" else None
    result = tried(phase, text, recipient)
    decision = after(result)
    assert (decision.state, decision.failures, decision.server) == ("retrying", 1, "none")
    assert after(result, replace(FRESH, failures=2)).state == "dead"


@pytest.mark.parametrize(
    ("phase", "text", "word"),
    [
        ("greeting", "554 5.7.1 Access denied", "hold"),
        ("greeting", "521 5.3.2 Service currently unavailable", "hold"),
        ("greeting", "554 5.3.0 no", "fault"),
        ("greeting", "554 5.3.2 Service unavailable", "fault"),
        ("hello", "501 5.5.4 no", "hold"),
        ("hello", "550 5.7.1 Access denied", "fault"),
        ("hello", "500 5.5.1 no", "fault"),
        ("encrypt", "502 5.5.1 no", "fault"),
        ("sign_in", "535 5.7.3 no", "hold"),
        ("sign_in", "535 5.5.6 no", "hold"),
        ("sign_in", "550 5.7.3 no", "fault"),
    ],
)
def test_a_vague_reply_holds_a_server_only_where_it_means_one_thing(
    phase: Phase, text: str, word: str
):
    """A refused greeting, EHLO name or login is plain; anything vague opens the circuit."""
    assert opening(TransportFailure(phase, reply=reply(text)))[0] == word


def test_the_provider_of_the_server_decides_what_its_words_mean():
    """Gmail says of the login what others say of a recipient; a region changes nothing."""
    said = "550 5.7.0 Invalid credentials for relay"
    result = tried("recipient", said, said)
    assert after(result).cause == "recipient_unknown"
    for provider in ("gmail", "gmail:eu"):
        decision = after(result, replace(FRESH, provider=provider))
        assert (decision.cause, decision.server) == ("relay_denied", "suspect")
    refused = TransportFailure("sign_in", reply=reply("553 5.3.0 Auth failure"))
    assert opening(refused)[1] == "auth_bad_credentials"
    assert opening(refused, "naver")[1] == "auth_mechanism_unsupported"


def test_backoff_doubles_up_to_its_limit_and_is_spread():
    """The delay is delay * 2^(n-1), at most max_delay, times 0.5 to 1.5."""
    policy = Policy(attempts=99, threshold=99)
    delays = [policy.backoff(n, 0.5) for n in (1, 2, 3, 8, 60, 2000)]
    assert delays == [30, 60, 120, 3600, 3600, 3600]
    assert (policy.backoff(1, 0.0), policy.backoff(1, 0.999)) == (15, pytest.approx(45, abs=0.1))


@pytest.mark.parametrize(
    ("attempts", "threshold", "tries"), [(3, 3, 3), (0, 5, 1), (1, 5, 2), (9, 1, 1), (2, 9, 3)]
)
def test_dead_at_the_first_of_both_limits(attempts: int, threshold: int, tries: int):
    """Dead when failures >= threshold or failures > attempts."""
    policy, standing, count = Policy(attempts=attempts, threshold=threshold), FRESH, 0
    while True:
        count += 1
        decision = after(tried("done", BUSY), standing, policy)
        if decision.state == "dead":
            break
        standing = replace(standing, failures=decision.failures)
    assert count == tries


def test_each_recipient_has_its_own_fate():
    """One accepted, one refused for good, one deferred: only the last is tried again."""
    decision = after(tried("done", "250 2.0.0 ok", OK, UNKNOWN, BUSY))
    assert [end.state for end in decision.recipients] == ["accepted", "refused", "pending"]
    assert (decision.state, decision.failures, decision.server) == ("retrying", 1, "ok")


def test_partial_when_nothing_is_pending():
    """Accepted for some and refused for the rest: partial, at once or when tries run out."""
    assert after(tried("done", "250 2.0.0 ok", OK, UNKNOWN)).state == "partial"
    last = replace(FRESH, failures=2)
    decision = after(tried("done", "250 2.0.0 ok", OK, BUSY), last)
    assert (decision.state, [end.state for end in decision.recipients]) == (
        "partial",
        ["accepted", "refused"],
    )
    refused = after(tried("recipient", UNKNOWN, UNKNOWN), replace(FRESH, accepted=1))
    assert refused.state == "partial"
    assert after(tried("done", "250 2.0.0 ok"), replace(FRESH, refused=1)).state == "partial"


def test_a_refusal_at_rcpt_stays_final_whatever_comes_later():
    """550 at RCPT and 451 after the dot: the refused one is never asked again."""
    decision = after(tried("done", BUSY, OK, UNKNOWN))
    assert [end.state for end in decision.recipients] == ["pending", "refused"]
    assert decision.state == "retrying"


def test_uncertain_is_held_when_asked():
    """``hold`` on the message, or as the app's setting, waits for a person."""
    lost = tried("body", None, error=RESET)
    held = after(lost, replace(FRESH, on_uncertain="hold"))
    assert (held.state, held.run_at) == ("uncertain", None)
    assert [end.state for end in held.recipients] == ["unknown"]
    policy = Policy(on_uncertain="hold")
    assert after(lost, policy=policy).state == "uncertain"
    assert after(lost, replace(FRESH, on_uncertain="retry"), policy).state == "retrying"
    assert after(lost, replace(FRESH, failures=2)).state == "uncertain", "the last try ended so"


def test_nothing_is_planned_beyond_its_time():
    """A message whose next try would come after expires_at or MAX_AGE expires."""
    soon = replace(FRESH, expires_at=NOW + timedelta(seconds=20))
    old = replace(FRESH, due_at=NOW - timedelta(days=5))
    down = TransportFailure("connect", error=OSError("no route"))
    for standing in (soon, old):
        assert after(tried("done", BUSY), standing).state == "expired"
    assert after(down, old).state == "expired"
    assert after(down, soon).state == "queued"


def test_the_third_crash_is_worker_crash():
    """A counted failure each, due at once; at three the message itself is to blame."""
    policy = Policy(attempts=9, threshold=9)
    first = uncertain_after_crash(FRESH, policy, 1)
    assert (first.state, first.run_at, first.failures) == ("retrying", NOW, 1)
    third = uncertain_after_crash(FRESH, policy, 3)
    assert (third.state, third.cause) == ("dead", "worker_crash")
    assert uncertain_after_crash(replace(FRESH, on_uncertain="hold"), policy, 1).state == (
        "uncertain"
    )


@given(
    phase=st.sampled_from(["hello", "sender", "recipient", "data", "body", "done"]),
    final=st.one_of(st.none(), st.builds(Reply, st.integers(-1, 599), st.just(""), st.text())),
    recipients=st.lists(st.one_of(st.none(), st.sampled_from([OK, BUSY, UNKNOWN])), min_size=1),
    failures=st.integers(0, 5),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_any_try_leads_somewhere(
    phase: Phase, final: Reply | None, recipients: Any, failures: int, chance: float
):
    """Whatever a server does: a waiting state has a time or a reason, a final one has neither."""
    replies = tuple(
        RecipientReply(f"r{n}@example.com", reply(text) if text else None)
        for n, text in enumerate(recipients)
    )
    result = Transaction(phase, replies, final, 1.0, None if final else RESET)
    standing = replace(FRESH, failures=failures)
    decision = decide(result, standing, POLICY, chance=lambda: chance)
    waiting = decision.state in {"queued", "retrying"}
    assert waiting == (decision.run_at is not None or decision.waiting_for is not None)
    assert decision.run_at is None or decision.run_at >= NOW
    assert decision.failures in {failures, failures + 1}
    if result.accepted:
        assert decision.state in {"sent", "partial", "retrying", "queued"}
    else:
        assert decision.state != "sent"

"""Four ways through the same dialogue, one outcome: ours in both gaits, aiosmtplib's, smtplib's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.reference import ReferenceSession
from support.scripted import (
    Accept,
    Action,
    Drop,
    Farm,
    Raw,
    Script,
    Silence,
    scripted_servers,
)

from flask_smtpadmin.core.hosts import PRIVATE
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, Transaction
from flask_smtpadmin.transport import Session, open_session

MAIL = Envelope("a@example.org", ("b@example.org", "c@example.org"), b"Subject: x\r\n\r\n.dot\r\n")
WAYS = ("pipelined", "stepwise", "reference", "smtplib")


@dataclass(frozen=True)
class Outcome:
    """What must be equal whoever speaks to the server."""

    phase: str
    reply: str | None
    recipients: tuple[str | None, ...]
    accepted: bool
    uncertain: bool
    taken: int

    @classmethod
    def of(cls, result: Transaction, taken: int) -> Outcome:
        """Return the outcome of a transaction; ``taken``: messages with somebody to get them."""
        reply = result.reply
        if reply is not None and reply.code < 0:
            reply = None  # each parser has its own words for what it cannot read
        return cls(
            result.phase,
            str(reply) if reply is not None else None,
            tuple(str(item.reply) if item.reply else None for item in result.recipients),
            result.accepted,
            result.uncertain,
            taken,
        )


def session(way: str, server: Server) -> Session:
    if way == "reference":
        return ReferenceSession(server, PRIVATE)
    return open_session(server)


def outcome(farm: Farm, way: str, script: Script, **changes: Any) -> Outcome:
    """Hand one message to a server of its own in one of the ways."""
    server = farm.add(script, pipelining=way == "pipelined")
    engine = "smtplib" if way == "smtplib" else "aiosmtplib"

    async def run() -> Transaction:
        talk = session(way, server.settings(engine=engine, **changes))
        await talk.open()
        try:
            return await talk.transact(MAIL)
        finally:
            await talk.close()

    result = asyncio.run(run())
    taken = [item for item in server.deliveries if item.taken and item.recipients]
    return Outcome.of(result, len(taken))


def assert_alike(farm: Farm, script: Script, **changes: Any) -> Outcome:
    """Try all ways and return what they agree on."""
    outcomes = {way: outcome(farm, way, script, **changes) for way in WAYS}
    assert len(set(outcomes.values())) == 1, outcomes
    return outcomes["pipelined"]


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with scripted_servers() as servers:
        yield servers


def texts(*codes: str) -> st.SearchStrategy[str]:
    return st.sampled_from(codes)


good = texts("250 2.1.0 ok", "250 ok", "250", "250-2.0.0 one\r\n250 2.0.0 two")
refusals = texts(
    "450 4.2.0 later", "451", "550 5.1.1 no such user", "554-5.7.1 spam\r\n554 5.7.1 and more",
    "421 4.3.2 bye", "550 \x07\x1b[2J",
)  # fmt: skip
ends = st.sampled_from([Drop(), ("421 4.3.2 bye", Drop())])


def replies(*sort: st.SearchStrategy[str]) -> st.SearchStrategy[Action]:
    """Return actions that answer with such a reply, whole or in pieces, or that end the link."""
    words = st.one_of(*sort)
    pieces = st.builds(
        lambda text, size: Raw(text.encode() + b"\r\n", size),
        words,
        st.integers(1, 9),
    )
    return st.one_of(words, pieces, ends)


scripts = st.fixed_dictionaries(
    {},
    optional={
        "mail": replies(good, refusals),
        "rcpt": st.lists(replies(good, refusals), min_size=2, max_size=2),
        "data": replies(texts("354 go", "354-go\r\n354 on"), refusals).filter(
            lambda action: not isinstance(action, Raw)
        ),
        "dot": replies(good, refusals) | replies(good).map(Accept),
    },
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=scripts)
@example(script={"mail": "550 5.7.1 no", "data": "354 go"})
@example(script={"rcpt": ["550 5.1.1 no", "450 4.2.0 later"], "data": "354 go"})
@example(script={"rcpt": ["250 ok", "421 4.3.2 bye"]})
def test_all_ways_lead_to_the_same_outcome(farm: Farm, script: Script) -> None:
    """Whatever the server answers: phase, replies, recipients, accepted, uncertain, taken."""
    assert_alike(farm, script)


@pytest.mark.parametrize(
    ("script", "phase", "uncertain"),
    [
        pytest.param({}, "done", False, id="accepted"),
        pytest.param({"dot": Accept(Drop())}, "body", True, id="taken and gone"),
        pytest.param({"dot": Accept(Raw(b"what?\r\n"))}, "body", True, id="garbage"),
        pytest.param({"dot": Accept(Raw(b"999 ok\r\n"))}, "body", True, id="999"),
        pytest.param({"dot": Accept(Raw(b"354 again\r\n"))}, "body", True, id="354"),
        pytest.param({"mail": Raw(b"what?\r\n")}, "sender", False, id="garbage at MAIL"),
        pytest.param({"mail": "354 go on"}, "sender", False, id="354 at MAIL"),
        pytest.param({"data": "250 ok"}, "data", False, id="250 at DATA"),
    ],
)
def test_they_agree_on_what_is_no_reply(
    farm: Farm, script: Script, phase: str, *, uncertain: bool
) -> None:
    """F15: and the outcome is the one of the table."""
    found = assert_alike(farm, script)
    assert (found.phase, found.uncertain) == (phase, uncertain)


@pytest.mark.parametrize(
    ("step", "phase"),
    [("mail", "sender"), ("rcpt", "recipient"), ("data", "data"), ("dot", "body")],
)
def test_they_agree_on_silence(farm: Farm, step: str, phase: str) -> None:
    """F13: each gives up in the same phase."""
    limit = {"data_timeout" if step == "dot" else "timeout": 1.0}
    found = assert_alike(farm, {step: Silence()}, **limit)
    assert (found.phase, found.uncertain) == (phase, phase == "body")
